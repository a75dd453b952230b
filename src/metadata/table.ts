/** A map by strings that never changes, in no particular order. */
export interface ReadonlyTable<Value> {
  readonly size: number
  get(key: string): Value | undefined
  has(key: string): boolean
  keys(): IterableIterator<string>
  values(): IterableIterator<Value>
  /** A version with these changes; undefined removes. */
  with(changes: ReadonlyMap<string, Value | undefined>): ReadonlyTable<Value>
}

const LEAST_CHUNKS = 16
const ENTRIES_PER_CHUNK = 64

/**
 * A map by strings whose versions share structure: it is cut into chunks by the key's hash, and a new version copies only
 * the chunks that it changes. (Copying a flat map of 100,000 takes 10 ms.)
 */
export class Table<Value> implements ReadonlyTable<Value> {
  readonly size: number
  readonly #chunks: readonly ReadonlyMap<string, Value>[]

  private constructor(chunks: readonly ReadonlyMap<string, Value>[], size: number) {
    this.#chunks = chunks
    this.size = size
  }

  static empty<Value>(): Table<Value> {
    return new Table<Value>(
      Array.from({ length: LEAST_CHUNKS }, () => new Map()),
      0,
    )
  }

  get(key: string): Value | undefined {
    return this.#chunks[hash(key) & (this.#chunks.length - 1)]!.get(key)
  }

  has(key: string): boolean {
    return this.#chunks[hash(key) & (this.#chunks.length - 1)]!.has(key)
  }

  *keys(): IterableIterator<string> {
    for (const chunk of this.#chunks) yield* chunk.keys()
  }

  *values(): IterableIterator<Value> {
    for (const chunk of this.#chunks) yield* chunk.values()
  }

  with(changes: ReadonlyMap<string, Value | undefined>): Table<Value> {
    if (changes.size === 0) return this
    const roomy = this.#roomFor(this.size + changes.size)
    const mask = roomy.length - 1
    const copied = new Map<number, Map<string, Value>>()
    let size = this.size
    for (const [key, value] of changes) {
      const at = hash(key) & mask
      let chunk = copied.get(at)
      if (chunk === undefined) copied.set(at, (chunk = new Map(roomy[at])))
      size -= chunk.size
      if (value === undefined) chunk.delete(key)
      else chunk.set(key, value)
      size += chunk.size
    }
    const chunks = roomy === this.#chunks ? this.#chunks.slice() : roomy
    for (const [at, chunk] of copied) (chunks as ReadonlyMap<string, Value>[])[at] = chunk
    return new Table(chunks, size)
  }

  /** The chunks, or twice as many or more of them when they would be too full. */
  #roomFor(size: number): readonly ReadonlyMap<string, Value>[] {
    let count = this.#chunks.length
    while (size > count * ENTRIES_PER_CHUNK) count *= 4
    if (count === this.#chunks.length) return this.#chunks
    const chunks = Array.from({ length: count }, () => new Map<string, Value>())
    for (const chunk of this.#chunks) {
      for (const [key, value] of chunk) chunks[hash(key) & (count - 1)]!.set(key, value)
    }
    return chunks
  }
}

/** FNV-1a; topic ids and names are not chosen by enemies who could gain much from collisions. */
function hash(key: string): number {
  let value = 0x811c9dc5
  for (let index = 0; index < key.length; index++) {
    value = Math.imul(value ^ key.charCodeAt(index), 0x01000193)
  }
  return (value ^ (value >>> 15)) >>> 0
}
