import assert from 'node:assert'
import type { Segment } from './segment.ts'

/** The segments of a log in order of their offsets; there is always one, the last is the one written to. */
export class Segments {
  readonly #segments: Segment[]
  #version = 0

  constructor(segments: Segment[]) {
    assert(segments.length > 0)
    this.#segments = segments
  }

  /**
   * Another one whenever segments have gone, or one was cut: what was read meanwhile may be of files that aren't the log's
   * any more, or of other records than are there now.
   */
  get version(): number {
    return this.#version
  }

  get active(): Segment {
    return this.#segments[this.#segments.length - 1]!
  }

  get first(): Segment {
    return this.#segments[0]!
  }

  get all(): readonly Segment[] {
    return this.#segments
  }

  /** The last one was cut: positions behind the cut are other batches' from now on. */
  noteCut(): void {
    this.#version++
  }

  baseOffsets(): Set<number> {
    return new Set(this.#segments.map((segment) => segment.baseOffset))
  }

  get sizeBytes(): number {
    let sizeBytes = 0
    for (const segment of this.#segments) sizeBytes += segment.sizeBytes
    return sizeBytes
  }

  /** The segment that has, or would have, this offset; the first one for offsets before all. */
  floor(offset: number): Segment {
    return this.#segments[this.#floorIndex(offset)]!
  }

  #floorIndex(offset: number): number {
    let low = 0
    let high = this.#segments.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (this.#segments[middle]!.baseOffset <= offset) low = middle
      else high = middle - 1
    }
    return low
  }

  has(segment: Segment): boolean {
    return this.#segments.includes(segment)
  }

  /** Whether there is anything for read_committed readers to know. */
  get mayHaveAborted(): boolean {
    return this.#segments.some((segment) => segment.mayHaveAborted)
  }

  /** The segments that have, or would have, this offset and later ones. */
  from(offset: number): Segment[] {
    return this.#segments.slice(this.#segments.indexOf(this.floor(offset)))
  }

  /** The next one; the first one for a segment that has gone, as whoever walks on from it finds by the version. */
  after(segment: Segment): Segment | null {
    return this.#segments[this.#segments.indexOf(segment) + 1] ?? null
  }

  /** Where the next one begins: no batch ends above. Infinity for the last one, and one that has gone. */
  endOffsetOf(segment: Segment): number {
    const index = this.#floorIndex(segment.baseOffset)
    return this.#segments[index] === segment
      ? (this.#segments[index + 1]?.baseOffset ?? Infinity)
      : Infinity
  }

  add(segment: Segment): void {
    assert(segment.baseOffset > this.active.baseOffset)
    this.#segments.push(segment)
  }

  /** Takes out the segments that hold nothing at or above this offset, but never the last one. */
  removeBelow(offset: number): Segment[] {
    let count = 0
    while (count + 1 < this.#segments.length && this.#segments[count + 1]!.baseOffset <= offset)
      count++
    return this.#take(0, count)
  }

  /** Takes out the segments that begin at or above this offset, but never the first one. */
  removeFrom(offset: number): Segment[] {
    let kept = this.#segments.length
    while (kept > 1 && this.#segments[kept - 1]!.baseOffset >= offset) kept--
    return this.#take(kept, this.#segments.length - kept)
  }

  /** Begins anew. */
  replaceAll(segment: Segment): Segment[] {
    return this.#take(0, this.#segments.length, segment)
  }

  /** Puts one segment in the place of neighbours, of which the last one of all isn't one. */
  replace(replaced: readonly Segment[], segment: Segment): void {
    const first = this.#segments.indexOf(replaced[0]!)
    const isRun = replaced.every((each, index) => this.#segments[first + index] === each)
    assert(first >= 0 && isRun && first + replaced.length < this.#segments.length)
    this.#take(first, replaced.length, segment)
  }

  #take(from: number, count: number, ...added: Segment[]): Segment[] {
    if (count > 0) this.#version++
    return this.#segments.splice(from, count, ...added)
  }
}
