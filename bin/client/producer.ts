import { InitProducerId } from '../../protocol/messages/init-producer-id.ts'
import { Produce } from '../../protocol/messages/produce.ts'
import { buildBatch, type RecordToWrite } from '../../protocol/records/batch.ts'
import { addToSequence } from '../../protocol/records/header.ts'
import type { Codecs, CompressionType } from '../../protocol/records/codecs.ts'
import type { Client } from './client.ts'
import { PeerError } from '../../src/peer/errors.ts'
import { BrokerError, isRetriable } from './errors.ts'
import { groupBy } from './group-by.ts'
import { partitionForKey } from './partitioner.ts'
import { partitionOf, topicsWithLeaders, type Topic } from './topics.ts'

export type Acks = 'all' | 'leader' | 'none'

export interface ProducerOptions {
  readonly topic: string
  readonly codecs: Codecs
  readonly acks?: Acks
  readonly compression?: CompressionType
  /** Creates the topic if the broker does so; on unless told otherwise. */
  readonly allowAutoTopicCreation?: boolean
}

export interface ProducedBatch {
  readonly partition: number
  readonly count: number
  /** Of the first record; -1 where nobody acknowledged it, or it had been written before. */
  readonly baseOffset: number
}

const NUMBER_OF_ACKS = { all: -1, leader: 1, none: 0 } as const

/**
 * Appends records to a topic. With acks `all` it is idempotent: what is sent again after a lost answer is not written
 * twice.
 */
export class Producer {
  readonly #client: Client
  readonly #options: ProducerOptions
  readonly #sequences = new Map<number, number>()
  #topic: Topic | null = null
  #identity: { producerId: number; producerEpoch: number } | null = null
  /** Where records without a key go next: they stay together, batch by batch. */
  #keylessPartition = 0

  constructor(client: Client, options: ProducerOptions) {
    this.#client = client
    this.#options = options
  }

  /**
   * Sends records, in order for each partition, and waits until they are acknowledged as asked for.
   * @param partition for all of them; otherwise by their keys, as Java's producers do it
   * @throws ClientError when one batch failed for good; others may have been written
   */
  async send(records: readonly RecordToWrite[], partition?: number): Promise<ProducedBatch[]> {
    if (records.length === 0) return []
    const topic = await this.#load()
    const count = topic.partitions.length
    const keyless = this.#keylessPartition++ % count
    const groups = groupBy(
      records,
      ({ key }) => partition ?? (key === null ? keyless : partitionForKey(key, count)),
    )
    return Promise.all([...groups].map(([index, batch]) => this.#sendBatch(index, batch)))
  }

  async #load(): Promise<Topic> {
    if (this.#topic !== null) return this.#topic
    const { topic, acks = 'all', allowAutoTopicCreation = true } = this.#options
    const [found] = await topicsWithLeaders(this.#client, [topic], { allowAutoTopicCreation })
    if (acks === 'all' && this.#identity === null) this.#identity = await this.#initialize()
    return (this.#topic = found!)
  }

  async #initialize(): Promise<{ producerId: number; producerEpoch: number } | null> {
    const connection = await this.#client.connection()
    // Without it (brokers before 0.11) a retry may write twice.
    if (connection.versionOf(InitProducerId) === null) return null
    return this.#client.retry(async () => {
      const answer = await this.#client.request(InitProducerId, {
        transactionalId: null,
        transactionTimeoutMs: 60_000,
      })
      if (answer.errorCode !== 'NONE') throw new BrokerError(answer.errorCode, 'A producer id')
      return { producerId: answer.producerId, producerEpoch: answer.producerEpoch }
    })
  }

  async #sendBatch(partition: number, records: readonly RecordToWrite[]): Promise<ProducedBatch> {
    const { codecs, compression = 'none', acks = 'all' } = this.#options
    const sequence = this.#sequences.get(partition) ?? 0
    const batch = buildBatch(
      {
        records,
        compression,
        ...(this.#identity !== null && { ...this.#identity, baseSequence: sequence }),
      },
      codecs,
    )
    const baseOffset = await this.#client.retry(() => this.#attempt(partition, batch, acks), {
      // A broken connection leaves open whether the batch was written; only an idempotent producer may try again.
      isRetriable: (error) =>
        isRetriable(error) && (this.#identity !== null || error instanceof BrokerError),
      beforeRetry: () => {
        this.#topic = null
      },
    })
    this.#sequences.set(partition, addToSequence(sequence, records.length))
    return { partition, count: records.length, baseOffset }
  }

  async #attempt(partition: number, batch: Buffer, acks: Acks): Promise<number> {
    const topic = await this.#load()
    const { leaderId: node } = partitionOf(topic, partition)
    const connection = await this.#client.connection(node)
    const request = {
      acks: NUMBER_OF_ACKS[acks],
      timeoutMs: this.#client.requestTimeoutMs,
      topicData: [
        {
          name: topic.name,
          topicId: topic.topicId,
          partitionData: [{ index: partition, records: batch }],
        },
      ],
    }
    if (acks === 'none') {
      connection.notify(Produce, request)
      return -1
    }
    const answer = await connection.request(Produce, request)
    const result = answer.responses[0]?.partitionResponses[0]
    if (result === undefined) {
      const message = 'The broker answered Produce without a partition'
      throw new PeerError('NOT_KAFKA', connection.address, message)
    }
    if (result.errorCode === 'NONE') return result.baseOffset
    if (result.errorCode === 'DUPLICATE_SEQUENCE_NUMBER') return -1
    const detail = result.recordErrors[0]?.batchIndexErrorMessage ?? result.errorMessage
    throw new BrokerError(result.errorCode, `Records for ${topic.name}-${partition}`, detail, {
      ...(result.errorCode === 'MESSAGE_TOO_LARGE' && {
        remedy: "Send smaller records, or raise the topic's max.message.bytes.",
      }),
    })
  }
}
