import { SimulationError } from '../../../src/host/sim/scheduler.ts'

/** What a client knows of one of its transactions. */
export interface Attempt {
  readonly transactionalId: string
  /** The offset of its group that it went on from: it commits the next one. */
  readonly input: number
  /** Unique. */
  readonly name: string
  readonly values: string[]
  /** `unsure`: its commit was asked for, and nobody knows. */
  outcome: 'open' | 'unsure' | 'committed' | 'aborted'
}

/** A record of an attempt, as a partition holds it. */
interface Place {
  readonly partition: number
  readonly offset: number
}

/**
 * What transactional clients were told, and what that allows read_committed consumers to see. Each transaction takes one input
 * of its transactional id, writes records, and commits the offset after it: so each input has to be taken exactly once.
 */
export class TransactionHistory {
  readonly #attempts = new Map<string, Attempt>()
  /** Acknowledged records, committed or not. */
  readonly #written = new Map<string, Place>()
  /** By transactional id. */
  readonly #offsets = new Map<string, number>()
  committedCount = 0
  abortedCount = 0
  readCount = 0

  begin(transactionalId: string, input: number, name: string): Attempt {
    const attempt: Attempt = { transactionalId, input, name, values: [], outcome: 'open' }
    this.#attempts.set(name, attempt)
    return attempt
  }

  /** A value names its attempt. */
  valueOf(attempt: Attempt): string {
    const value = `${attempt.name}/${attempt.values.length}`
    attempt.values.push(value)
    return value
  }

  written(value: string, partition: number, offset: number): void {
    this.#written.set(value, { partition, offset })
  }

  commits(attempt: Attempt): void {
    attempt.outcome = 'unsure'
  }

  ended(attempt: Attempt, outcome: 'committed' | 'aborted'): void {
    attempt.outcome = outcome
    if (outcome === 'committed') this.committedCount++
    else this.abortedCount++
  }

  /** The greatest stable offset of its group that anybody has seen. */
  offsetOf(transactionalId: string): number {
    return this.#offsets.get(transactionalId) ?? 0
  }

  /**
   * A stable offset of the group of a transactional id: it never goes back.
   * @param before the greatest one when it was asked for
   */
  offsetSeen(transactionalId: string, offset: number, before: number): void {
    if (offset < before) {
      throw new SimulationError(
        `The offset of ${transactionalId} went back from ${before} to ${offset}`,
      )
    }
    this.#offsets.set(transactionalId, Math.max(offset, this.offsetOf(transactionalId)))
  }

  /** A read_committed consumer was given a record. */
  read(value: string): void {
    this.readCount++
    const { outcome } = this.#attemptOf(value)
    if (outcome === 'open' || outcome === 'aborted') {
      throw new SimulationError(`${value} was read, and its transaction is ${outcome}`)
    }
  }

  /**
   * At the end, when no transaction is open.
   * @param committed all that read_committed consumers see, in each partition in its order
   * @param stored all that there is, by partition and offset
   * @param offsets of the group of each transactional id
   */
  check(
    committed: readonly string[],
    stored: ReadonlyMap<string, string>,
    offsets: ReadonlyMap<string, number>,
  ): void {
    const seen = new Set<string>()
    for (const value of committed) {
      this.read(value)
      if (seen.has(value)) throw new SimulationError(`${value} is read twice`)
      seen.add(value)
    }
    for (const [value, { partition, offset }] of this.#written) {
      if (stored.get(`${partition}@${offset}`) !== value) {
        throw new SimulationError(
          `${value} was acknowledged at ${partition}@${offset}, and is lost`,
        )
      }
    }
    for (const attempt of this.#attempts.values()) this.#checkWhole(attempt, seen)
    for (const [transactionalId, offset] of offsets) {
      this.offsetSeen(transactionalId, offset, this.offsetOf(transactionalId))
      this.#checkInputs(transactionalId, offset, seen)
    }
  }

  /** All of a transaction is read, or nothing of it. */
  #checkWhole({ name, values, outcome }: Attempt, seen: ReadonlySet<string>): void {
    const count = values.filter((value) => seen.has(value)).length
    const isWhole = count === values.length || (count === 0 && outcome !== 'committed')
    if (isWhole) return
    throw new SimulationError(
      `${count} of the ${values.length} records of ${name} (${outcome}) are read`,
    )
  }

  #checkInputs(transactionalId: string, offset: number, seen: ReadonlySet<string>): void {
    const taken = new Map<number, string>()
    for (const attempt of this.#attempts.values()) {
      if (attempt.transactionalId !== transactionalId || !seen.has(attempt.values[0]!)) continue
      const other = taken.get(attempt.input)
      if (other !== undefined) {
        throw new SimulationError(
          `Input ${attempt.input} was taken by ${other} and by ${attempt.name}`,
        )
      }
      taken.set(attempt.input, attempt.name)
    }
    for (let input = 0; input < offset; input++) {
      if (!taken.has(input))
        throw new SimulationError(`${transactionalId} has left out input ${input}`)
    }
    if (taken.size > offset) {
      throw new SimulationError(
        `${transactionalId} took ${taken.size} inputs, and has offset ${offset}`,
      )
    }
  }

  #attemptOf(value: string): Attempt {
    const attempt = this.#attempts.get(value.slice(0, value.lastIndexOf('/')))
    if (attempt === undefined) throw new SimulationError(`${value} was read, which nobody has sent`)
    return attempt
  }
}
