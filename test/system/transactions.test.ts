import { Kafka, logLevel } from 'kafkajs'
import { nodeHost } from '../../src/host/node.ts'
import { startBroker } from '../../src/index.ts'
import type { RunningBroker } from '../../src/index.ts'
import { temporaryDirectories } from '../support/temporary.ts'

const directories = temporaryDirectories()
const quiet = { level: 'error', destination: { write: () => undefined } } as const
let broker: RunningBroker | null = null
afterEach(async () => {
  await broker?.close()
  broker = null
})
afterAll(() => directories.removeAll())

async function start(directory: string): Promise<Kafka> {
  await broker?.close()
  const settings = { 'transaction.state.log.num.partitions': 3, 'offsets.topic.num.partitions': 3 }
  broker = await startBroker({ directory, settings, host: nodeHost({ log: quiet }) })
  const retry = { initialRetryTime: 20, maxRetryTime: 200, retries: 50 }
  return new Kafka({ brokers: [broker.bootstrap], logLevel: logLevel.NOTHING, retry })
}

function transactional(kafka: Kafka) {
  return kafka.producer({ transactionalId: 'payments', idempotent: true, maxInFlightRequests: 1 })
}

const message = (value: string) => ({ key: value, value, partition: 0 })

/** The values of the topic's first partition, up to one that is the last. */
async function read(kafka: Kafka, isCommitted: boolean, last = 'end'): Promise<string[]> {
  const groupId = `${isCommitted}-${last}`
  const consumer = kafka.consumer({
    groupId,
    readUncommitted: !isCommitted,
    maxWaitTimeInMs: 100,
  })
  const values: string[] = []
  await consumer.connect()
  await consumer.subscribe({ topic: 't', fromBeginning: true })
  await new Promise<void>((resolve) => {
    void consumer.run({
      eachMessage: ({ partition, message: { value } }) => {
        if (partition === 0) values.push(value!.toString())
        if (values.at(-1) === last) resolve()
        return Promise.resolve()
      },
    })
  })
  await consumer.disconnect()
  return values
}

describe('a transactional producer', () => {
  test('has its records read when it has committed, and those never that it has aborted', async () => {
    const directory = directories.make()
    let kafka = await start(directory)
    const admin = kafka.admin()
    await admin.connect()
    await admin.createTopics({ topics: [{ topic: 't', numPartitions: 2 }] })
    await admin.disconnect()
    let producer = transactional(kafka)
    await producer.connect()
    const committed = await producer.transaction()
    await committed.send({ topic: 't', messages: [message('a'), message('b')] })
    await committed.commit()
    const aborted = await producer.transaction()
    await aborted.send({ topic: 't', messages: [message('lost')] })
    await aborted.abort()
    // It goes on with its id and epoch when the broker is another one.
    const open = await producer.transaction()
    await open.send({ topic: 't', messages: [message('c')] })
    await producer.disconnect()

    kafka = await start(directory)
    producer = transactional(kafka)
    await producer.connect()
    const next = await producer.transaction()
    await next.send({ topic: 't', messages: [message('d'), { ...message('other'), partition: 1 }] })
    await next.commit()
    const last = await producer.transaction()
    await last.send({ topic: 't', messages: [message('end')] })
    await last.commit()
    await producer.disconnect()
    // 'c' was open when another producer came with its id.
    expect(await read(kafka, true)).toEqual(['a', 'b', 'd', 'end'])
    expect(await read(kafka, false)).toEqual(['a', 'b', 'lost', 'c', 'd', 'end'])
  })

  test('is ended by the coordinator when it takes too long, and no longer holds readers up', async () => {
    const directory = directories.make()
    await broker?.close()
    const settings = {
      'transaction.state.log.num.partitions': 1,
      'offsets.topic.num.partitions': 1,
      'transaction.abort.timed.out.transaction.cleanup.interval.ms': 50,
    }
    broker = await startBroker({ directory, settings, host: nodeHost({ log: quiet }) })
    const retry = { initialRetryTime: 20, maxRetryTime: 200, retries: 50 }
    const kafka = new Kafka({ brokers: [broker.bootstrap], logLevel: logLevel.NOTHING, retry })
    const plain = kafka.producer()
    await plain.connect()
    await plain.send({ topic: 't', messages: [message('first')] })
    const hanging = kafka.producer({
      transactionalId: 'hanging',
      idempotent: true,
      maxInFlightRequests: 1,
      transactionTimeout: 10_000,
    })
    await hanging.connect()
    const transaction = await hanging.transaction()
    await transaction.send({ topic: 't', messages: [message('lost')] })
    await plain.send({ topic: 't', messages: [message('end')] })
    expect(await read(kafka, true)).toEqual(['first', 'end'])
    await expect(transaction.commit()).rejects.toMatchObject({ code: 47 })
    await Promise.all([plain.disconnect(), hanging.disconnect()])
  })
})
