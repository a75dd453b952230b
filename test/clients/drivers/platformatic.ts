import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import type * as Kafka from '@platformatic/kafka'
import type { Consumer, Message, MessagesStream, Producer } from '@platformatic/kafka'
import { type TransactionCommands } from '../driver.ts'
import { type ReadRecord } from '../records.ts'
import { type Security, givenSecurity } from '../security.ts'
import { bootstrap, serve, tell, text } from './serve.ts'

/** Another version than the one installed for the tests: the newest needs a newer Node than Ottla does. */
const folder = process.env['OTTLA_PLATFORMATIC_KAFKA']
const library = (await import(
  folder === undefined
    ? '@platformatic/kafka'
    : pathToFileURL(path.resolve(folder, 'dist/index.js')).href
)) as typeof Kafka
const { ProduceAcks } = library

/** How this client is told how to connect. */
const securedBy = (
  security: Security | null,
): Pick<Kafka.ConnectionOptions, 'tls' | 'sasl' | 'connectTimeout'> => {
  if (security === null) return {}
  const { ca, cert, key, mechanism, user, password, token } = security
  const shown = cert === undefined ? {} : { cert: readFileSync(cert), key: readFileSync(key!) }
  const tls = { ca: readFileSync(ca), ...shown }
  // A busy machine takes longer to let a client in than the five seconds that it has by default.
  const connectTimeout = 60_000
  if (mechanism === undefined) return { tls, connectTimeout }
  if (mechanism === 'OAUTHBEARER')
    return { tls, sasl: { mechanism, token: readFileSync(token!, 'utf8') }, connectTimeout }
  return { tls, sasl: { mechanism, username: user!, password: password! }, connectTimeout }
}

const given = givenSecurity()
const common = { clientId: 'platformatic-suite', bootstrapBrokers: bootstrap }
const base = { ...common, ...securedBy(given), retries: true, retryDelay: 200 }

const producer = new library.Producer({ ...base, acks: ProduceAcks.ALL })
const admin = new library.Admin(base)
const bytes = (value: string | null): Buffer | undefined =>
  value === null ? undefined : Buffer.from(value)

const recordOf = (message: Message): ReadRecord => [
  message.partition,
  Number(message.offset),
  text(message.key),
  text(message.value),
  [...message.headers].map(([name, value]) => [text(name)!, text(value)!] as const),
]

/** Of members that may die. */
const SHORT_SESSION_MS = 6000

/** @param sessionTimeout short where another member has to notice that this one is dead */
const consumerOf = (groupId: string, sessionTimeout = 60_000): Consumer =>
  new library.Consumer({
    ...base,
    groupId,
    maxWaitTime: 300,
    sessionTimeout,
    rebalanceTimeout: Math.max(10_000, sessionTimeout),
    heartbeatInterval: 500,
  })

/** Takes messages of a stream until it is enough, then closes the consumer; the last message of each partition. */
const takeFrom = async (
  stream: MessagesStream<Buffer, Buffer, Buffer, Buffer>,
  take: (record: ReadRecord) => 'more' | 'enough',
): Promise<Map<number, Message>> => {
  const last = new Map<number, Message>()
  for await (const message of stream) {
    last.set(message.partition, message)
    if (take(recordOf(message)) === 'enough') break
  }
  return last
}

/** This client's errors hold others, of each broker and of each try. */
const said = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error)
  const inner = error instanceof AggregateError ? error.errors : []
  return [String(error), ...[...inner, error.cause].filter(Boolean).map(said)].join(': ')
}

const members = new Map<string, Consumer>()

/** A stream that hasn't finished a fetch for so long has stopped: each takes 300 ms, and a rebalance up to 6 s. */
const STOPPED_AFTER_MS = 15_000

/**
 * Reads as a member of a group. Once, after a kill -9, a stream never fetched again. Why isn't known. This client guards against fetches whose callback
 * is never invoked, which fits; a fault of the broker isn't ruled out. A stream that has stopped is begun anew, and says
 * so on standard error.
 */
const read = async (
  member: string,
  topic: string,
  group: string,
  onMessage: () => void,
): Promise<void> => {
  const consumer = consumerOf(group, SHORT_SESSION_MS)
  members.set(member, consumer)
  consumer.on('consumer:group:join', () =>
    tell.assigned(
      member,
      (consumer.assignments ?? []).find((each) => each.topic === topic)?.partitions ?? [],
    ),
  )
  const stream = await consumer.consume({
    topics: [topic],
    mode: 'committed',
    fallbackMode: 'earliest',
    autocommit: 100,
  })
  stream.on('data', onMessage)
  stream.on('error', (error) => console.error(error))
  let fetchedMs = performance.now()
  stream.on('fetch', () => {
    fetchedMs = performance.now()
  })
  const watch = setInterval(() => {
    const isMember = members.get(member) === consumer
    if (isMember && performance.now() - fetchedMs < STOPPED_AFTER_MS) return
    clearInterval(watch)
    if (!isMember) return
    console.error(`${member} has stopped fetching and begins anew`)
    void Promise.resolve(consumer.close(true)).catch((error: unknown) => console.error(error))
    void read(member, topic, group, onMessage).catch((error: unknown) => console.error(error))
  }, 500)
}

interface Copying {
  stopped: boolean
  committed: number
  transactions: number
}

/** Copies some records in a transaction of their own; tells whether it has committed them. */
const copySome = async (
  own: Producer,
  consumer: Consumer,
  taken: readonly Message[],
  target: string,
  commits: boolean,
): Promise<boolean> => {
  const transaction = await own.beginTransaction()
  const messages = taken.map(({ key, value }) => ({ topic: target, key, value }))
  await transaction.send({ messages })
  await transaction.addConsumer(consumer)
  const last = new Map(taken.map((message) => [message.partition, message]))
  // One after another: of calls at the same time this client sends but one.
  for (const message of last.values()) await transaction.addOffset(message)
  await (commits ? transaction.commit() : transaction.abort())
  return commits
}

/** The messages of a stream, at most so many at a time, as they come. */
async function* chunksOf(
  stream: MessagesStream<Buffer, Buffer, Buffer, Buffer>,
  size: number,
): AsyncGenerator<Message[]> {
  let chunk: Message[] = []
  for await (const message of stream) {
    chunk.push(message)
    if (chunk.length < size && stream.readableLength > 0) continue
    yield chunk
    chunk = []
  }
}

/** Until it is stopped or something fails. */
const copy = async (ask: TransactionCommands['copy']['ask'], state: Copying): Promise<void> => {
  const own = new library.Producer({
    ...base,
    retryDelay: 20,
    idempotent: true,
    transactionalId: ask.transactional,
    // A new producer; what this client asks for by itself is the producer 0, which others are.
    producerId: -1n,
    producerEpoch: -1,
  })
  const consumer = consumerOf(ask.group, SHORT_SESSION_MS)
  const isOver = new AbortController()
  try {
    // Ends what was before it, so that what the group has committed by then is final.
    await (await own.beginTransaction()).cancel()
    const stream = await consumer.consume({
      topics: [ask.source],
      mode: 'committed',
      fallbackMode: 'earliest',
      autocommit: false,
    })
    // What the stream has read by then it reads again after it.
    consumer.on('consumer:group:join', () => stream.destroy(new Error('the group has rebalanced')))
    const stop = setInterval(() => state.stopped && stream.destroy(), 100)
    isOver.signal.addEventListener('abort', () => clearInterval(stop))
    for await (const taken of chunksOf(stream, 20)) {
      // A stream can't go back: what was aborted is copied again as it was read.
      const copyIt = (): Promise<boolean> =>
        copySome(own, consumer, taken, ask.target, ++state.transactions % 3 !== 0)
      if (!(await copyIt())) await copyIt()
      tell.acked(ask.stream, (state.committed += taken.length))
    }
  } finally {
    isOver.abort()
    await Promise.allSettled([consumer.close(true), own.close(true)])
  }
}

const copies = new Map<string, Copying>()
const streams = new Map<string, { stopped: boolean }>()

serve({
  create: async ({ topic, partitions }) => {
    // As many replicas as the brokers give a topic.
    await admin.createTopics({ topics: [topic], partitions, replicas: -1 })
    return {}
  },
  produce: async ({ topic, codec, records }) => {
    for (let at = 0; at < records.length; at += 1000)
      await producer.send({
        compression: codec,
        messages: records.slice(at, at + 1000).map(([key, value, headers]) => ({
          topic,
          key: bytes(key)!,
          value: bytes(value)!,
          headers: new Map(headers.map(([name, each]) => [bytes(name)!, bytes(each)!])),
        })),
      })
    return {}
  },
  consume: async ({ topic, count, until }) => {
    const records: ReadRecord[] = []
    const consumer = consumerOf(randomUUID())
    const stream = await consumer.consume({ topics: [topic], mode: 'earliest', autocommit: false })
    await takeFrom(stream, (record) => {
      records.push(record)
      const isEnd = records.length === count || (until !== undefined && record[3] === until)
      return isEnd ? 'enough' : 'more'
    })
    await consumer.close(true)
    return { records }
  },
  work: async ({ topic, group, count }) => {
    const records: ReadRecord[] = []
    const consumer = consumerOf(group)
    const stream = await consumer.consume({
      topics: [topic],
      mode: 'committed',
      fallbackMode: 'earliest',
      autocommit: false,
    })
    const last = await takeFrom(stream, (record) => {
      records.push(record)
      return records.length === count ? 'enough' : 'more'
    })
    const offsets = [...last.values()].map(({ partition, offset }) => ({
      topic,
      partition,
      offset: offset + 1n,
      leaderEpoch: 0,
    }))
    await consumer.commit({ offsets })
    await consumer.close(true)
    return { records }
  },
  committed: async ({ topic, group }) => {
    const groups = await admin.listConsumerGroupOffsets({ groups: [group] })
    const found = groups[0]!.topics.find(({ name }) => name === topic)
    const known = (found?.partitions ?? []).filter(({ committedOffset }) => committedOffset >= 0n)
    return {
      offsets: Object.fromEntries(
        known.map((each) => [each.partitionIndex, Number(each.committedOffset)]),
      ),
    }
  },
  seek: async ({ topic, partition, offset, count }) => {
    const records: ReadRecord[] = []
    const consumer = consumerOf(randomUUID())
    const other = 1 - partition
    const stream = await consumer.consume({
      topics: [topic],
      mode: 'manual',
      autocommit: false,
      offsets: [
        { topic, partition, offset: BigInt(offset) },
        { topic, partition: other, offset: 0n },
      ],
    })
    await takeFrom(stream, (record) => {
      if (record[0] === partition) records.push(record)
      return records.length === count ? 'enough' : 'more'
    })
    await consumer.close(true)
    return { records }
  },
  join: async ({ member, topic, group }) => {
    let count = 0
    await read(member, topic, group, () => tell.consumed(member, ++count))
    return {}
  },
  leave: async ({ member }) => {
    const consumer = members.get(member)!
    members.delete(member)
    await consumer.close(true)
    return {}
  },
  stream: async ({ stream, topic, idempotent }) => {
    const state = { stopped: false }
    streams.set(stream, state)
    const own = new library.Producer({ ...base, acks: ProduceAcks.ALL, idempotent })
    const failed: number[] = []
    let sent = 0
    while (!state.stopped) {
      const batch = Array.from({ length: 100 }, (_, index) => sent + index)
      sent += batch.length
      const messages = batch.map((number) => ({
        topic,
        partition: 0,
        key: bytes(`${number}`)!,
        value: bytes(`${number}`)!,
      }))
      await own.send({ messages }).catch((error: unknown) => {
        console.error(error)
        failed.push(...batch)
      })
      tell.acked(stream, sent - failed.length)
    }
    await own.close()
    return { sent, failed }
  },
  stop: async ({ stream }) => {
    ;(streams.get(stream) ?? copies.get(stream)!).stopped = true
    return {}
  },
  knock: async ({ topic, security = given }) => {
    const own = new library.Producer({ ...common, ...securedBy(security), retries: 0 })
    try {
      await own.send({ acks: ProduceAcks.ALL, messages: [{ topic, value: bytes('knock')! }] })
      return { refusal: null }
    } catch (error) {
      return { refusal: said(error) }
    } finally {
      await own.close()
    }
  },
  copy: async (ask) => {
    const state = { stopped: false, committed: 0, transactions: 0 }
    copies.set(ask.stream, state)
    while (!state.stopped) await copy(ask, state).catch((error: unknown) => console.error(error))
    return {}
  },
})
