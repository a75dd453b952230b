/** A range of producer ids that the controller has given to this broker alone. */
export interface ProducerIdBlock {
  readonly firstId: number
  readonly size: number
}

/** Hands out producer ids from blocks that the controller allocates; an id is given once in the life of the cluster. */
export class ProducerIds {
  readonly #allocate: () => Promise<ProducerIdBlock>
  #next = 0
  #end = 0
  #allocating: Promise<void> | null = null

  constructor(allocate: () => Promise<ProducerIdBlock>) {
    this.#allocate = allocate
  }

  async next(): Promise<number> {
    while (this.#next >= this.#end) {
      this.#allocating ??= this.#refill()
      await this.#allocating
    }
    return this.#next++
  }

  async #refill(): Promise<void> {
    try {
      const { firstId, size } = await this.#allocate()
      this.#next = firstId
      this.#end = firstId + size
    } finally {
      this.#allocating = null
    }
  }
}
