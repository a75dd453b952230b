import { SimulationError } from '../../../src/host/sim/scheduler.ts'
import type { CommittedBatch } from '../../../src/quorum/committed-reader.ts'
import type { RaftMessage, ReplicaKey } from '../../../src/quorum/types.ts'

/**
 * What the nodes of a quorum have done, held against Raft's safety: one leader an epoch, one vote a node and epoch, the
 * same record at an offset everywhere, nothing acknowledged is lost, and every node is told of everything in order.
 */
export class QuorumHistory {
  readonly #leaders = new Map<number, number>()
  readonly #votes = new Map<string, string>()
  /** What anybody was told is committed, by offset; control records as the empty value. */
  readonly #committed: { readonly epoch: number; readonly value: string }[] = []
  readonly #acknowledged = new Set<string>()
  readonly #sent = new Set<string>()

  get epochs(): number {
    return this.#leaders.size
  }

  get acknowledgedCount(): number {
    return this.#acknowledged.size
  }

  leads(node: number, epoch: number): void {
    const other = this.#leaders.get(epoch)
    if (other !== undefined) throw new SimulationError(`${other} and ${node} lead epoch ${epoch}`)
    this.#leaders.set(epoch, node)
  }

  /** @param from who says it */
  says(from: number, to: number, message: RaftMessage): void {
    if (message.type === 'vote' && !message.preVote) {
      this.#voted(from, message.epoch, message.candidate)
    } else if (message.type === 'voteReply' && message.granted && !message.preVote) {
      this.#voted(from, message.epoch, { id: to })
    }
  }

  sent(value: string): void {
    this.#sent.add(value)
  }

  acknowledged(value: string): void {
    this.#acknowledged.add(value)
  }

  /** @returns the values in it */
  delivered(node: number, from: number, batch: CommittedBatch): string[] {
    const { baseOffset, lastOffset, epoch, records } = batch
    if (baseOffset !== from) {
      throw new SimulationError(`${node} was told of ${baseOffset} after everything below ${from}`)
    }
    const values = records.map(String)
    for (let offset = baseOffset; offset <= lastOffset; offset++) {
      this.#commit(node, offset, { epoch, value: values[offset - baseOffset] ?? '' })
    }
    return values
  }

  /** @param values of a snapshot that ends before this offset */
  restored(node: number, offset: number, values: readonly string[]): void {
    const expected = this.values(offset)
    if (values.join() !== expected.join()) {
      throw new SimulationError(
        `${node} got a snapshot up to ${offset} with ${values.length} values, where ${expected.length} others are committed`,
      )
    }
  }

  /** All that is committed below an offset. */
  values(below = Infinity): string[] {
    return this.#committed
      .slice(0, below)
      .map(({ value }) => value)
      .filter((value) => value !== '')
  }

  /** At the end: nothing acknowledged is missing, nothing is there twice. */
  check(): void {
    const values = this.values()
    const there = new Set(values)
    if (there.size !== values.length) throw new SimulationError('A value is committed twice')
    for (const value of this.#acknowledged) {
      if (!there.has(value)) throw new SimulationError(`${value} was acknowledged, and is lost`)
    }
  }

  #voted(voter: number, epoch: number, candidate: Pick<ReplicaKey, 'id'>): void {
    const vote = `${voter} in epoch ${epoch}`
    const before = this.#votes.get(vote)
    if (before !== undefined && before !== String(candidate.id)) {
      throw new SimulationError(`${vote} voted for ${before} and for ${candidate.id}`)
    }
    this.#votes.set(vote, String(candidate.id))
  }

  #commit(node: number, offset: number, record: { epoch: number; value: string }): void {
    const known = this.#committed[offset]
    if (known === undefined) {
      if (record.value !== '' && !this.#sent.has(record.value)) {
        throw new SimulationError(`${node} was told of ${record.value}, which nobody has sent`)
      }
      if (offset !== this.#committed.length) {
        throw new SimulationError(`${node} was told of ${offset}, and nobody of what is before it`)
      }
      this.#committed.push(record)
    } else if (known.epoch !== record.epoch || known.value !== record.value) {
      throw new SimulationError(
        `${node} has ${record.value} of epoch ${record.epoch} at ${offset}, where ${known.value} of epoch ${known.epoch} is committed`,
      )
    }
  }
}
