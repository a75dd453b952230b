import { AddOffsetsToTxn } from '../../../protocol/messages/add-offsets-to-txn.ts'
import { AddPartitionsToTxn } from '../../../protocol/messages/add-partitions-to-txn.ts'
import { DescribeTransactions } from '../../../protocol/messages/describe-transactions.ts'
import { EndTxn } from '../../../protocol/messages/end-txn.ts'
import { FindCoordinator } from '../../../protocol/messages/find-coordinator.ts'
import { InitProducerId } from '../../../protocol/messages/init-producer-id.ts'
import { OffsetFetch } from '../../../protocol/messages/offset-fetch.ts'
import { Produce } from '../../../protocol/messages/produce.ts'
import { TxnOffsetCommit } from '../../../protocol/messages/txn-offset-commit.ts'
import { ZERO_UUID } from '../../../protocol/schema.ts'
import type { RawClient } from '../../support/raw-client.ts'
import { batchOf, errorOf } from './case.ts'
import type { BadInput, Told, World } from './case.ts'

const GROUP = 'bad-input'
/** Which errors only pass: they are asked again after. */
export const PASSING: readonly string[] = [
  'CONCURRENT_TRANSACTIONS',
  'COORDINATOR_NOT_AVAILABLE',
  'NOT_COORDINATOR',
]

/** Asks again until what only passes has passed. */
export async function settled(ask: () => Promise<string>): Promise<string> {
  const deadline = performance.now() + 150_000
  for (;;) {
    const error = await ask()
    if (!PASSING.includes(error) && error !== 'COORDINATOR_LOAD_IN_PROGRESS') return error
    if (performance.now() > deadline) return `${error} for ever`
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

interface Identity {
  readonly transactionalId: string
  readonly producerId: number
  readonly producerEpoch: number
}

/** A producer of a transactional id, with what it asks in one version after the other. */
export class Producer {
  readonly #client: RawClient
  readonly #world: World
  readonly transactionalId: string
  producerId = -1
  producerEpoch = -1

  private constructor(client: RawClient, world: World, transactionalId: string) {
    this.#client = client
    this.#world = world
    this.transactionalId = transactionalId
  }

  static async begin(client: RawClient, world: World, transactionalId: string): Promise<Producer> {
    const producer = new Producer(client, world, transactionalId)
    await settled(async () => {
      const key = { keyType: 1, coordinatorKeys: [transactionalId] }
      return (await client.request(FindCoordinator, 4, key)).coordinators[0]!.errorCode
    })
    await settled(() => producer.init())
    return producer
  }

  get identity() {
    const { transactionalId, producerId, producerEpoch } = this
    return { transactionalId, producerId, producerEpoch }
  }

  /** Another one of the same id, which is fenced by what this one does now. */
  copy(client = this.#client): Producer {
    return Object.assign(new Producer(client, this.#world, this.transactionalId), this)
  }

  /** Another one, with something of its own that isn't its own. */
  as(foreign: Partial<Identity>): Producer {
    return Object.assign(this.copy(), foreign)
  }

  async init(transactionTimeoutMs = 60_000): Promise<string> {
    const { transactionalId } = this
    const asked = { transactionalId, transactionTimeoutMs, producerId: -1, producerEpoch: -1 }
    const answer = await this.#client.request(InitProducerId, 5, asked)
    if (answer.errorCode === 'NONE') Object.assign(this, identityOf(answer))
    return answer.errorCode
  }

  /** [KIP-360] With what it has: the error, by how much the epoch rose, and whether the id is the same. */
  async goOn(version = 5): Promise<Told> {
    const { producerId, producerEpoch } = this
    const error = await settled(async () => {
      const asked = { ...this.identity, producerId, producerEpoch, transactionTimeoutMs: 60_000 }
      const answer = await this.#client.request(InitProducerId, version, asked)
      if (answer.errorCode === 'NONE') Object.assign(this, identityOf(answer))
      return answer.errorCode
    })
    return [error, this.producerEpoch - producerEpoch, this.producerId === producerId]
  }

  add(version: number, name = 'transacted', partition = 0): Promise<string> {
    return settled(async () => {
      const { resultsByTopicV3AndBelow } = await this.#client.request(AddPartitionsToTxn, version, {
        v3AndBelowTransactionalId: this.transactionalId,
        v3AndBelowProducerId: this.producerId,
        v3AndBelowProducerEpoch: this.producerEpoch,
        v3AndBelowTopics: [{ name, partitions: [partition] }],
      })
      return resultsByTopicV3AndBelow[0]!.resultsByPartition[0]!.partitionErrorCode
    })
  }

  async addOffsets(version: number, groupId = GROUP): Promise<string> {
    return settled(async () => {
      const asked = { ...this.identity, groupId }
      return errorOf(await this.#client.request(AddOffsetsToTxn, version, asked))
    })
  }

  /** The error, and its text where the coordinator is what stands against it. */
  async produce(version: number, baseSequence = 0, name = 'transacted'): Promise<Told> {
    const { transactionalId, ...marks } = this.identity
    const records = batchOf({ ...marks, baseSequence, isTransactional: true })
    let message: string | null = null
    const error = await settled(async () => {
      const { responses } = await this.#client.request(Produce, version, {
        transactionalId,
        acks: -1,
        timeoutMs: 5_000,
        topicData: [{ name, partitionData: [{ index: 0, records }] }],
      })
      const { errorCode, errorMessage } = responses[0]!.partitionResponses[0]!
      message = errorMessage
      return errorCode
    })
    return error === 'OUT_OF_ORDER_SEQUENCE_NUMBER' ? error : [error, message]
  }

  async commitOffset(
    version: number,
    {
      groupId = GROUP,
      generation = -1,
      memberId = '',
      topicId = this.#world.topicId,
      groupInstanceId = null,
      name = 'plain',
      partitionIndex = 0,
    }: {
      groupId?: string
      generation?: number
      memberId?: string
      groupInstanceId?: string | null
      topicId?: string
      name?: string
      partitionIndex?: number
    } = {},
  ): Promise<string> {
    const { topics } = await this.#client.request(TxnOffsetCommit, version, {
      ...this.identity,
      groupId,
      generationIdOrMemberEpoch: generation,
      memberId,
      groupInstanceId,
      topics: [
        {
          name,
          topicId,
          partitions: [{ partitionIndex, committedOffset: 3, committedMetadata: '' }],
        },
      ],
    })
    return errorOf(topics[0]!.partitions[0]!)
  }

  /** The error, and by how much the epoch rose. */
  async end(version: number, committed = true): Promise<Told> {
    let rise = 0
    const error = await settled(async () => {
      const answer = await this.#client.request(EndTxn, version, { ...this.identity, committed })
      if (answer.errorCode === 'NONE' && answer.producerId >= 0) {
        rise = answer.producerEpoch - this.producerEpoch
        Object.assign(this, identityOf(answer))
      }
      return answer.errorCode
    })
    return [error, rise]
  }

  async state(): Promise<string> {
    const asked = { transactionalIds: [this.transactionalId] }
    const answer = await this.#client.request(DescribeTransactions, 0, asked)
    const { errorCode, transactionState } = answer.transactionStates[0]!
    return errorCode === 'NONE' ? transactionState : errorCode
  }
}

const identityOf = ({ producerId, producerEpoch }: Omit<Identity, 'transactionalId'>) => ({
  producerId,
  producerEpoch,
})

/** Each case has a transactional id of its own. */
export const transacts = (
  name: string,
  run: (producer: Producer, client: RawClient, world: World) => Promise<Told>,
): BadInput => ({
  name,
  ask: async (client, world) => run(await Producer.begin(client, world, name), client, world),
})

/** What the group has committed for a topic's partition 0, as who may not, or may, read what is undecided is told. */
export async function stable(
  client: RawClient,
  requireStable: boolean,
  groupId = GROUP,
  name = 'plain',
): Promise<Told> {
  const { groups } = await client.request(OffsetFetch, 9, {
    requireStable,
    groups: [{ groupId, topics: [{ name, topicId: ZERO_UUID, partitionIndexes: [0] }] }],
  })
  const { errorCode, committedOffset } = groups[0]!.topics[0]!.partitions[0]!
  return [errorCode, Number(committedOffset)]
}
