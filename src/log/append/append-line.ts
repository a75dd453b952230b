/** What is known of an append once its turn has come. */
interface Place<Append, Outcome> {
  readonly append: Append
  outcome: Outcome | null
}

/**
 * Lets appends through in the order of their arrival, while some of them wait for what a thread has to say of them: one
 * that waits holds up those behind it.
 */
export class AppendLine<Append extends object, Outcome extends object> {
  readonly #go: (append: Append, outcome: Outcome) => void
  readonly #places: Place<Append, Outcome>[] = []
  #emptyWaiters: (() => void)[] = []

  /** @param go takes an append whose turn has come; it may add others */
  constructor(go: (append: Append, outcome: Outcome) => void) {
    this.#go = go
  }

  get isEmpty(): boolean {
    return this.#places.length === 0
  }

  /** @param outcome a promise never rejects */
  add(append: Append, outcome: Outcome | Promise<Outcome>): void {
    const isKnown = !(outcome instanceof Promise)
    if (isKnown && this.isEmpty) return this.#go(append, outcome)
    const place: Place<Append, Outcome> = { append, outcome: isKnown ? outcome : null }
    this.#places.push(place)
    if (isKnown) return
    void outcome.then((known) => {
      place.outcome = known
      this.#advance()
    })
  }

  /** Gives up all that wait, whatever becomes known of them later. */
  drop(): Append[] {
    const dropped = this.#places.splice(0)
    this.#wake()
    return dropped.map(({ append }) => append)
  }

  whenEmpty(): Promise<void> {
    return this.isEmpty
      ? Promise.resolve()
      : new Promise((resolve) => this.#emptyWaiters.push(resolve))
  }

  #advance(): void {
    for (;;) {
      const first = this.#places[0]
      if (first === undefined || first.outcome === null) break
      this.#places.shift()
      this.#go(first.append, first.outcome)
    }
    this.#wake()
  }

  #wake(): void {
    if (this.isEmpty) for (const wake of this.#emptyWaiters.splice(0)) wake()
  }
}
