import type { ErrorName } from '../../../protocol/errors.ts'
import { Fetch } from '../../../protocol/messages/fetch.ts'
import { ListOffsets } from '../../../protocol/messages/list-offsets.ts'
import type { AnswerMemory } from '../../peer/answer-memory.ts'
import type { BrokerLinks } from '../../peer/broker-links.ts'

export type FetchBody = (typeof Fetch)['request']['encoded']
export type FetchAnswer = (typeof Fetch)['response']['decoded']
/** What a fetch brings of one partition. */
export type FetchedPartition = FetchAnswer['responses'][number]['partitions'][number]

const LATEST = -1n
const EARLIEST = -2n

/** Where a leader's log begins or ends, or why it doesn't say. */
export interface LeaderOffset {
  readonly errorCode: ErrorName
  readonly offset: number
}

/** What a follower asks of its leader. All reject with BrokerLinkError. */
export interface LeaderApi {
  /** The records of the answer lie in the memory that is given, until they are given back. */
  fetch(body: FetchBody, memory: AnswerMemory): Promise<FetchAnswer>
  /** As of the leader of this epoch. */
  endOffset(topic: string, partition: number, leaderEpoch: number): Promise<LeaderOffset>
  startOffset(topic: string, partition: number, leaderEpoch: number): Promise<LeaderOffset>
}

/** A leader that is another broker. */
export class RemoteLeader implements LeaderApi {
  readonly #links: BrokerLinks
  readonly #leaderId: number
  readonly #brokerId: number

  constructor(links: BrokerLinks, leaderId: number, brokerId: number) {
    this.#links = links
    this.#leaderId = leaderId
    this.#brokerId = brokerId
  }

  fetch(body: FetchBody, memory: AnswerMemory): Promise<FetchAnswer> {
    return this.#links.ask(this.#leaderId, Fetch, body, memory)
  }

  endOffset(topic: string, partition: number, leaderEpoch: number): Promise<LeaderOffset> {
    return this.#offset(topic, partition, leaderEpoch, LATEST)
  }

  startOffset(topic: string, partition: number, leaderEpoch: number): Promise<LeaderOffset> {
    return this.#offset(topic, partition, leaderEpoch, EARLIEST)
  }

  async #offset(
    topic: string,
    partitionIndex: number,
    currentLeaderEpoch: number,
    timestamp: bigint,
  ): Promise<LeaderOffset> {
    const { topics } = await this.#links.ask(this.#leaderId, ListOffsets, {
      replicaId: this.#brokerId,
      isolationLevel: 0,
      topics: [{ name: topic, partitions: [{ partitionIndex, currentLeaderEpoch, timestamp }] }],
    })
    const found = topics[0]?.partitions[0]
    if (found === undefined) return { errorCode: 'UNKNOWN_SERVER_ERROR', offset: -1 }
    return found
  }
}
