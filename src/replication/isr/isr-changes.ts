import type { Clock, Logger } from '../../host/host.ts'
import type { ControllerChannel } from '../../metadata/controller/channel.ts'
import type { AlteredPartition, PartitionToAlter } from '../../metadata/controller/commands.ts'

/** As in Kafka, where the controller refused all of a request, or could not be asked; later each time... */
const FIRST_RETRY_MS = 50
/** ...up to this. */
const LAST_RETRY_MS = 1000

/** A controller refuses a request that costs too much to decode; this has room for a topic to each, and many in sync. */
const MOST_AT_ONCE = 500

/** The ISR that a partition's leader asks for. */
export interface IsrProposal extends PartitionToAlter {
  readonly topicId: string
}

/** What the controller has made of it, or said instead: of an error only that counts. */
export type IsrOutcome = Pick<
  AlteredPartition,
  'errorCode' | 'leaderEpoch' | 'isr' | 'partitionEpoch'
>

export interface IsrChangesOptions {
  readonly clock: Clock
  readonly log: Logger
  readonly channel: ControllerChannel
  readonly identity: () => { readonly brokerId: number; readonly brokerEpoch: number }
}

interface Waiting {
  readonly proposal: IsrProposal
  readonly settled: (outcome: IsrOutcome) => void
}

/** Another change of the same partition is on its way: the leader looks again when that has come back. */
const NOT_ATTEMPTED: IsrOutcome = {
  errorCode: 'OPERATION_NOT_ATTEMPTED',
  leaderEpoch: -1,
  isr: [],
  partitionEpoch: -1,
}

/**
 * The broker's way of having ISRs changed (AlterPartition, KIP-497; Kafka's AlterPartitionManager): one request at a time, with
 * what its partitions ask for meanwhile in the next ones, and one change of each partition. What can't be asked is asked
 * again for as long as the broker runs, since only the controller knows what has become of it.
 */
export class IsrChanges {
  readonly #options: IsrChangesOptions
  readonly #waiting = new Map<string, Waiting>()
  /** In a row. */
  #failures = 0
  #isAsking = false
  #isClosed = false

  constructor(options: IsrChangesOptions) {
    this.#options = options
  }

  /** `settled` is called once with what the controller says, unless this broker stops before. */
  submit(proposal: IsrProposal, settled: (outcome: IsrOutcome) => void): void {
    const key = keyOf(proposal.topicId, proposal.partitionIndex)
    if (this.#waiting.has(key)) return settled(NOT_ATTEMPTED)
    this.#waiting.set(key, { proposal, settled })
    // Many partitions find out together, of a follower that is gone.
    this.#options.clock.afterTask(() => void this.#ask())
  }

  close(): void {
    this.#isClosed = true
    this.#waiting.clear()
  }

  async #ask(): Promise<void> {
    const { clock, log, channel, identity } = this.#options
    if (this.#isAsking || this.#isClosed || this.#waiting.size === 0) return
    this.#isAsking = true
    const asked = [...this.#waiting].slice(0, MOST_AT_ONCE)
    const command = { type: 'alterPartition', ...identity(), topics: topicsOf(asked) } as const
    const reply = await channel.submit(command).catch((error: unknown) => error as Error)
    this.#isAsking = false
    if (this.#isClosed) return
    if (reply instanceof Error || reply.errorCode !== 'NONE') {
      const reason = reply instanceof Error ? reply.message : reply.errorCode
      const fields = { reason, partitions: asked.length }
      // While a quorum has no leader it would be said again and again.
      log[this.#failures === 0 ? 'warn' : 'debug'](fields, 'The controller did not change ISRs')
      const delayMs = Math.min(FIRST_RETRY_MS * 2 ** this.#failures++, LAST_RETRY_MS)
      clock.after(delayMs, () => void this.#ask())
      return
    }
    this.#failures = 0
    const outcomes = new Map<string, IsrOutcome>()
    for (const { topicId, partitions } of reply.topics) {
      for (const partition of partitions) {
        outcomes.set(keyOf(topicId, partition.partitionIndex), partition)
      }
    }
    for (const [key, { settled }] of asked) {
      const outcome = outcomes.get(key)
      // It is asked for again, like what could not be asked.
      if (outcome === undefined) continue
      this.#waiting.delete(key)
      settled(outcome)
    }
    if (this.#waiting.size > 0) void this.#ask()
  }
}

function topicsOf(asked: readonly (readonly [string, Waiting])[]) {
  const topics = new Map<string, PartitionToAlter[]>()
  for (const [, { proposal }] of asked) {
    const { topicId, ...partition } = proposal
    const partitions = topics.get(topicId)
    if (partitions === undefined) topics.set(topicId, [partition])
    else partitions.push(partition)
  }
  return Array.from(topics, ([topicId, partitions]) => ({ topicId, partitions }))
}

function keyOf(topicId: string, index: number): string {
  return `${index}#${topicId}`
}
