const SMALLEST_BYTES = 256

/** A buffer with the first `length` bytes of the given one and room for `more`: the same one where it has room. */
export function growable(buffer: Buffer, length: number, more: number): Buffer {
  if (length + more <= buffer.length) return buffer
  const grown = Buffer.alloc(Math.max(SMALLEST_BYTES, 2 * buffer.length, length + more))
  buffer.copy(grown, 0, 0, length)
  return grown
}
