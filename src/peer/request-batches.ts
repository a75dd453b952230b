/** So much stands in one request; a single item may be more. */
const MAX_WEIGHT = 1000

export interface RequestBatchesOptions<Item, Answer> {
  /**
   * Asks a broker of all of these at once. What it rejects with is told to each.
   * @returns an answer for each item, in their order
   */
  readonly send: (brokerId: number, items: readonly Item[]) => Promise<readonly Answer[]>
  /** By this the answers are told apart: a request has no two items of one key. */
  readonly keyOf: (item: Item) => unknown
  /** How many entries an item is in the request. */
  readonly weightOf: (item: Item) => number
}

interface Waiting<Item, Answer> {
  readonly item: Item
  readonly answer: (answer: Answer) => void
  readonly fail: (error: unknown) => void
}

/**
 * What is asked of other brokers, one request at a time to each: what comes meanwhile goes together into the next one, so that
 * many who ask at once are as quick as one.
 */
export class RequestBatches<Item, Answer> {
  readonly #options: RequestBatchesOptions<Item, Answer>
  /** What waits, of brokers that have a request under way. */
  readonly #lines = new Map<number, Waiting<Item, Answer>[]>()

  constructor(options: RequestBatchesOptions<Item, Answer>) {
    this.#options = options
  }

  /** Rejects with what `send` rejects with. */
  ask(brokerId: number, item: Item): Promise<Answer> {
    return new Promise((answer, fail) => {
      const line = this.#lines.get(brokerId)
      const waiting = { item, answer, fail }
      if (line !== undefined) return void line.push(waiting)
      this.#lines.set(brokerId, [waiting])
      void this.#work(brokerId)
    })
  }

  async #work(brokerId: number): Promise<void> {
    for (;;) {
      const line = this.#lines.get(brokerId)!
      if (line.length === 0) break
      const { batch, rest } = this.#split(line)
      this.#lines.set(brokerId, rest)
      try {
        const answers = await this.#options.send(
          brokerId,
          batch.map(({ item }) => item),
        )
        for (const [index, { answer }] of batch.entries()) answer(answers[index]!)
      } catch (error) {
        for (const { fail } of batch) fail(error)
      }
    }
    this.#lines.delete(brokerId)
  }

  #split(line: readonly Waiting<Item, Answer>[]) {
    const { keyOf, weightOf } = this.#options
    const batch: Waiting<Item, Answer>[] = []
    const rest: Waiting<Item, Answer>[] = []
    const keys = new Set<unknown>()
    let left = MAX_WEIGHT
    for (const waiting of line) {
      const key = keyOf(waiting.item)
      const weight = weightOf(waiting.item)
      if (batch.length > 0 && (weight > left || keys.has(key))) {
        rest.push(waiting)
        continue
      }
      left -= weight
      keys.add(key)
      batch.push(waiting)
    }
    return { batch, rest }
  }
}
