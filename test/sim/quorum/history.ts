import { SimulationError } from '../../../src/host/sim/scheduler.ts'
import type { CommittedBatch } from '../../../src/quorum/committed-reader.ts'
import { keyText } from '../../../src/quorum/roles.ts'
import type { RaftMessage, ReplicaKey } from '../../../src/quorum/types.ts'
import { LogMatching, type LogFiles } from './log-entries.ts'

/** The rules that a quorum's history is held against; a failure begins with its rule. */
export type QuorumRule =
  | 'one cluster'
  | 'one leader an epoch'
  | 'one vote an epoch'
  | 'log matching'
  | 'leader completeness'
  | 'nothing committed is lost'
  | 'equal states at equal offsets'
  | 'liveness'

/** @throws SimulationError */
export function broken(rule: QuorumRule, how: string): never {
  throw new SimulationError(`${rule}: ${how}`)
}

/** One life of a node. */
interface Living {
  readonly id: number
  readonly life: number
}

/**
 * What the nodes of a quorum have done, held against Raft's safety: one leader an epoch, one vote a node and epoch, logs
 * that match, leaders that have all that was committed, the same record at an offset everywhere, nothing acknowledged is
 * lost, and every node is told of everything in order.
 */
export class QuorumHistory {
  #cluster: string | null = null
  readonly #leaders = new Map<number, string>()
  readonly #votes = new Map<string, string>()
  readonly #matching = new LogMatching()
  /** What anybody was told is committed, by offset; control records as the empty value. */
  readonly #committed: { readonly epoch: number; readonly value: string }[] = []
  readonly #states = new Map<number, string>()
  readonly #acknowledged = new Set<string>()
  readonly #sent = new Set<string>()

  get epochs(): number {
    return this.#leaders.size
  }

  /** The cluster that a node belongs to, in whatever life. */
  cluster(node: number, clusterId: string): void {
    this.#cluster ??= clusterId
    if (clusterId !== this.#cluster) {
      broken('one cluster', `node ${node} is of ${clusterId}, and others are of ${this.#cluster}`)
    }
  }

  /** A node leads no epoch in two lives either: what it wrote in the first may be gone. */
  leads({ id, life }: Living, epoch: number): void {
    const name = `node ${id} in its life ${life}`
    const other = this.#leaders.get(epoch)
    if (other !== undefined && other !== name) {
      broken('one leader an epoch', `${other} and ${name} lead epoch ${epoch}`)
    }
    this.#leaders.set(epoch, name)
  }

  /**
   * A node makes itself known as the leader of an epoch.
   * @param log what it has
   */
  begins(node: Living, epoch: number, log: () => LogFiles): void {
    if (this.#leaders.has(epoch)) return this.leads(node, epoch)
    this.leads(node, epoch)
    const last = this.#committed.findLastIndex((record) => record.epoch < epoch)
    const entries = log().flat()
    const end = entries.at(-1)?.nextOffset ?? 0
    const at = entries.find(({ offset, nextOffset }) => offset <= last && last < nextOffset)
    if (last < end && (at === undefined || at.epoch === this.#committed[last]!.epoch)) return
    const has = at === undefined ? `ends at ${end}` : `has a record of epoch ${at.epoch} there`
    broken(
      'leader completeness',
      `the log of node ${node.id}, which leads epoch ${epoch}, ${has}, and offset ${last} of epoch ${this.#committed[last]!.epoch} is committed`,
    )
  }

  /**
   * @param from who says it
   * @param to whom
   */
  says(from: ReplicaKey, to: ReplicaKey, message: RaftMessage): void {
    if (message.type === 'vote' && !message.preVote) {
      this.#voted(from, message.epoch, message.candidate)
    } else if (message.type === 'voteReply' && message.granted && !message.preVote) {
      this.#voted(from, message.epoch, to)
    }
  }

  /** What a node's log has. */
  noteLog({ id }: Pick<Living, 'id'>, files: LogFiles): void {
    const wrong = this.#matching.note(files)
    if (wrong !== null) broken('log matching', `in the log of node ${id} ${wrong}`)
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
      broken(
        'equal states at equal offsets',
        `${node} was told of ${baseOffset} after everything below ${from}`,
      )
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
      broken(
        'equal states at equal offsets',
        `${node} got a snapshot up to ${offset} with ${values.length} values, where ${expected.length} others are committed`,
      )
    }
  }

  /** @param digest of the state of a node that has followed up to this offset */
  state(node: number, offset: number, digest: string): void {
    const known = this.#states.get(offset)
    if (known === undefined) this.#states.set(offset, digest)
    else if (known !== digest) {
      broken('equal states at equal offsets', `${node} has another state at ${offset} than others`)
    }
  }

  get acknowledgedValues(): ReadonlySet<string> {
    return this.#acknowledged
  }

  /** All that is committed below an offset. */
  values(below = Infinity): string[] {
    return this.#committed
      .slice(0, below)
      .map(({ value }) => value)
      .filter((value) => value !== '')
  }

  /** At the end: nothing that was acknowledged is missing where all is known. */
  check(nodes: readonly { readonly id: number; has(values: Iterable<string>): boolean }[]): void {
    const values = this.values()
    if (new Set(values).size !== values.length) {
      broken('nothing committed is lost', 'a value is committed twice')
    }
    for (const node of nodes) {
      if (node.has(this.#acknowledged)) continue
      const missing = [...this.#acknowledged].find((value) => !node.has([value]))
      broken('nothing committed is lost', `${missing} was acknowledged, and ${node.id} lacks it`)
    }
  }

  #voted(voter: ReplicaKey, epoch: number, candidate: ReplicaKey): void {
    const vote = `${voter.id} ${voter.directoryId} in epoch ${epoch}`
    const before = this.#votes.get(vote)
    if (before !== undefined && before !== keyText(candidate)) {
      broken('one vote an epoch', `${vote} voted for ${before} and for ${keyText(candidate)}`)
    }
    this.#votes.set(vote, keyText(candidate))
  }

  #commit(node: number, offset: number, record: { epoch: number; value: string }): void {
    const known = this.#committed[offset]
    if (known === undefined) {
      if (record.value !== '' && !this.#sent.has(record.value)) {
        broken(
          'nothing committed is lost',
          `${node} was told of ${record.value}, which nobody sent`,
        )
      }
      if (offset !== this.#committed.length) {
        broken(
          'nothing committed is lost',
          `${node} was told of ${offset}, and nobody of what is before it`,
        )
      }
      this.#committed.push(record)
    } else if (known.epoch !== record.epoch || known.value !== record.value) {
      broken(
        'nothing committed is lost',
        `${node} has ${record.value} of epoch ${record.epoch} at ${offset}, where ${known.value} of epoch ${known.epoch} is committed`,
      )
    }
  }
}
