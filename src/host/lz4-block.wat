;; Decodes one block of the LZ4 block format (github.com/lz4/lz4, doc/lz4_Block_format.md): literals, then a match, and again.
;;
;; `lz4-block.ts` has this as the bytes that WebAssembly takes: `UPDATE_WASM=1 npx jest host/lz4-block` makes them anew.
;;
;; What is short is copied 8 bytes at a time and up to 24 bytes too far, since a loop for each length is what would cost. So 32
;; bytes behind the end of the block and behind the limit may be read and written; what counts is checked before.
(module
  (memory (export "memory") 130)
  (func (export "decode")
    (param $at i32)     ;; where the block begins
    (param $end i32)    ;; and ends
    (param $to i32)     ;; where its bytes go; what it may repeat goes from address 0 to here
    (param $limit i32)  ;; where they have to end at the latest
    (result i32)        ;; where they end; -1 for a block that is damaged or has more
    (local $token i32)
    (local $count i32)
    (local $byte i32)
    (local $distance i32)
    (local $from i32)
    (local $stop i32)
    (loop $sequence
      (if (i32.eq (local.get $at) (local.get $end)) (then (return (local.get $to))))
      (local.set $token (i32.load8_u (local.get $at)))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))

      ;; Literals: the upper half of the token says how many; 15 and more go on in bytes that are added up to the first below 255.
      (local.set $count (i32.shr_u (local.get $token) (i32.const 4)))
      (if (i32.eq (local.get $count) (i32.const 15))
        (then
          (loop $more
            (if (i32.eq (local.get $at) (local.get $end)) (then (return (i32.const -1))))
            (local.set $byte (i32.load8_u (local.get $at)))
            (local.set $at (i32.add (local.get $at) (i32.const 1)))
            (local.set $count (i32.add (local.get $count) (local.get $byte)))
            (br_if $more (i32.eq (local.get $byte) (i32.const 255))))))
      (if (i32.gt_u (local.get $count) (i32.sub (local.get $end) (local.get $at)))
        (then (return (i32.const -1))))
      (if (i32.gt_u (local.get $count) (i32.sub (local.get $limit) (local.get $to)))
        (then (return (i32.const -1))))
      (if (i32.le_u (local.get $count) (i32.const 16))
        (then
          (i64.store (local.get $to) (i64.load (local.get $at)))
          (i64.store offset=8 (local.get $to) (i64.load offset=8 (local.get $at))))
        (else (memory.copy (local.get $to) (local.get $at) (local.get $count))))
      (local.set $at (i32.add (local.get $at) (local.get $count)))
      (local.set $to (i32.add (local.get $to) (local.get $count)))

      ;; The last sequence may have no match.
      (if (i32.eq (local.get $at) (local.get $end)) (then (return (local.get $to))))

      ;; The match: how far back it begins, and how long it is beyond 4, as the lower half of the token says.
      (if (i32.lt_u (i32.sub (local.get $end) (local.get $at)) (i32.const 2))
        (then (return (i32.const -1))))
      (local.set $distance (i32.load16_u (local.get $at)))
      (local.set $at (i32.add (local.get $at) (i32.const 2)))
      (if (i32.eqz (local.get $distance)) (then (return (i32.const -1))))
      (if (i32.gt_u (local.get $distance) (local.get $to)) (then (return (i32.const -1))))
      (local.set $from (i32.sub (local.get $to) (local.get $distance)))
      (local.set $count (i32.and (local.get $token) (i32.const 15)))
      (if (i32.eq (local.get $count) (i32.const 15))
        (then
          (loop $more
            (if (i32.eq (local.get $at) (local.get $end)) (then (return (i32.const -1))))
            (local.set $byte (i32.load8_u (local.get $at)))
            (local.set $at (i32.add (local.get $at) (i32.const 1)))
            (local.set $count (i32.add (local.get $count) (local.get $byte)))
            (br_if $more (i32.eq (local.get $byte) (i32.const 255))))))
      (local.set $count (i32.add (local.get $count) (i32.const 4)))
      (if (i32.gt_u (local.get $count) (i32.sub (local.get $limit) (local.get $to)))
        (then (return (i32.const -1))))
      (local.set $stop (i32.add (local.get $to) (local.get $count)))
      (if (i32.ge_u (local.get $distance) (i32.const 8))
        (then
          ;; Each 8 bytes are there before they are repeated.
          (i64.store (local.get $to) (i64.load (local.get $from)))
          (i64.store offset=8 (local.get $to) (i64.load offset=8 (local.get $from)))
          (if (i32.gt_u (local.get $count) (i32.const 16))
            (then
              (local.set $to (i32.add (local.get $to) (i32.const 16)))
              (local.set $from (i32.add (local.get $from) (i32.const 16)))
              (loop $eight
                (i64.store (local.get $to) (i64.load (local.get $from)))
                (local.set $to (i32.add (local.get $to) (i32.const 8)))
                (local.set $from (i32.add (local.get $from) (i32.const 8)))
                (br_if $eight (i32.lt_u (local.get $to) (local.get $stop)))))))
        (else
          ;; A match that overlaps itself closely repeats what it has just written.
          (loop $one
            (i32.store8 (local.get $to) (i32.load8_u (local.get $from)))
            (local.set $to (i32.add (local.get $to) (i32.const 1)))
            (local.set $from (i32.add (local.get $from) (i32.const 1)))
            (br_if $one (i32.lt_u (local.get $to) (local.get $stop))))))
      (local.set $to (local.get $stop))
      (br $sequence))
    (unreachable)))
