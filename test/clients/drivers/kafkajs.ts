import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import kafkajs, {
  type Consumer,
  type EachBatchPayload,
  type IHeaders,
  type KafkaConfig,
  type KafkaMessage,
  type Producer,
  type SASLOptions,
} from 'kafkajs'
import { type Codec, type TransactionCommands } from '../driver.ts'
import { type ReadRecord, type SentRecord } from '../records.ts'
import { type Security, givenSecurity } from '../security.ts'
import { plugInCodecs } from './kafkajs-codecs.ts'
import { bootstrap, serve, tell, text } from './serve.ts'

const { Kafka, KafkaJSError, CompressionTypes, logLevel } = kafkajs

/** A busy machine takes longer to let a client in than the second that it has by default. */
const patient = { connectionTimeout: 60_000, authenticationTimeout: 60_000 }

/** How this client is told how to connect. */
const securedBy = (security: Security | null): Partial<KafkaConfig> => {
  if (security === null) return {}
  const { ca, cert, key, mechanism, user, password, token } = security
  const shown = cert === undefined ? {} : { cert: readFileSync(cert), key: readFileSync(key!) }
  const ssl = { ca: readFileSync(ca), ...shown }
  if (mechanism === undefined) return { ssl, ...patient }
  if (mechanism === 'OAUTHBEARER') {
    const value = readFileSync(token!, 'utf8')
    const oauthBearerProvider = () => Promise.resolve({ value })
    return { ssl, sasl: { mechanism: 'oauthbearer', oauthBearerProvider }, ...patient }
  }
  const named = mechanism.toLowerCase() as 'plain' | 'scram-sha-256' | 'scram-sha-512'
  const sasl = { mechanism: named, username: user!, password: password! } as SASLOptions
  return { ssl, sasl, ...patient }
}

const common = { clientId: 'kafkajs-suite', brokers: bootstrap, logLevel: logLevel.WARN }
const given = givenSecurity()

const kafka = new Kafka({
  ...common,
  ...securedBy(given),
  retry: { initialRetryTime: 100, maxRetryTime: 1000, retries: 100 },
})

const compression: Record<Codec, number> = {
  none: CompressionTypes.None,
  gzip: CompressionTypes.GZIP,
  snappy: CompressionTypes.Snappy,
  lz4: CompressionTypes.LZ4,
  zstd: CompressionTypes.ZSTD,
}

const headersOf = (pairs: SentRecord[2]): IHeaders => {
  const headers: Record<string, string[]> = {}
  for (const [name, value] of pairs) (headers[name] ??= []).push(value)
  return headers
}

const pairsOf = (headers: IHeaders | undefined): [string, string][] =>
  Object.entries(headers ?? {}).flatMap(([name, values]) =>
    [values].flat().map((value): [string, string] => [name, text(value)!]),
  )

const recordOf = (partition: number, message: KafkaMessage): ReadRecord => [
  partition,
  Number(message.offset),
  text(message.key),
  text(message.value),
  pairsOf(message.headers),
]

const producer = kafka.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner })
const admin = kafka.admin()

/** Of members that may die. */
const SHORT_SESSION_MS = 6000

/** @param sessionTimeout short where another member has to notice that this one is dead */
const consumerOf = (groupId: string, sessionTimeout = 60_000): Consumer =>
  kafka.consumer({ groupId, sessionTimeout, heartbeatInterval: 500, maxWaitTimeInMs: 300 })

/** This client asks once, and leaves it to its user to ask again, when the coordinator has died or is another one. */
const commit = async (
  consumer: Consumer,
  offsets: Parameters<Consumer['commitOffsets']>[0],
): Promise<void> => {
  for (let tries = 1; ; tries++) {
    try {
      return await consumer.commitOffsets(offsets)
    } catch (error) {
      if (!(error instanceof KafkaJSError) || !error.retriable || tries === 100) throw error
      console.error(error)
    }
    await delay(200)
  }
}

/** Reads with a consumer until `take` says that it has enough; the offsets after the taken ones are committed. */
const read = async (
  consumer: Consumer,
  topic: string,
  options: { commit: boolean; started?: () => void },
  take: (record: ReadRecord) => 'more' | 'enough' | 'skip',
): Promise<void> => {
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  const next = new Map<number, number>()
  let done = false
  await new Promise<void>((resolve, reject) => {
    consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error))
    const running = consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: true,
      eachBatch: async ({ batch, heartbeat }) => {
        for (const message of batch.messages) {
          if (done) return
          const record = recordOf(batch.partition, message)
          const answer = take(record)
          if (answer !== 'skip') next.set(record[0], record[1] + 1)
          if (answer === 'enough') {
            done = true
            resolve()
          }
        }
        await heartbeat()
      },
    })
    running.then(() => options.started?.(), reject)
  })
  const offsets = [...next].map(([partition, offset]) => ({
    topic,
    partition,
    offset: `${offset}`,
  }))
  if (options.commit) await commit(consumer, offsets)
  await consumer.disconnect()
}

interface Copying {
  isStopped: boolean
  committed: number
  transactions: number
}

/** Copies some records in a transaction of their own. */
const copySome = async (
  own: Producer,
  { source, target, group }: TransactionCommands['copy']['ask'],
  { batch, resolveOffset }: EachBatchPayload,
  state: Copying,
): Promise<void> => {
  const taken = batch.messages.slice(0, 20)
  const last = taken.at(-1)!
  const transaction = await own.transaction()
  const messages = taken.map(({ key, value }) => ({ key, value }))
  await transaction.send({ topic: target, acks: -1, messages })
  const offset = `${BigInt(last.offset) + 1n}`
  const partitions = [{ partition: batch.partition, offset }]
  await transaction.sendOffsets({
    consumerGroupId: group,
    topics: [{ topic: source, partitions }],
  })
  if (++state.transactions % 3 === 0) return transaction.abort()
  await transaction.commit()
  // What was aborted is not resolved, and so fetched again.
  resolveOffset(last.offset)
  state.committed += taken.length
}

/** Until it is stopped or something fails. */
const copy = async (ask: TransactionCommands['copy']['ask'], state: Copying): Promise<void> => {
  const { source, group, transactional, stream } = ask
  const own = kafka.producer({
    createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
    transactionalId: transactional,
    idempotent: true,
    maxInFlightRequests: 1,
  })
  const consumer = consumerOf(group, SHORT_SESSION_MS)
  let check: NodeJS.Timeout | undefined
  try {
    await own.connect()
    // Ends what was before it, so that what the group has committed by then is final.
    await (await own.transaction()).abort()
    await consumer.connect()
    await consumer.subscribe({ topic: source, fromBeginning: true })
    await new Promise<void>((resolve, reject) => {
      check = setInterval(() => state.isStopped && resolve(), 100)
      consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error))
      const running = consumer.run({
        autoCommit: false,
        eachBatchAutoResolve: false,
        eachBatch: async (payload) => {
          if (state.isStopped || payload.isStale()) return
          try {
            await copySome(own, ask, payload, state)
          } catch (error) {
            reject(error as Error)
            throw error
          }
          tell.acked(stream, state.committed)
          await payload.heartbeat()
        },
      })
      running.catch(reject)
    })
  } finally {
    clearInterval(check)
    await Promise.allSettled([consumer.disconnect(), own.disconnect()])
  }
}

const members = new Map<string, Consumer>()
const copies = new Map<string, Copying>()
const streams = new Map<string, { stopped: boolean }>()

await plugInCodecs()
await Promise.all([producer.connect(), admin.connect()])

serve({
  create: async ({ topic, partitions }) => {
    await admin.createTopics({ topics: [{ topic, numPartitions: partitions }] })
    return {}
  },
  produce: async ({ topic, codec, records }) => {
    for (let at = 0; at < records.length; at += 1000)
      await producer.send({
        topic,
        acks: -1,
        compression: compression[codec],
        messages: records
          .slice(at, at + 1000)
          .map(([key, value, headers]) => ({ key, value, headers: headersOf(headers) })),
      })
    return {}
  },
  consume: async ({ topic, count, until }) => {
    const records: ReadRecord[] = []
    const consumer = consumerOf(randomUUID())
    await read(consumer, topic, { commit: false }, (record) => {
      records.push(record)
      return records.length === count || (until !== undefined && record[3] === until)
        ? 'enough'
        : 'more'
    })
    return { records }
  },
  work: async ({ topic, group, count }) => {
    const records: ReadRecord[] = []
    const consumer = consumerOf(group)
    await read(consumer, topic, { commit: true }, (record) => {
      records.push(record)
      return records.length === count ? 'enough' : 'more'
    })
    return { records }
  },
  committed: async ({ topic, group }) => {
    const [found] = await admin.fetchOffsets({ groupId: group, topics: [topic] })
    const offsets: Record<string, number> = {}
    for (const { partition, offset } of found!.partitions)
      if (offset !== '-1') offsets[partition] = Number(offset)
    return { offsets }
  },
  seek: async ({ topic, partition, offset, count }) => {
    const records: ReadRecord[] = []
    const consumer = consumerOf(randomUUID())
    const started = (): void => consumer.seek({ topic, partition, offset: `${offset}` })
    await read(consumer, topic, { commit: false, started }, (record) => {
      if (record[0] !== partition) return 'skip'
      const isSought = records.length > 0 || record[1] === offset
      if (isSought) records.push(record)
      return records.length === count ? 'enough' : 'more'
    })
    return { records }
  },
  join: async ({ member, topic, group }) => {
    const consumer = consumerOf(group, SHORT_SESSION_MS)
    members.set(member, consumer)
    let count = 0
    consumer.on(consumer.events.GROUP_JOIN, ({ payload }) =>
      tell.assigned(member, payload.memberAssignment[topic] ?? []),
    )
    await consumer.connect()
    await consumer.subscribe({ topic, fromBeginning: true })
    await consumer.run({
      eachBatch: async ({ batch }) => {
        count += batch.messages.length
        tell.consumed(member, count)
      },
    })
    return {}
  },
  leave: async ({ member }) => {
    await members.get(member)!.disconnect()
    return {}
  },
  stream: async ({ stream, topic, idempotent, pauseMs = 0 }) => {
    const state = { stopped: false }
    streams.set(stream, state)
    const own = kafka.producer({
      createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
      idempotent,
      maxInFlightRequests: 1,
    })
    await own.connect()
    const failed: number[] = []
    let sent = 0
    while (!state.stopped) {
      const batch = Array.from({ length: pauseMs > 0 ? 5 : 100 }, (_, index) => sent + index)
      sent += batch.length
      const messages = batch.map((number) => ({
        key: `${number}`,
        value: `${number}`,
        partition: 0,
      }))
      await own.send({ topic, acks: -1, messages }).catch((error: unknown) => {
        console.error(error)
        failed.push(...batch)
      })
      tell.acked(stream, sent - failed.length)
      if (pauseMs > 0) await delay(batch.length * pauseMs)
    }
    await own.disconnect()
    return { sent, failed }
  },
  stop: async ({ stream }) => {
    const state = streams.get(stream)
    if (state === undefined) copies.get(stream)!.isStopped = true
    else state.stopped = true
    return {}
  },
  knock: async ({ topic, security = given }) => {
    const own = new Kafka({ ...common, ...securedBy(security), retry: { retries: 0 } }).producer({
      createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
    })
    try {
      await own.connect()
      await own.send({ topic, acks: -1, messages: [{ value: 'knock' }] })
      return { refusal: null }
    } catch (error) {
      return { refusal: String(error) }
    } finally {
      await own.disconnect()
    }
  },
  copy: async (ask) => {
    const state = { isStopped: false, committed: 0, transactions: 0 }
    copies.set(ask.stream, state)
    while (!state.isStopped) await copy(ask, state).catch((error: unknown) => console.error(error))
    return {}
  },
})
