import type { ErrorName } from '../../../protocol/errors.ts'
import { AddOffsetsToTxn } from '../../../protocol/messages/add-offsets-to-txn.ts'
import { AddPartitionsToTxn } from '../../../protocol/messages/add-partitions-to-txn.ts'
import { EndTxn } from '../../../protocol/messages/end-txn.ts'
import { InitProducerId } from '../../../protocol/messages/init-producer-id.ts'
import { OffsetFetch } from '../../../protocol/messages/offset-fetch.ts'
import { Produce } from '../../../protocol/messages/produce.ts'
import { TxnOffsetCommit } from '../../../protocol/messages/txn-offset-commit.ts'
import { buildBatch } from '../../../protocol/records/batch.ts'
import type { Codecs } from '../../../protocol/records/codecs.ts'
import type { Client } from '../../../bin/client/client.ts'
import { BrokerError, throwUnlessNone } from '../../../bin/client/errors.ts'
import { partitionOf, topicsWithLeaders } from '../../../bin/client/topics.ts'
import { PeerError } from '../../../src/peer/errors.ts'

const RETRIED: ReadonlySet<ErrorName> = new Set<ErrorName>([
  'CONCURRENT_TRANSACTIONS',
  'COORDINATOR_LOAD_IN_PROGRESS',
  'COORDINATOR_NOT_AVAILABLE',
  'NOT_COORDINATOR',
  'NOT_ENOUGH_REPLICAS',
  'NOT_LEADER_OR_FOLLOWER',
  'UNSTABLE_OFFSET_COMMIT',
])

/**
 * Producers before transaction.version 2 name the partitions of a transaction first, and keep their epoch from one to the
 * next; later ones get another one with each end.
 */
export type Dialect = 'names partitions' | 'changes epochs'

const VERSIONS = {
  'names partitions': { produce: 11, offsets: 4, end: 4 },
  'changes epochs': { produce: 13, offsets: 6, end: 5 },
} as const

export interface SessionParts {
  readonly client: Client
  readonly codecs: Codecs
  /** It is the name of its group, too. */
  readonly transactionalId: string
  readonly dialect: Dialect
  readonly timeoutMs: number
  readonly topic: { readonly name: string; readonly topicId: string }
}

/** Asks again after what passes, for as long as the client has patience. */
function persist<Result>(client: Client, ask: () => Promise<Result>): Promise<Result> {
  return client.retry(ask, {
    isRetriable: (error) =>
      error instanceof PeerError || (error instanceof BrokerError && RETRIED.has(error.error)),
  })
}

/** What the group has committed for partition 0, once nothing is pending there; 0 for nothing. */
export function stableOffset(client: Client, groupId: string, topicId: string): Promise<number> {
  return persist(client, async () => {
    const { groups } = await client.requestCoordinator(groupId, OffsetFetch, {
      requireStable: true,
      groups: [{ groupId, topics: [{ topicId, partitionIndexes: [0] }] }],
    })
    const { errorCode, topics } = groups[0]!
    throwUnlessNone(errorCode, `The offsets of ${groupId}`)
    const partition = topics[0]!.partitions[0]!
    throwUnlessNone(partition.errorCode, `The offset of ${groupId}`)
    return Math.max(0, Number(partition.committedOffset))
  })
}

/** A transactional producer, from its InitProducerId to the first error that it can't go on after: that is thrown. */
export class TransactionSession {
  #parts: SessionParts
  #producer = { producerId: -1, producerEpoch: -1 }
  /** Of each partition, the next sequence number. */
  readonly #sequences = new Map<number, number>()
  readonly #named = new Set<number>()
  /** Of the partitions, as far as this client has looked and they have not refused since. */
  readonly #leaders = new Map<number, number>()

  private constructor(parts: SessionParts) {
    this.#parts = parts
  }

  /** Fences whoever has the transactional id, and aborts what that one has open. */
  static async begin(parts: SessionParts): Promise<TransactionSession> {
    const session = new TransactionSession(parts)
    const { client, transactionalId, timeoutMs } = parts
    await persist(client, async () => {
      const body = { transactionalId, transactionTimeoutMs: timeoutMs }
      const asked = client.requestCoordinator(transactionalId, InitProducerId, body, TRANSACTION)
      const { errorCode, producerId, producerEpoch } = await asked
      throwUnlessNone(errorCode, `The producer of ${transactionalId}`)
      session.#producer = { producerId, producerEpoch }
    })
    return session
  }

  /** The same producer, after the broker was started again elsewhere. */
  goOnWith(client: Client): void {
    this.#parts = { ...this.#parts, client }
    this.#leaders.clear()
  }

  /** @returns the offset of the first record; -1 where it was written before and nobody knows it any more */
  async write(partition: number, values: readonly string[], timestamp: number): Promise<number> {
    const { client, dialect } = this.#parts
    if (dialect === 'names partitions' && !this.#named.has(partition)) await this.#name(partition)
    const baseSequence = this.#sequences.get(partition) ?? 0
    const batch = this.#batch(values, baseSequence, timestamp)
    const baseOffset = await persist(client, async () => {
      const leader = this.#leaders.get(partition) ?? (await this.#leaderOf(partition, client))
      this.#leaders.delete(partition)
      const offset = await this.#produce(partition, batch, client, leader)
      this.#leaders.set(partition, leader)
      return offset
    })
    this.#sequences.set(partition, baseSequence + values.length)
    return baseOffset
  }

  /**
   * Sends records by another connection, and neither waits for them nor counts them: they may come when the transaction is over
   * (KIP-890). After it the producer is of no use.
   */
  async stray(
    client: Client,
    partition: number,
    values: readonly string[],
    timestamp: number,
  ): Promise<unknown> {
    const baseSequence = this.#sequences.get(partition) ?? 0
    const batch = this.#batch(values, baseSequence, timestamp)
    return this.#produce(partition, batch, client, await this.#leaderOf(partition, client))
  }

  #batch(values: readonly string[], baseSequence: number, timestamp: number): Buffer {
    const records = values.map((value) => ({ timestamp, key: null, value: Buffer.from(value) }))
    const marks = { ...this.#producer, baseSequence, isTransactional: true }
    return buildBatch({ records, ...marks }, this.#parts.codecs)
  }

  async #name(partition: number): Promise<void> {
    const { client, transactionalId, topic } = this.#parts
    await persist(client, async () => {
      const body = {
        v3AndBelowTransactionalId: transactionalId,
        v3AndBelowProducerId: this.#producer.producerId,
        v3AndBelowProducerEpoch: this.#producer.producerEpoch,
        v3AndBelowTopics: [{ name: topic.name, partitions: [partition] }],
      }
      const options = { ...TRANSACTION, version: 3 }
      const asked = client.requestCoordinator(transactionalId, AddPartitionsToTxn, body, options)
      const { resultsByTopicV3AndBelow: results } = await asked
      throwUnlessNone(results[0]!.resultsByPartition[0]!.partitionErrorCode, 'A partition')
    })
    this.#named.add(partition)
  }

  async #leaderOf(partition: number, client: Client): Promise<number> {
    const wanted = (each: { readonly partition: number }): boolean => each.partition === partition
    const [topic] = await topicsWithLeaders(client, [this.#parts.topic.name], { wanted })
    return partitionOf(topic!, partition).leaderId
  }

  async #produce(partition: number, batch: Buffer, client: Client, node: number): Promise<number> {
    const { transactionalId, topic, dialect } = this.#parts
    const body = {
      transactionalId,
      acks: -1,
      timeoutMs: client.requestTimeoutMs,
      topicData: [{ ...topic, partitionData: [{ index: partition, records: batch }] }],
    }
    const version = VERSIONS[dialect].produce
    const { responses } = await client.request(Produce, body, { version, node })
    const { errorCode, baseOffset } = responses[0]!.partitionResponses[0]!
    if (errorCode === 'DUPLICATE_SEQUENCE_NUMBER') return -1
    throwUnlessNone(errorCode, 'Records')
    return baseOffset
  }

  /** The offset counts for the group once the transaction commits. */
  async commitOffset(offset: number): Promise<void> {
    const { client, transactionalId, dialect, topic } = this.#parts
    const groupId = transactionalId
    if (dialect === 'names partitions') {
      await persist(client, async () => {
        const body = { transactionalId, ...this.#producer, groupId }
        const options = { ...TRANSACTION, version: 3 }
        const asked = client.requestCoordinator(transactionalId, AddOffsetsToTxn, body, options)
        throwUnlessNone((await asked).errorCode, 'A group')
      })
    }
    await persist(client, async () => {
      const partition = { partitionIndex: 0, committedOffset: offset, committedMetadata: null }
      const topics = [{ ...topic, partitions: [partition] }]
      const body = { transactionalId, groupId, ...this.#producer, memberId: '', topics }
      const options = { version: VERSIONS[dialect].offsets }
      const answer = await client.requestCoordinator(groupId, TxnOffsetCommit, body, options)
      throwUnlessNone(answer.topics[0]!.partitions[0]!.errorCode, 'An offset')
    })
  }

  async end(committed: boolean): Promise<void> {
    const { client, transactionalId, dialect } = this.#parts
    await persist(client, async () => {
      const body = { transactionalId, ...this.#producer, committed }
      const options = { ...TRANSACTION, version: VERSIONS[dialect].end }
      const answer = await client.requestCoordinator(transactionalId, EndTxn, body, options)
      throwUnlessNone(answer.errorCode, 'The end of a transaction')
      if (dialect === 'names partitions') return
      const { producerId, producerEpoch } = answer
      this.#producer = { producerId, producerEpoch }
      // A new epoch begins with 0.
      this.#sequences.clear()
    })
    this.#named.clear()
  }
}

const TRANSACTION = { kind: 'transaction' } as const
