/** A range of producer ids that the controller has given to this broker alone. */
export interface ProducerIdBlock {
  readonly firstId: number
  readonly size: number
}

/** Hands out producer ids from blocks that the controller allocates; an id is given once in the life of the cluster. */
export class ProducerIds {
  readonly #allocate: () => Promise<ProducerIdBlock | null>
  #next = 0
  #end = 0
  #allocating: Promise<boolean> | null = null

  /** @param allocate gives null while there is no controller to ask */
  constructor(allocate: () => Promise<ProducerIdBlock | null>) {
    this.#allocate = allocate
  }

  /** @returns null when no block could be had; asking again is safe */
  async next(): Promise<number | null> {
    while (this.#next >= this.#end) {
      this.#allocating ??= this.#refill()
      if (!(await this.#allocating)) return null
    }
    return this.#next++
  }

  async #refill(): Promise<boolean> {
    try {
      const block = await this.#allocate()
      if (block === null) return false
      this.#next = block.firstId
      this.#end = block.firstId + block.size
      return true
    } finally {
      this.#allocating = null
    }
  }
}
