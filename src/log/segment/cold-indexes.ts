import type { Segment } from './segment.ts'

/** Bounds how much memory the indexes of segments that are no longer written to take: those used least recently go. */
export class ColdIndexes {
  readonly #budgetBytes: number
  #usedBytes = 0
  /** In order of use. */
  readonly #segments = new Map<Segment, number>()

  constructor(budgetBytes: number) {
    this.#budgetBytes = budgetBytes
  }

  /** A cold segment's indexes have just been used. */
  touch(segment: Segment): void {
    this.forget(segment)
    const indexBytes = segment.indexBytes
    if (indexBytes === 0) return
    this.#segments.set(segment, indexBytes)
    this.#usedBytes += indexBytes
    for (const oldest of this.#segments.keys()) {
      if (this.#usedBytes <= this.#budgetBytes || oldest === segment) break
      this.forget(oldest)
      oldest.dropIndexes()
    }
  }

  /** The segment is gone, or written to again. */
  forget(segment: Segment): void {
    this.#usedBytes -= this.#segments.get(segment) ?? 0
    this.#segments.delete(segment)
  }
}
