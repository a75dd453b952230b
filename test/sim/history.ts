import { SimulationError } from '../../src/host/sim/scheduler.ts'

/**
 * What clients were told, and what that allows them to see later. The rules are those of Jepsen's Kafka tests: no lost
 * write, no offset with two contents, no record twice from an idempotent producer, no committed offset that goes back.
 */
export class History {
  /** By partition and offset: whatever anybody was told or has read there. */
  readonly #contents = new Map<string, string>()
  /** Acknowledged values, by where they were said to be. */
  readonly #acknowledged = new Map<string, string>()
  readonly #sent = new Set<string>()
  readonly #commits = new Map<string, Commits>()
  readonly #topics = new Map<string, 'there' | 'unsure' | 'gone'>()
  acknowledgedCount = 0
  readCount = 0

  sent(value: string): void {
    this.#sent.add(value)
  }

  acknowledged(partition: number, offset: number, value: string): void {
    this.acknowledgedCount++
    const at = `${partition}@${offset}`
    this.#acknowledged.set(at, value)
    this.#see(at, value)
  }

  read(partition: number, offset: number, value: string): void {
    this.readCount++
    if (!this.#sent.has(value))
      throw new SimulationError(`${value} was read, which nobody has sent`)
    this.#see(`${partition}@${offset}`, value)
  }

  /** A commit whose answer was lost may still be under way, and take effect after later ones. */
  commitUnsure(group: string, partition: number, offset: number): void {
    this.#commitsOf(group, partition).unsure.add(offset)
  }

  commitAcknowledged(group: string, partition: number, offset: number): void {
    this.#commitsOf(group, partition).acknowledged = offset
  }

  /** @param offset -1 for none */
  commitRead(group: string, partition: number, offset: number): void {
    const { acknowledged, unsure } = this.#commitsOf(group, partition)
    if (offset === acknowledged || unsure.has(offset)) return
    throw new SimulationError(
      `${group} has offset ${offset} in partition ${partition}, and ${acknowledged} was acknowledged last`,
    )
  }

  topic(name: string, state: 'there' | 'unsure' | 'gone'): void {
    this.#topics.set(name, state)
  }

  /** @param names the topics that there are at the end */
  checkTopics(names: ReadonlySet<string>): void {
    for (const [name, state] of this.#topics) {
      const isThere = names.has(name)
      if (state === 'there' && !isThere) throw new SimulationError(`Topic ${name} was lost`)
      if (state === 'gone' && isThere) throw new SimulationError(`Topic ${name} has come back`)
    }
  }

  /** @param logs all records of each partition at the end, by offset */
  checkLogs(logs: ReadonlyMap<number, ReadonlyMap<number, string>>): void {
    const places = new Map<string, string>()
    for (const [partition, log] of logs) {
      for (const [offset, value] of log) {
        this.read(partition, offset, value)
        const at = `${partition}@${offset}`
        const other = places.get(value)
        if (other !== undefined)
          throw new SimulationError(`${value} stands at ${other} and at ${at}`)
        places.set(value, at)
      }
    }
    for (const [at, value] of this.#acknowledged) {
      if (places.get(value) !== at) {
        const found = places.get(value) ?? 'nowhere'
        throw new SimulationError(`${value} was acknowledged at ${at}, and stands ${found}`)
      }
    }
  }

  #see(at: string, value: string): void {
    const known = this.#contents.get(at)
    if (known !== undefined && known !== value) {
      throw new SimulationError(`At ${at} was ${known}, and now it is ${value}`)
    }
    this.#contents.set(at, value)
  }

  #commitsOf(group: string, partition: number): Commits {
    const key = `${group} ${partition}`
    const known = this.#commits.get(key)
    if (known !== undefined) return known
    const commits = { acknowledged: -1, unsure: new Set<number>() }
    this.#commits.set(key, commits)
    return commits
  }
}

/** The offsets that a group has committed in a partition: what was acknowledged last, and what nobody knows of. */
interface Commits {
  acknowledged: number
  readonly unsure: Set<number>
}
