import { Kafka, logLevel } from 'kafkajs'
import { CreateTopics } from '../../protocol/messages/create-topics.ts'
import { DescribeCluster } from '../../protocol/messages/describe-cluster.ts'
import { Metadata } from '../../protocol/messages/metadata.ts'
import { UnregisterBroker } from '../../protocol/messages/unregister-broker.ts'
import { until } from '../clients/wait.ts'
import type { BrokerProcess } from '../support/broker-process.ts'
import { killAll, signalledAtFirstWord, startInVain } from '../support/broker-process.ts'
import { freePorts } from '../support/ports.ts'
import { temporaryDirectories } from '../support/temporary.ts'
import {
  answers,
  ask,
  brokerSettings,
  formatNodes,
  leadersOf,
  startController,
  startJoiningBroker,
} from './nodes.ts'

const directories = temporaryDirectories()
afterAll(async () => {
  await killAll()
  directories.removeAll()
})

const SESSION = { 'broker.session.timeout.ms': 3000 }
const topic = (name: string, numPartitions: number) => ({
  name,
  numPartitions,
  replicationFactor: 1,
  assignments: [],
  configs: [],
})

async function create(at: BrokerProcess, name: string, partitions: number): Promise<void> {
  const { topics } = await ask(at, CreateTopics, {
    topics: [topic(name, partitions)],
    timeoutMs: 30_000,
  })
  expect(topics).toMatchObject([{ name, errorCode: 'NONE' }])
}

/** A controller, and brokers 2 and 3 that join it. */
async function cluster() {
  const ports = await freePorts(1)
  const root = directories.make()
  const clusterId = await formatNodes(root, ports, [2, 3])
  const startFirst = (): Promise<BrokerProcess> => startController(root, 1, ports, SESSION)
  const start = (id: number): Promise<BrokerProcess> => startJoiningBroker(root, id, ports, SESSION)
  const controller = await startFirst()
  const [two, three] = (await Promise.all([2, 3].map(start))) as [BrokerProcess, BrokerProcess]
  return {
    clusterId,
    controller,
    two,
    three,
    start,
    startController: startFirst,
  }
}

/** Writes and reads as kafkajs does, from whichever broker it begins with. */
function client(...brokers: BrokerProcess[]) {
  const kafka = new Kafka({
    clientId: 'test',
    brokers: brokers.map(({ host, port }) => `${host}:${port}`),
    logLevel: logLevel.NOTHING,
    retry: { initialRetryTime: 50, maxRetryTime: 500, retries: 60 },
  })
  return {
    produce: async (name: string, values: readonly string[], idempotent = false) => {
      const producer = kafka.producer({ idempotent })
      await producer.connect()
      const messages = values.map((value, index) => ({ value, partition: index % 4 }))
      await producer.send({ topic: name, acks: -1, messages })
      await producer.disconnect()
    },
    consume: async (name: string, groupId: string, count: number) => {
      const consumer = kafka.consumer({ groupId, maxWaitTimeInMs: 100 })
      const values: string[] = []
      await consumer.connect()
      await consumer.subscribe({ topic: name, fromBeginning: true })
      await consumer.run({
        eachMessage: ({ message }) => Promise.resolve(void values.push(String(message.value))),
      })
      await until(
        () => values.length >= count,
        () => `${count} records, of ${values.length}`,
      )
      await consumer.disconnect()
      return values.sort()
    },
  }
}

const values = (prefix: string) => Array.from({ length: 40 }, (_, at) => `${prefix}${at}`)

describe('brokers that join a controller in another process', () => {
  test('serve as one cluster, and go on while the controller is dead and when it is back', async () => {
    const { clusterId, controller, two, three, startController: restart } = await cluster()
    for (const [at, id] of [
      [two, 2],
      [three, 3],
    ] as const) {
      const describe = () =>
        ask(at, DescribeCluster, {
          includeClusterAuthorizedOperations: false,
          includeFencedBrokers: false,
        })
      // Itself a broker that serves knows at once, the other one as soon as its metadata say so.
      expect((await describe()).brokers.map(({ brokerId }) => brokerId)).toContain(id)
      const { brokers, controllerId, ...rest } = await answers(
        'both to be known',
        describe,
        (answer) => answer.brokers.length === 2,
      )
      const places = brokers.map(({ brokerId, host, port }) => `${brokerId} ${host}:${port}`)
      expect(rest).toMatchObject({ errorCode: 'NONE', clusterId })
      const all = [`2 ${two.host}:${two.port}`, `3 ${three.host}:${three.port}`]
      expect([places.sort(), controllerId]).toEqual([all, id])
    }
    // Through one broker, for both.
    await create(two, 'orders', 4)
    await answers(
      'both to lead',
      () => leadersOf(three, 'orders'),
      (leaders) => leaders.length === 4 && leaders.includes(2) && leaders.includes(3),
    )
    await client(three).produce('orders', values('a'), true)
    expect(await client(two).consume('orders', 'first', 40)).toEqual(values('a').sort())
    controller.kill('SIGKILL')
    await controller.ended()
    await client(two).produce('orders', values('b'))
    const all = [...values('a'), ...values('b')].sort()
    expect(await client(three).consume('orders', 'second', 80)).toEqual(all)
    // What the controller is asked meanwhile waits for it.
    const asked = create(three, 'later', 4)
    const back = await restart()
    await asked
    await answers(
      'the new topic',
      () => leadersOf(two, 'later'),
      (leaders) => leaders.length === 4,
    )
    await client(two).produce('later', values('c'))
    expect(await client(three).consume('later', 'third', 40)).toEqual(values('c').sort())
    for (const broker of [two, three]) broker.kill('SIGTERM')
    for (const broker of [two, three]) expect(await broker.ended()).toMatchObject({ code: 0 })
    back.kill('SIGTERM')
    expect(await back.ended()).toMatchObject({ code: 0 })
  })

  test('are followed as they stop in order, die, and come back', async () => {
    const { two, three, start } = await cluster()
    await create(two, 'orders', 4)
    const led = await answers(
      'both to lead',
      () => leadersOf(two, 'orders'),
      (leaders) => leaders.includes(2) && leaders.includes(3),
    )
    await client(two).produce('orders', values('a'))
    const without = (id: number): number[] => led.map((leader) => (leader === id ? -1 : leader))
    three.kill('SIGTERM')
    expect(await three.ended()).toMatchObject({ code: 0 })
    // Nobody has to wait until its session is over.
    const isWithout = (leaders: number[]): boolean => String(leaders) === String(without(3))
    await answers('others to know', () => leadersOf(two, 'orders'), isWithout)
    const again = await start(3)
    const isLed = (leaders: number[]): boolean => String(leaders) === String(led)
    await answers('all to lead again', () => leadersOf(two, 'orders'), isLed)
    two.kill('SIGKILL')
    await two.ended()
    // What it led has no leader as soon as that is in doubt.
    await answers(
      'the dead to be fenced',
      () => ask(again, Metadata, { topics: [], allowAutoTopicCreation: false }),
      ({ brokers }) => String(brokers.map(({ nodeId }) => nodeId)) === '3',
    )
    expect(await leadersOf(again, 'orders')).toEqual(without(2))
    const risen = await start(2)
    await answers('all to lead again', () => leadersOf(again, 'orders'), isLed)
    expect(await client(risen).consume('orders', 'all', 40)).toEqual(values('a').sort())
    // A broker that is gone for good is forgotten through any other.
    risen.kill('SIGTERM')
    await risen.ended()
    expect(await ask(again, UnregisterBroker, { brokerId: 2 })).toMatchObject({ errorCode: 'NONE' })
    await answers(
      'it to be forgotten',
      () =>
        ask(again, DescribeCluster, {
          includeClusterAuthorizedOperations: false,
          includeFencedBrokers: true,
        }),
      (answer) => answer.brokers.every(({ brokerId }) => brokerId === 3),
    )
    expect(await ask(again, UnregisterBroker, { brokerId: 2 })).toMatchObject({
      errorCode: 'BROKER_ID_NOT_REGISTERED',
    })
  })

  test('end with what to mend where they find no controller in time, or at once where they are stopped', async () => {
    const ports = await freePorts(1)
    const root = directories.make()
    await formatNodes(root, ports, [2])
    const { code, stderr } = await startInVain({
      ...brokerSettings(root, 2, ports),
      'initial.broker.registration.timeout.ms': 500,
    })
    expect(code).toBe(1)
    expect(stderr).toMatch(
      /^ottla: No controller has given this broker the metadata of its cluster/m,
    )
    expect(stderr).toContain(
      `controller.quorum.bootstrap.servers names them: 127.0.0.1:${ports[0]}`,
    )
    const stopped = await signalledAtFirstWord(brokerSettings(root, 2, ports), 'SIGTERM', 'stderr')
    expect(stopped).toMatchObject({ code: 0, signal: null })
    expect(stopped.stderr).toContain('The broker looks for the metadata of its cluster')
  })
})
