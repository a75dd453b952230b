import {
  batchBaseOffset,
  batchLastOffset,
  batchNextOffset,
  batchSizeBytes,
} from '../../../protocol/records/batch.ts'

export const SLAB_BYTES = 1024 * 1024
/** Small appends next to each other share an entry up to this length, so that there are few of them. */
const MERGED_BYTES = 16 * 1024

/** A piece of memory that appends of all logs fill one after the other. */
interface Slab {
  readonly buffer: Buffer
  usedBytes: number
  /** Reads whose bytes are still being sent. */
  leases: number
  /** Its place was needed for newer bytes: its entries are no longer valid. */
  isRetired: boolean
}

interface Entry {
  readonly slab: Slab
  readonly at: number
  length: number
  readonly baseOffset: number
  nextOffset: number
  /** Of what was added last, which is what a reader at the end wants next. */
  lastAt: number
  lastBaseOffset: number
}

export interface TailRead {
  readonly chunks: readonly Buffer[]
  readonly sizeBytes: number
  /** Of the last batch, plus one. */
  readonly nextOffset: number
  release(): void
}

/** The bytes appended last to all logs of a node, in bounded memory, oldest out first. */
export class TailCache {
  readonly #budgetBytes: number
  /** Oldest first. */
  readonly #slabs: Slab[] = []

  constructor(budgetBytes: number) {
    this.#budgetBytes = budgetBytes
  }

  /** Copies the bytes in; null where they are too many to be kept. */
  put(bytes: Buffer): { slab: Slab; at: number } | null {
    if (bytes.length > SLAB_BYTES || this.#budgetBytes < SLAB_BYTES) return null
    let slab = this.#slabs.at(-1)
    if (slab === undefined || slab.usedBytes + bytes.length > SLAB_BYTES) slab = this.#nextSlab()
    const at = slab.usedBytes
    bytes.copy(slab.buffer, at)
    slab.usedBytes += bytes.length
    return { slab, at }
  }

  /** A slab that is being sent from is left to the garbage collector. */
  #nextSlab(): Slab {
    let buffer: Buffer | null = null
    if ((this.#slabs.length + 1) * SLAB_BYTES > this.#budgetBytes) {
      const oldest = this.#slabs.shift()!
      oldest.isRetired = true
      if (oldest.leases === 0) buffer = oldest.buffer
    }
    buffer ??= Buffer.allocUnsafeSlow(SLAB_BYTES)
    const slab = { buffer, usedBytes: 0, leases: 0, isRetired: false }
    this.#slabs.push(slab)
    return slab
  }
}

/** What the tail cache holds of one log: an unbroken run of offsets up to the log's end. */
export class LogTail {
  readonly #cache: TailCache
  #entries: Entry[] = []

  constructor(cache: TailCache) {
    this.#cache = cache
  }

  clear(): void {
    if (this.#entries.length > 0) this.#entries = []
  }

  /** Takes a copy of batches that have been written, which follow those it has. */
  add(bytes: Buffer, baseOffset: number, nextOffset: number): void {
    const place = this.#cache.put(bytes)
    if (place === null) return this.clear()
    const last = this.#entries.at(-1)
    const isAdjacent =
      last !== undefined &&
      last.slab === place.slab &&
      last.at + last.length === place.at &&
      last.length + bytes.length <= MERGED_BYTES
    if (isAdjacent) {
      last.length += bytes.length
      last.nextOffset = nextOffset
      last.lastAt = place.at
      last.lastBaseOffset = baseOffset
    } else {
      const { slab, at } = place
      const length = bytes.length
      const newest = { lastAt: at, lastBaseOffset: baseOffset }
      this.#entries.push({ slab, at, length, baseOffset, nextOffset, ...newest })
    }
    this.#dropRetired()
  }

  #dropRetired(): void {
    let retired = 0
    while (retired < this.#entries.length && this.#entries[retired]!.slab.isRetired) retired++
    if (retired > 0) this.#entries.splice(0, retired)
  }

  /**
   * Whole batches from the one with this offset on, up to `limitOffset`.
   * @returns null where the offset isn't here
   */
  read(
    offset: number,
    maxBytes: number,
    limitOffset: number,
    minOneBatch: boolean,
  ): TailRead | null {
    this.#dropRetired()
    let index = this.#indexOf(offset)
    if (index < 0) return null
    const slabs: Slab[] = []
    const chunks: Buffer[] = []
    let sizeBytes = 0
    let nextOffset = offset
    for (; index < this.#entries.length && nextOffset < limitOffset; index++) {
      const entry = this.#entries[index]!
      const from = sizeBytes === 0 ? startOf(entry, offset) : entry.at
      const to = endWithin(
        entry,
        from,
        maxBytes - sizeBytes,
        limitOffset,
        minOneBatch && sizeBytes === 0,
      )
      if (to.at === from) break
      chunks.push(entry.slab.buffer.subarray(from, to.at))
      if (slabs.at(-1) !== entry.slab) slabs.push(entry.slab)
      sizeBytes += to.at - from
      nextOffset = to.nextOffset
      if (to.at < entry.at + entry.length) break
    }
    for (const slab of slabs) slab.leases++
    return {
      chunks,
      sizeBytes,
      nextOffset,
      release: onlyOnce(() => slabs.forEach((slab) => slab.leases--)),
    }
  }

  #indexOf(offset: number): number {
    const entries = this.#entries
    const last = entries.at(-1)
    if (last === undefined || offset < entries[0]!.baseOffset || offset >= last.nextOffset)
      return -1
    let low = 0
    let high = entries.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (entries[middle]!.baseOffset <= offset) low = middle
      else high = middle - 1
    }
    // Offsets may be missing between two appends: of a follower whose leader's log is compacted.
    return offset < entries[low]!.nextOffset ? low : low + 1
  }
}

/** Where the batch with this offset begins. */
function startOf(entry: Entry, offset: number): number {
  const { buffer } = entry.slab
  let at = offset >= entry.lastBaseOffset ? entry.lastAt : entry.at
  while (batchLastOffset(buffer, at) < offset) at += batchSizeBytes(buffer, at)
  return at
}

function endWithin(
  entry: Entry,
  from: number,
  maxBytes: number,
  limitOffset: number,
  minOneBatch: boolean,
): { at: number; nextOffset: number } {
  const end = entry.at + entry.length
  if (end - from <= maxBytes && entry.nextOffset <= limitOffset) {
    return { at: end, nextOffset: entry.nextOffset }
  }
  const { buffer } = entry.slab
  let at = from
  let nextOffset = -1
  while (at < end && batchBaseOffset(buffer, at) < limitOffset) {
    const next = at + batchSizeBytes(buffer, at)
    if (next - from > maxBytes && !(minOneBatch && at === from)) break
    nextOffset = batchNextOffset(buffer, at)
    at = next
  }
  return { at, nextOffset }
}

export function onlyOnce(action: () => void): () => void {
  let isDone = false
  return () => {
    if (isDone) return
    isDone = true
    action()
  }
}
