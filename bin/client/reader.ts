import { Fetch } from '../../protocol/messages/fetch.ts'
import {
  batchAttributes,
  batchBaseOffset,
  batchMagic,
  batchNextOffset,
  batchProducerId,
  checkBatch,
  CorruptRecordError,
  CURRENT_MAGIC,
  isControl,
  isTransactional,
  readBatches,
  readRecords,
  type LogRecord,
} from '../../protocol/records/batch.ts'
import { controlType } from '../../protocol/records/control.ts'
import type { Codecs } from '../../protocol/records/codecs.ts'
import type { ReceivedResponse } from '../../protocol/schema.ts'
import type { Client } from './client.ts'
import { BrokerError } from './errors.ts'
import { groupBy } from './group-by.ts'
import type { IsolationLevel } from './offsets.ts'
import { partitionOf, topicsWithLeaders, type Topic, type TopicPartition } from './topics.ts'

export interface ReaderOptions {
  readonly codecs: Codecs
  readonly isolationLevel?: IsolationLevel
  /** How long a broker holds an answer while there is nothing to read. */
  readonly maxWaitMs?: number
  readonly maxBytes?: number
}

/** Where to begin, and the offset before which to end. */
export interface Assignment extends TopicPartition {
  readonly offset: number
  readonly endOffset?: number
}

export interface PartitionRecords extends TopicPartition {
  readonly records: LogRecord[]
}

type FetchedPartition = ReceivedResponse<typeof Fetch>['responses'][number]['partitions'][number]

interface Cursor extends TopicPartition {
  offset: number
  readonly endOffset: number
}

interface Taken {
  readonly cursor: Cursor
  readonly records: LogRecord[]
  /** The offset to go on from. */
  readonly next: number
}

/**
 * Reads partitions from given offsets on, round by round, from their leaders. Control records are left out, and under
 * `read_committed` what aborted transactions wrote.
 */
export class PartitionReader {
  readonly #client: Client
  readonly #options: ReaderOptions
  readonly #cursors: Cursor[]
  #topics: readonly Topic[] | null = null

  constructor(client: Client, assignments: readonly Assignment[], options: ReaderOptions) {
    this.#client = client
    this.#options = options
    this.#cursors = assignments.map(({ topic, partition, offset, endOffset = Infinity }) => ({
      topic,
      partition,
      offset,
      endOffset,
    }))
  }

  /** Whether every partition was read up to its end. */
  get isDone(): boolean {
    return this.#cursors.every(({ offset, endOffset }) => offset >= endOffset)
  }

  /** The offsets that come next. */
  get positions(): (TopicPartition & { offset: number })[] {
    return this.#cursors.map(({ topic, partition, offset }) => ({ topic, partition, offset }))
  }

  /** Asks each leader once; what has come, by partition. Nothing may have. Throws ClientError, CorruptRecordError. */
  poll(): Promise<PartitionRecords[]> {
    return this.#client.retry(() => this.#poll(), {
      beforeRetry: () => {
        this.#topics = null
      },
    })
  }

  async #poll(): Promise<PartitionRecords[]> {
    const open = this.#cursors.filter(({ offset, endOffset }) => offset < endOffset)
    if (open.length === 0) return []
    const topics = (this.#topics ??= await topicsWithLeaders(
      this.#client,
      [...new Set(open.map(({ topic }) => topic))],
      { wanted: (wanted) => open.some((cursor) => isSame(cursor, wanted)) },
    ))
    const byLeader = groupBy(
      open,
      ({ topic, partition }) => partitionOf(topicOf(topics, topic), partition).leaderId,
    )
    const answers = await Promise.all(
      [...byLeader].map(([node, cursors]) => this.#fetch(node, cursors, topics)),
    )
    // Only once all have succeeded: a failed round is read again.
    return answers.flat().map(({ cursor, records, next }) => {
      cursor.offset = next
      return { topic: cursor.topic, partition: cursor.partition, records }
    })
  }

  async #fetch(
    node: number,
    cursors: readonly Cursor[],
    topics: readonly Topic[],
  ): Promise<Taken[]> {
    const { maxWaitMs = 500, maxBytes = 8 * 1024 * 1024, isolationLevel } = this.#options
    const answer = await this.#client.request(
      Fetch,
      {
        maxWaitMs,
        minBytes: 1,
        maxBytes,
        isolationLevel: isolationLevel === 'read_committed' ? 1 : 0,
        topics: [...groupBy(cursors, ({ topic }) => topic)].map(([name, ofTopic]) => ({
          topic: name,
          topicId: topicOf(topics, name).topicId,
          partitions: ofTopic.map(({ partition, offset }) => ({
            partition,
            fetchOffset: offset,
            partitionMaxBytes: 1024 * 1024,
          })),
        })),
        forgottenTopicsData: [],
      },
      { node, timeoutMs: this.#client.requestTimeoutMs + maxWaitMs },
    )
    if (answer.errorCode !== 'NONE') throw new BrokerError(answer.errorCode, 'A fetch')
    const results: Taken[] = []
    for (const { topic, topicId, partitions } of answer.responses) {
      // By name up to v12, by id from v13 on.
      const name = topic || topics.find((candidate) => candidate.topicId === topicId)?.name
      for (const fetched of partitions) {
        const partition = fetched.partitionIndex
        const cursor = cursors.find((one) => one.topic === name && one.partition === partition)
        if (cursor === undefined) continue
        results.push(this.#take(cursor, fetched))
      }
    }
    return results
  }

  /** What a partition's answer has for us. */
  #take(cursor: Cursor, fetched: FetchedPartition): Taken {
    if (fetched.errorCode !== 'NONE') throw partitionError(cursor, fetched)
    const aborted = new AbortedTransactions(
      this.#options.isolationLevel === 'read_committed' ? fetched.abortedTransactions : null,
    )
    const records: LogRecord[] = []
    let next = cursor.offset
    for (const batch of readBatches(fetched.records ?? Buffer.alloc(0))) {
      const isCurrent = batchMagic(batch, 0) === CURRENT_MAGIC
      if (isCurrent && checkBatch(batch, 0, batch.length, this.#options.codecs.crc32c) !== null) {
        // What is before it is given; the next round begins with it.
        if (next > cursor.offset) break
        throw damaged(cursor, batchBaseOffset(batch, 0))
      }
      const isMarker = isCurrent && isControl(batchAttributes(batch, 0))
      if (isMarker || (isCurrent && aborted.includes(batch))) {
        if (isMarker) aborted.passMarker(batch, this.#options.codecs)
      } else {
        for (const record of readRecords(batch, this.#options.codecs)) {
          if (record.offset >= cursor.offset && record.offset < cursor.endOffset)
            records.push(record)
          next = Math.max(next, record.offset + 1)
        }
      }
      if (isCurrent) next = Math.max(next, batchNextOffset(batch, 0))
    }
    return { cursor, records, next }
  }
}

/** Which producers' records are to be left out, as the reading goes along (KIP-98). */
class AbortedTransactions {
  readonly #coming: { producerId: number; firstOffset: number }[]
  readonly #current = new Set<number>()

  constructor(aborted: readonly { producerId: number; firstOffset: number }[] | null) {
    this.#coming = [...(aborted ?? [])].sort((a, b) => a.firstOffset - b.firstOffset)
  }

  includes(batch: Buffer): boolean {
    if (!isTransactional(batchAttributes(batch, 0))) return false
    while (this.#coming.length > 0 && this.#coming[0]!.firstOffset <= batchBaseOffset(batch, 0)) {
      this.#current.add(this.#coming.shift()!.producerId)
    }
    return this.#current.has(batchProducerId(batch, 0))
  }

  passMarker(batch: Buffer, codecs: Codecs): void {
    for (const { key } of readRecords(batch, codecs)) {
      if (controlType(key) === 'ABORT') this.#current.delete(batchProducerId(batch, 0))
    }
  }
}

function isSame(left: TopicPartition, right: TopicPartition): boolean {
  return left.partition === right.partition && left.topic === right.topic
}

function topicOf(topics: readonly Topic[], name: string): Topic {
  return topics.find((topic) => topic.name === name)!
}

function damaged({ topic, partition }: Cursor, offset: number): CorruptRecordError {
  const what = `Partition ${topic}-${partition} has a damaged batch at offset ${offset}`
  return new CorruptRecordError(`${what}: its checksum is another than that of its bytes`)
}

function partitionError(cursor: Cursor, fetched: FetchedPartition): Error {
  const what = `Partition ${cursor.topic}-${cursor.partition}`
  if (fetched.errorCode === 'CORRUPT_MESSAGE') {
    return new CorruptRecordError(`${what} has a damaged batch at or after offset ${cursor.offset}`)
  }
  if (fetched.errorCode !== 'OFFSET_OUT_OF_RANGE') return new BrokerError(fetched.errorCode, what)
  return new BrokerError(
    fetched.errorCode,
    what,
    `offset ${cursor.offset} is not between the partition's first and last ones`,
    { remedy: 'See its offsets with: ottla topics describe --offsets' },
  )
}
