/** The last lines are kept for whoever looks into a failure. */
const KEPT_LINES = 400

/** All that happened in a simulation, as a hash, and its end in words. */
export class Trace {
  readonly #lines: string[] = []
  #count = 0
  /** Two FNV-1a hashes with different starts: 64 bits in all. */
  #low = 0x811c9dc5
  #high = 0x9dc5811c

  add(tick: number, node: string, what: string): void {
    const line = `${tick} ${node} ${what}`
    this.#count++
    for (let at = 0; at < line.length; at++) {
      const code = line.charCodeAt(at)
      this.#low = Math.imul(this.#low ^ code, 0x01000193)
      this.#high = Math.imul(this.#high ^ (code + at), 0x01000193)
    }
    this.#lines[this.#count % KEPT_LINES] = line
  }

  /** Equal in two runs only if the same things happened in the same order. */
  get hash(): string {
    const hex = (half: number): string => (half >>> 0).toString(16).padStart(8, '0')
    return hex(this.#high) + hex(this.#low)
  }

  get count(): number {
    return this.#count
  }

  get lastLines(): string[] {
    const end = (this.#count % KEPT_LINES) + 1
    return [...this.#lines.slice(end), ...this.#lines.slice(0, end)].filter(
      (line) => line !== undefined,
    )
  }
}
