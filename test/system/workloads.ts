import { DeleteRecords } from '../../protocol/messages/delete-records.ts'
import { DeleteTopics } from '../../protocol/messages/delete-topics.ts'
import { FindCoordinator } from '../../protocol/messages/find-coordinator.ts'
import { ListOffsets } from '../../protocol/messages/list-offsets.ts'
import { OffsetCommit } from '../../protocol/messages/offset-commit.ts'
import { OffsetFetch } from '../../protocol/messages/offset-fetch.ts'
import { Produce } from '../../protocol/messages/produce.ts'
import { buildBatch } from '../../protocol/records/batch.ts'
import { RawClient } from '../support/raw-client.ts'
import {
  codecs,
  createTopic,
  EARLIEST,
  endOffset,
  NumberProducer,
  readRecordsFrom,
  type At,
} from './load.ts'

/** What clients do to a broker that is killed again and again, and what has to be so afterwards. */
export interface Workload {
  readonly name: string
  /** How much has been acknowledged. */
  readonly acknowledged: number
  /** Before the first kill. */
  prepare(at: At): Promise<void>
  /** Until `isOver`, or until the connection ends. */
  run(at: At, isOver: () => boolean): Promise<void>
  /** Throws where something acknowledged is missing, or something made up is there. `isThorough`: all that there is. */
  check(at: At, isThorough: boolean): Promise<void>
}

/** Runs against a connection that may end at any time: that is no failure. */
async function untilItEnds(at: At, use: (client: RawClient) => Promise<void>): Promise<void> {
  const client = await RawClient.connect(at)
  try {
    await use(client)
  } catch (error) {
    if (!client.isClosed) throw error
  } finally {
    client.destroy()
  }
}

export interface NumbersOptions {
  readonly isIdempotent?: boolean
  readonly paddingBytes?: number
  readonly settings?: Readonly<Record<string, string>>
  /** Records at the beginning are deleted all the time. */
  readonly trims?: boolean
}

/** The records that were looked at after a kill stay in the page cache: so many of them are looked at again. */
const LOOKED_AT_AGAIN = 300

/** A producer of numbers on a topic of its own, where a number of an idempotent one is its offset. */
export function numbers(topic: string, options: NumbersOptions = {}): Workload {
  const { isIdempotent = true, paddingBytes = 0, settings = {}, trims = false } = options
  const producer = new NumberProducer(topic, 0, isIdempotent, paddingBytes)
  let checkedTo = 0
  let trimmedTo = 0

  const trim = (at: At, isOver: () => boolean): Promise<void> =>
    untilItEnds(at, async (client) => {
      while (!isOver() && !client.isClosed) {
        trimmedTo = Math.max(trimmedTo, await endOffset(client, topic, 0)) - 100
        const partitions = [{ partitionIndex: 0, offset: Math.max(trimmedTo, 0) }]
        const { topics } = await client.request(DeleteRecords, 2, {
          topics: [{ name: topic, partitions }],
          timeoutMs: 5000,
        })
        const { errorCode } = topics[0]!.partitions[0]!
        if (errorCode !== 'NONE') throw new Error(`DeleteRecords of ${topic}: ${errorCode}`)
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
    })

  return {
    name: topic,
    get acknowledged() {
      return producer.acknowledged.size
    },
    prepare: (at) => createTopic(at, topic, 1, settings),
    run: async (at, isOver) => {
      await Promise.all([producer.run(at, isOver), trims ? trim(at, isOver) : null])
    },
    check: async (at, isThorough) => {
      const client = await RawClient.connect(at)
      const start = await endOffset(client, topic, 0, EARLIEST)
      client.destroy()
      if (start > Math.max(trimmedTo, 0)) throw new Error(`${topic} begins at ${start}`)
      const from = Math.max(start, isThorough ? 0 : checkedTo - LOOKED_AT_AGAIN)
      const records = await readRecordsFrom(at, topic, 0, from)
      const found = new Map(records.map(({ offset, value }) => [offset, Number(value)]))
      for (const [number, offset] of producer.acknowledged) {
        if (offset < from || found.get(offset) === number) continue
        throw new Error(`${topic}: ${number} at ${offset} is ${found.get(offset)}`)
      }
      for (const [place, { offset, value }] of records.entries()) {
        if (offset !== from + place) throw new Error(`${topic}: ${offset} is at ${from + place}`)
        // Once each, in order: a batch that is sent again is not written again.
        const isRight = isIdempotent ? Number(value) === offset : Number(value) < producer.sent
        if (!isRight) throw new Error(`${topic}: at ${offset} there is ${value}`)
      }
      checkedTo = from + records.length
    },
  }
}

const KEYS = 50

/** A topic that is compacted all the time: of each key there is the last value that was acknowledged, or a later one. */
export function compacted(topic: string): Workload {
  const sent = new Map<string, number>()
  const acknowledged = new Map<string, number>()
  let next = 0
  return {
    name: topic,
    get acknowledged() {
      return acknowledged.size === 0 ? 0 : Math.max(...acknowledged.values())
    },
    prepare: (at) =>
      createTopic(at, topic, 1, {
        'cleanup.policy': 'compact',
        'segment.ms': '100',
        'min.cleanable.dirty.ratio': '0.01',
      }),
    run: (at, isOver) =>
      untilItEnds(at, async (client) => {
        while (!isOver()) {
          const value = ++next
          const key = `key-${value % KEYS}`
          sent.set(key, value)
          await produce(client, topic, { key, value: String(value) })
          acknowledged.set(key, value)
        }
      }),
    check: async (at) => {
      const client = await RawClient.connect(at)
      const start = await endOffset(client, topic, 0, EARLIEST)
      client.destroy()
      const last = new Map<string, number>()
      let before = -1
      for (const { offset, key, value } of await readRecordsFrom(at, topic, 0, start)) {
        if (offset <= before) throw new Error(`${topic}: ${offset} comes after ${before}`)
        before = offset
        last.set(key!, Number(value))
      }
      for (const [key, value] of acknowledged) {
        const found = last.get(key) ?? -1
        if (found < value || found > sent.get(key)!)
          throw new Error(`${topic}: ${key} has ${found}, ${value} was acknowledged`)
      }
    },
  }
}

async function produce(
  client: RawClient,
  topic: string,
  { key, value }: { key: string; value: string },
): Promise<void> {
  const record = { timestamp: Date.now(), key: Buffer.from(key), value: Buffer.from(value) }
  const records = buildBatch({ records: [record] }, codecs)
  const { responses } = await client.request(Produce, 9, {
    acks: -1,
    timeoutMs: 10_000,
    topicData: [{ name: topic, partitionData: [{ index: 0, records }] }],
  })
  const { errorCode } = responses[0]!.partitionResponses[0]!
  if (errorCode !== 'NONE') throw new Error(`Produce to ${topic}: ${errorCode}`)
}

/** What is known of a topic of `churn`. */
type Known = 'unknown' | 'absent' | { readonly made: number; readonly acknowledged: number }

/** Topics that come, get records of which some are deleted, go, and come again under the same names. */
export function churn(prefix: string): Workload {
  const known = new Map<string, Known>()
  let made = 0
  let done = 0
  const live = async (client: RawClient, at: At): Promise<void> => {
    const name = `${prefix}-${++made % 3}`
    if (known.get(name) !== 'absent' && known.has(name)) {
      known.set(name, 'unknown')
      await deleteTopic(client, name)
    }
    known.set(name, 'unknown')
    await createTopic(at, name, 1)
    for (let acknowledged = 0; acknowledged < 20; acknowledged++) {
      known.set(name, { made, acknowledged })
      await produce(client, name, { key: String(made), value: String(acknowledged) })
      done++
    }
    known.set(name, { made, acknowledged: 20 })
    await client.request(DeleteRecords, 2, {
      topics: [{ name, partitions: [{ partitionIndex: 0, offset: made % 15 }] }],
      timeoutMs: 5000,
    })
    if (made % 2 === 0) {
      known.set(name, 'unknown')
      await deleteTopic(client, name)
      known.set(name, 'absent')
    }
  }
  return {
    name: prefix,
    get acknowledged() {
      return done
    },
    prepare: () => Promise.resolve(),
    run: (at, isOver) =>
      untilItEnds(at, async (client) => {
        try {
          while (!isOver()) await live(client, at)
        } catch (error) {
          // The one that makes topics ends with the same broker, maybe a moment before.
          await Promise.race([client.closed, new Promise((resolve) => setTimeout(resolve, 500))])
          throw error
        }
      }),
    check: async (at) => {
      for (const [name, each] of known) await checkTopic(at, name, each)
    },
  }
}

async function checkTopic(at: At, name: string, known: Known): Promise<void> {
  if (known === 'unknown') return
  const client = await RawClient.connect(at)
  if (known === 'absent') {
    const { topics } = await client.request(ListOffsets, 7, {
      replicaId: -1,
      topics: [{ name, partitions: [{ partitionIndex: 0, timestamp: EARLIEST }] }],
    })
    client.destroy()
    const { errorCode } = topics[0]!.partitions[0]!
    if (errorCode !== 'UNKNOWN_TOPIC_OR_PARTITION')
      throw new Error(`${name} was deleted: ${errorCode}`)
    return
  }
  const start = await endOffset(client, name, 0, EARLIEST)
  client.destroy()
  if (start > known.made % 15) throw new Error(`${name} begins at ${start}`)
  const records = await readRecordsFrom(at, name, 0, start)
  if (start + records.length < known.acknowledged)
    throw new Error(`${name} ends at ${start + records.length}: ${JSON.stringify(known)}`)
  for (const [place, { key, value }] of records.entries()) {
    if (key !== String(known.made) || value !== String(start + place))
      throw new Error(`${name} has ${key} ${value} at ${start + place}: ${JSON.stringify(known)}`)
  }
}

async function deleteTopic(client: RawClient, name: string): Promise<void> {
  const { responses } = await client.request(DeleteTopics, 6, {
    topics: [{ name, topicId: NO_ID }],
    timeoutMs: 10_000,
  })
  const { errorCode } = responses[0]!
  if (errorCode !== 'NONE' && errorCode !== 'UNKNOWN_TOPIC_OR_PARTITION')
    throw new Error(`DeleteTopics of ${name}: ${errorCode}`)
}

const NO_ID = 'AAAAAAAAAAAAAAAAAAAAAA'

/** The coordinator of a broker that has just started reads its log first. */
const LATER = ['COORDINATOR_LOAD_IN_PROGRESS', 'COORDINATOR_NOT_AVAILABLE', 'NOT_COORDINATOR']

/** A group that commits one offset after the other, for a topic that has them or not. */
export function commits(group: string, topic: string): Workload {
  let sent = -1
  let acknowledged = -1
  return {
    name: group,
    get acknowledged() {
      return acknowledged + 1
    },
    prepare: async (at) => {
      await createTopic(at, topic, 1)
      const client = await RawClient.connect(at)
      await client.request(FindCoordinator, 4, { keyType: 0, coordinatorKeys: [group] })
      client.destroy()
    },
    run: (at, isOver) =>
      untilItEnds(at, async (client) => {
        while (!isOver()) {
          const committedOffset = ++sent
          const { topics } = await client.request(OffsetCommit, 8, {
            groupId: group,
            memberId: '',
            topics: [
              {
                name: topic,
                partitions: [{ partitionIndex: 0, committedOffset, committedMetadata: null }],
              },
            ],
          })
          const { errorCode } = topics[0]!.partitions[0]!
          if (errorCode === 'NONE') acknowledged = committedOffset
          else if (!LATER.includes(errorCode)) throw new Error(`OffsetCommit: ${errorCode}`)
        }
      }),
    check: async (at) => {
      if (acknowledged < 0) return
      const client = await RawClient.connect(at)
      for (;;) {
        const { groups } = await client.request(OffsetFetch, 8, {
          groups: [{ groupId: group, topics: [{ name: topic, partitionIndexes: [0] }] }],
        })
        const { errorCode, topics } = groups[0]!
        if (LATER.includes(errorCode)) continue
        const found = topics[0]!.partitions[0]!.committedOffset
        // What is on its way when the broker dies may have arrived.
        if (errorCode !== 'NONE' || found < acknowledged || found > sent)
          throw new Error(`${group}: ${errorCode} ${found}, ${acknowledged} was acknowledged`)
        client.destroy()
        return
      }
    },
  }
}
