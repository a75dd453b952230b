import { CreateTopics } from '../../protocol/messages/create-topics.ts'
import { Fetch } from '../../protocol/messages/fetch.ts'
import { InitProducerId } from '../../protocol/messages/init-producer-id.ts'
import { ListOffsets } from '../../protocol/messages/list-offsets.ts'
import { Produce } from '../../protocol/messages/produce.ts'
import {
  batchLastOffset,
  buildBatch,
  readBatches,
  readRecords,
} from '../../protocol/records/batch.ts'
import { nodeCodecs } from '../../src/host/codecs.ts'
import { RawClient } from '../support/raw-client.ts'

export const codecs = nodeCodecs()

export interface At {
  readonly host: string
  readonly port: number
}

/** A topic with so many partitions; resolves when all of them have a leader. */
export async function createTopic(
  at: At,
  name: string,
  numPartitions: number,
  settings: Readonly<Record<string, string>> = {},
): Promise<void> {
  const client = await RawClient.connect(at)
  await createTopicBy(client, name, numPartitions, settings)
  client.destroy()
}

/** As `createTopic`, by a client that there is. */
export async function createTopicBy(
  client: RawClient,
  name: string,
  numPartitions: number,
  settings: Readonly<Record<string, string>> = {},
): Promise<void> {
  const configs = Object.entries(settings).map(([key, value]) => ({ name: key, value }))
  const { topics } = await client.request(CreateTopics, 7, {
    topics: [{ name, numPartitions, replicationFactor: 1, assignments: [], configs }],
  })
  if (topics[0]?.errorCode !== 'NONE') throw new Error(`${name}: ${topics[0]?.errorCode}`)
  for (let partition = 0; partition < numPartitions; partition++) {
    await endOffset(client, name, partition)
  }
}

/** ListOffsets' names of the first record and of the end. */
export const EARLIEST = -2n
const LATEST = -1n

/** Where a partition ends, or begins; waits for its leader. */
export async function endOffset(
  client: RawClient,
  topic: string,
  partition: number,
  timestamp = LATEST,
): Promise<number> {
  const deadline = performance.now() + 150_000
  for (;;) {
    const { topics } = await client.request(ListOffsets, 7, {
      replicaId: -1,
      topics: [{ name: topic, partitions: [{ partitionIndex: partition, timestamp }] }],
    })
    const { errorCode, offset } = topics[0]!.partitions[0]!
    if (errorCode === 'NONE') return offset
    if (performance.now() > deadline) throw new Error(`${topic}-${partition}: ${errorCode}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

interface Batch {
  readonly numbers: readonly number[]
  readonly baseSequence: number
}

/** Batches on their way at a time, as an idempotent producer may have. */
const IN_FLIGHT = 5
const RECORDS_IN_BATCH = 3

/**
 * Writes the numbers from 0 on to a partition of its own. It outlives the broker: what was not acknowledged when a
 * connection ended is sent again after `attach`, under the same sequence numbers if it is idempotent.
 */
export class NumberProducer {
  readonly #topic: string
  readonly #partition: number
  readonly #isIdempotent: boolean
  readonly #paddingBytes: number
  #producer = { producerId: -1, producerEpoch: -1 }
  #next = 0
  #sequence = 0
  #unacknowledged: Batch[] = []
  /** Every number of a batch that was acknowledged, with the offset that the broker gave it. */
  readonly acknowledged = new Map<number, number>()

  /** @param paddingBytes so many spaces follow each number */
  constructor(topic: string, partition: number, isIdempotent: boolean, paddingBytes = 0) {
    this.#paddingBytes = paddingBytes
    this.#topic = topic
    this.#partition = partition
    this.#isIdempotent = isIdempotent
  }

  get isIdempotent(): boolean {
    return this.#isIdempotent
  }

  /** How many numbers have ever been sent. */
  get sent(): number {
    return this.#next
  }

  get partition(): number {
    return this.#partition
  }

  /** Writes until `isOver` or until the connection ends. What was on its way is sent again first, in order. */
  async run(at: At, isOver: () => boolean): Promise<void> {
    const client = await RawClient.connect(at)
    try {
      if (this.#isIdempotent && this.#producer.producerId < 0) await this.#initialise(client)
      const again = this.#unacknowledged
      this.#unacknowledged = []
      for (const batch of again) this.#send(client, batch)
      while (!isOver() || this.#unacknowledged.length > 0) {
        while (!isOver() && this.#unacknowledged.length < IN_FLIGHT) {
          this.#send(client, this.#nextBatch())
        }
        if (this.#unacknowledged.length > 0) await this.#acknowledge(client)
      }
    } catch (error) {
      if (!client.isClosed) throw error
    } finally {
      client.destroy()
    }
  }

  async #initialise(client: RawClient): Promise<void> {
    const { errorCode, producerId, producerEpoch } = await client.request(InitProducerId, 4, {
      transactionalId: null,
      transactionTimeoutMs: 1000,
    })
    if (errorCode !== 'NONE') throw new Error(errorCode)
    this.#producer = { producerId, producerEpoch }
  }

  #nextBatch(): Batch {
    const numbers = Array.from({ length: RECORDS_IN_BATCH }, () => this.#next++)
    const baseSequence = this.#isIdempotent ? this.#sequence : -1
    this.#sequence += numbers.length
    return { numbers, baseSequence }
  }

  #send(client: RawClient, batch: Batch): void {
    const records = buildBatch(
      {
        ...this.#producer,
        baseSequence: batch.baseSequence,
        records: batch.numbers.map((number) => ({
          timestamp: Date.now(),
          key: null,
          value: Buffer.from(`${number}${' '.repeat(this.#paddingBytes)}`),
        })),
      },
      codecs,
    )
    client.send(Produce, 9, {
      acks: -1,
      timeoutMs: 10_000,
      topicData: [{ name: this.#topic, partitionData: [{ index: this.#partition, records }] }],
    })
    this.#unacknowledged.push(batch)
  }

  async #acknowledge(client: RawClient): Promise<void> {
    const { responses } = await client.receive(Produce, 9)
    const { errorCode, baseOffset } = responses[0]!.partitionResponses[0]!
    if (errorCode !== 'NONE') throw new Error(`${this.#topic}-${this.#partition}: ${errorCode}`)
    const { numbers } = this.#unacknowledged.shift()!
    for (const [index, number] of numbers.entries()) {
      this.acknowledged.set(number, baseOffset + index)
    }
  }
}

export interface ReadRecord {
  readonly offset: number
  readonly key: string | null
  readonly value: string | null
}

/** The records of a partition from an offset on, in the order in which they come. */
export async function readRecordsFrom(
  at: At,
  topic: string,
  partition: number,
  from: number,
): Promise<ReadRecord[]> {
  const client = await RawClient.connect(at)
  const end = await endOffset(client, topic, partition)
  const found: ReadRecord[] = []
  for (let next = from; next < end;) {
    const { responses } = await client.request(Fetch, 11, {
      maxWaitMs: 0,
      minBytes: 0,
      topics: [
        { topic, partitions: [{ partition, fetchOffset: next, partitionMaxBytes: 1 << 20 }] },
      ],
    })
    const { errorCode, records } = responses[0]!.partitions[0]!
    if (errorCode !== 'NONE') throw new Error(`${topic}-${partition} at ${next}: ${errorCode}`)
    const before = next
    for (const batch of readBatches(records ?? Buffer.alloc(0))) {
      for (const { offset, key, value } of readRecords(batch, codecs)) {
        if (offset < from) continue
        found.push({
          offset,
          key: key?.toString() ?? null,
          value: value?.toString() ?? null,
        })
      }
      // Compaction keeps the offsets of the records that it takes out of a batch's end.
      next = Math.max(next, batchLastOffset(batch, 0) + 1)
    }
    if (next === before) throw new Error(`${topic}-${partition}: nothing at ${next} of ${end}`)
  }
  client.destroy()
  return found
}

/** The numbers in a partition, in order; a number's place is its offset. */
export async function readNumbers(at: At, topic: string, partition: number): Promise<number[]> {
  const records = await readRecordsFrom(at, topic, partition, 0)
  return records.map(({ offset, value }, place) => {
    if (offset !== place)
      throw new Error(`${topic}-${partition}: ${offset} comes after ${place - 1}`)
    return Number(value)
  })
}
