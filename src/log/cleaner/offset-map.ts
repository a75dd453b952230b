import assert from 'node:assert'
import { HASH_WORDS, KeyHash } from './key-hash.ts'

const HASH_BYTES = 4 * HASH_WORDS
const OFFSET_BYTES = 8
/** As many as an entry of Kafka's table takes, so that a buffer of the same size holds the same number of keys. */
export const ENTRY_BYTES = HASH_BYTES + OFFSET_BYTES

/** A table as it goes from one job to the next. Its memory is shared, not copied. */
export interface OffsetMapState {
  readonly memory: SharedArrayBuffer
  readonly secret: Uint8Array
  readonly entries: number
  readonly latestOffset: number
}

/** The last offset of each key of the part of a log that is to be cleaned, in memory that is bounded beforehand. */
export class OffsetMap {
  readonly slots: number
  readonly #memory: SharedArrayBuffer
  readonly #secret: Uint8Array
  readonly #hash: KeyHash
  readonly #hashes: Int32Array
  /** One more than the offset: 0 is an empty slot. */
  readonly #offsets: Float64Array
  #entries: number
  #latestOffset: number

  /** A table of so many keys. */
  static of(slots: number, secret: Uint8Array): OffsetMap {
    const memory = new SharedArrayBuffer(slots * ENTRY_BYTES)
    return new OffsetMap({ memory, secret, entries: 0, latestOffset: -1 })
  }

  constructor(state: OffsetMapState) {
    const { memory, secret } = state
    this.#memory = memory
    this.#secret = secret
    this.slots = memory.byteLength / ENTRY_BYTES
    this.#hash = new KeyHash(secret)
    this.#offsets = new Float64Array(memory, 0, this.slots)
    this.#hashes = new Int32Array(memory, this.slots * OFFSET_BYTES, this.slots * HASH_WORDS)
    this.#entries = state.entries
    this.#latestOffset = state.latestOffset
  }

  get state(): OffsetMapState {
    const { latestOffset } = this
    return { memory: this.#memory, secret: this.#secret, entries: this.#entries, latestOffset }
  }

  /** How many keys there are. */
  get entries(): number {
    return this.#entries
  }

  /** Records beyond this offset aren't in the table, and nothing is known of their keys. */
  get latestOffset(): number {
    return this.#latestOffset
  }

  /** Everything up to this offset has been taken in. */
  reach(offset: number): void {
    this.#latestOffset = offset
  }

  /** Offsets come in rising order. */
  put(bytes: Buffer, start: number, end: number, offset: number): void {
    const slot = this.#slotOf(bytes, start, end)
    if (this.#offsets[slot] === 0) {
      assert(this.#entries + 1 < this.slots, 'The table of keys is full')
      this.#hashes.set(this.#hash.words, slot * HASH_WORDS)
      this.#entries++
    }
    this.#offsets[slot] = offset + 1
    this.#latestOffset = offset
  }

  /** The last offset of a key; -1 where it isn't in the table. */
  get(bytes: Buffer, start: number, end: number): number {
    return this.#offsets[this.#slotOf(bytes, start, end)]! - 1
  }

  /** The slot that the key has, or the empty one that it would get. There is always an empty one. */
  #slotOf(bytes: Buffer, start: number, end: number): number {
    const { words } = this.#hash
    this.#hash.update(bytes, start, end)
    let slot = (words[0]! >>> 0) % this.slots
    while (this.#offsets[slot] !== 0 && !this.#isAt(slot))
      slot = slot + 1 === this.slots ? 0 : slot + 1
    return slot
  }

  #isAt(slot: number): boolean {
    const at = slot * HASH_WORDS
    const { words } = this.#hash
    for (let index = 0; index < HASH_WORDS; index++) {
      if (this.#hashes[at + index] !== words[index]) return false
    }
    return true
  }
}
