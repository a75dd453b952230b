import { randomUUID } from 'node:crypto'
import {
  Admin,
  Consumer,
  type Message,
  type MessagesStream,
  Producer,
  ProduceAcks,
} from '@platformatic/kafka'
import { type ReadRecord } from '../records.ts'
import { bootstrap, serve, tell, text } from './serve.ts'

const base = {
  clientId: 'platformatic-suite',
  bootstrapBrokers: [bootstrap],
  retries: true,
  retryDelay: 200,
}

const producer = new Producer({ ...base, acks: ProduceAcks.ALL })
const admin = new Admin(base)
const bytes = (value: string | null): Buffer | undefined =>
  value === null ? undefined : Buffer.from(value)

const recordOf = (message: Message): ReadRecord => [
  message.partition,
  Number(message.offset),
  text(message.key),
  text(message.value),
  [...message.headers].map(([name, value]) => [text(name)!, text(value)!] as const),
]

const consumerOf = (groupId: string): Consumer =>
  new Consumer({
    ...base,
    groupId,
    maxWaitTime: 300,
    sessionTimeout: 6000,
    rebalanceTimeout: 10_000,
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

const members = new Map<string, Consumer>()
const streams = new Map<string, { stopped: boolean }>()

serve({
  create: async ({ topic, partitions }) => {
    await admin.createTopics({ topics: [topic], partitions, replicas: 1 })
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
    const consumer = consumerOf(group)
    members.set(member, consumer)
    const tellAssigned = (): void =>
      tell.assigned(
        member,
        (consumer.assignments ?? []).find((each) => each.topic === topic)?.partitions ?? [],
      )
    consumer.on('consumer:group:join', tellAssigned)
    const stream = await consumer.consume({
      topics: [topic],
      mode: 'committed',
      fallbackMode: 'earliest',
      autocommit: 100,
    })
    let count = 0
    stream.on('data', () => tell.consumed(member, ++count))
    stream.on('error', (error) => console.error(error))
    return {}
  },
  leave: async ({ member }) => {
    await members.get(member)!.close(true)
    return {}
  },
  stream: async ({ stream, topic, idempotent }) => {
    const state = { stopped: false }
    streams.set(stream, state)
    const own = new Producer({ ...base, acks: ProduceAcks.ALL, idempotent })
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
    streams.get(stream)!.stopped = true
    return {}
  },
})
