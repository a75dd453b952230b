import { Kafka, logLevel } from 'kafkajs'
import { until } from '../clients/wait.ts'
import { describeWithApache } from '../interchange/apache.ts'
import type { BrokerProcess } from '../support/broker-process.ts'
import { killAll } from '../support/broker-process.ts'
import { freePorts } from '../support/ports.ts'
import { temporaryDirectories } from '../support/temporary.ts'
import { ApacheBroker, killApacheBrokers } from './apache-brokers.ts'
import { activeController, answers, formatNodes, leadersOf, startController } from './nodes.ts'

const directories = temporaryDirectories()
afterAll(async () => {
  await killApacheBrokers()
  await killAll()
  directories.removeAll()
})

/** Another one than those of the controllers. */
const ID = 9
/** What it says while its controller is dead. */
const OF_NO_CONTROLLER = /Connection to node -?\d+ \S+ could not be established/

describeWithApache('an unmodified Apache Kafka broker', () => {
  test('joins Ottla controllers, hosts a topic, outlives their leader, stops in order and comes back', async () => {
    const beganMs = performance.now()
    const [port, ...controllers] = (await freePorts(4)) as [number, number, number, number]
    const root = directories.make()
    const clusterId = await formatNodes(root, controllers, [])
    const start = (id: number): Promise<BrokerProcess> => startController(root, id, controllers)
    const processes = await Promise.all([1, 2, 3].map(start))
    const broker = new ApacheBroker(root, { id: ID, port, controllers })
    await broker.format(clusterId)
    await broker.start()
    const kafka = new Kafka({
      clientId: 'test',
      brokers: [`127.0.0.1:${port}`],
      logLevel: logLevel.NOTHING,
      retry: { initialRetryTime: 100, maxRetryTime: 1000, retries: 60 },
    })
    const admin = kafka.admin()
    await admin.connect()
    // The broker may answer before it has heard of the topic itself.
    const create = async (topic: string, numPartitions: number): Promise<void> => {
      await admin.createTopics({ waitForLeaders: false, topics: [{ topic, numPartitions }] })
      await answers(
        `the leaders of ${topic}`,
        () => leadersOf(broker.place, topic),
        (leaders) => leaders.length === numPartitions && leaders.every((id) => id === ID),
      )
    }
    await create('orders', 3)
    const producer = kafka.producer({ idempotent: true })
    await producer.connect()
    const send = (from: number): Promise<unknown> =>
      producer.send({
        topic: 'orders',
        acks: -1,
        messages: Array.from({ length: 30 }, (_, at) => ({ value: `${from + at}` })),
      })
    await send(0)
    const leader = await activeController(controllers[0])
    broker.expected = OF_NO_CONTROLLER
    processes[leader - 1]!.kill('SIGKILL')
    await processes[leader - 1]!.ended()
    await send(30)
    // Through the broker, in an envelope; its settings it asks itself.
    await create('later', 2)
    processes[leader - 1] = await start(leader)
    broker.expected = null
    await admin.alterConfigs({
      validateOnly: false,
      resources: [
        { type: 2, name: 'later', configEntries: [{ name: 'retention.ms', value: '86400000' }] },
      ],
    })
    await admin.createPartitions({ topicPartitions: [{ topic: 'later', count: 4 }] })
    await answers(
      'four partitions',
      () => leadersOf(broker.place, 'later'),
      (all) => all.length === 4,
    )
    await admin.deleteTopics({ topics: ['later'] })
    await producer.disconnect()
    await admin.disconnect()
    await broker.stop()
    await broker.start()
    const consumer = kafka.consumer({ groupId: 'all', maxWaitTimeInMs: 100 })
    const read = new Set<string>()
    await consumer.connect()
    await consumer.subscribe({ topic: 'orders', fromBeginning: true })
    await consumer.run({
      eachMessage: ({ message }) => Promise.resolve(void read.add(String(message.value))),
    })
    await until(
      () => read.size === 60,
      () => `60 records, of ${read.size}`,
    )
    await consumer.disconnect()
    await broker.stop()
    for (const each of processes) each.kill('SIGTERM')
    for (const each of processes) expect(await each.ended()).toMatchObject({ code: 0 })
    expect(broker.complaints).toEqual([])
    const seconds = ((performance.now() - beganMs) / 1000).toFixed(1)
    process.stdout.write(`an Apache Kafka broker on Ottla controllers: ${seconds} s\n`)
  })
})
