/** Of nobody who has begun a verification. */
export const NO_GUARD = 0

/** Whoever appends with it says that nobody need be asked: verification is switched off. */
export const UNGUARDED = -1

interface Verification {
  readonly guard: number
  /** Milliseconds since 1970. */
  readonly since: number
  epoch: number
  lowestSequence: number
  /** The producer's epoch rises with each transaction: it begins each with sequence 0. */
  readonly bumpsEpoch: boolean
}

/**
 * [KIP-890] Producers whose transactions have nothing in a partition yet, while their coordinator is asked whether the
 * partition is part of them. Each has a guard, which it loses with the first record of the transaction, and with a marker:
 * so the answer of the coordinator counts for that transaction alone.
 */
export class Verifications {
  readonly #byProducer = new Map<number, Verification>()
  #lastGuard = NO_GUARD

  /** @returns the guard to append with once the coordinator has agreed */
  begin(
    producerId: number,
    epoch: number,
    sequence: number,
    bumpsEpoch: boolean,
    now: number,
  ): number {
    const known = this.#byProducer.get(producerId)
    if (known === undefined) {
      const guard = ++this.#lastGuard
      const begun = { guard, since: now, epoch, lowestSequence: sequence, bumpsEpoch }
      this.#byProducer.set(producerId, begun)
      return guard
    }
    if (epoch > known.epoch || (epoch === known.epoch && sequence < known.lowestSequence)) {
      known.epoch = epoch
      known.lowestSequence = sequence
    }
    return known.guard
  }

  isValid(producerId: number, guard: number): boolean {
    return guard !== NO_GUARD && this.#byProducer.get(producerId)?.guard === guard
  }

  /**
   * Whether a lower sequence was seen while the producer was verified: that comes again, and would never be in order behind
   * this one. Where epochs rise with each transaction, a producer of which nothing is known begins with 0.
   */
  isTooHigh(producerId: number, sequence: number, isKnownProducer: boolean): boolean {
    const verification = this.#byProducer.get(producerId)
    if (verification === undefined) return false
    if (verification.bumpsEpoch && !isKnownProducer && sequence !== 0) return true
    return sequence > verification.lowestSequence
  }

  /** Records of the producer, or a marker, are in the partition. */
  end(producerId: number): void {
    if (this.#byProducer.size > 0) this.#byProducer.delete(producerId)
  }

  /** Goes on with those that another log of the partition has begun. */
  takeOver(other: Verifications): void {
    for (const [producerId, verification] of other.#byProducer) {
      this.#byProducer.set(producerId, verification)
    }
    this.#lastGuard = Math.max(this.#lastGuard, other.#lastGuard)
  }

  removeExpired(now: number, expirationMs: number): void {
    for (const [producerId, { since }] of this.#byProducer) {
      if (now - since >= expirationMs) this.#byProducer.delete(producerId)
    }
  }

  clear(): void {
    this.#byProducer.clear()
  }
}
