import { join } from 'node:path'
import { CreateTopics } from '../../protocol/messages/create-topics.ts'
import { DescribeCluster } from '../../protocol/messages/describe-cluster.ts'
import type { BrokerProcess } from '../support/broker-process.ts'
import {
  killAll,
  signalledAtFirstWord,
  startEntryPoint,
  startProcess,
} from '../support/broker-process.ts'
import { freePorts } from '../support/ports.ts'
import { temporaryDirectories } from '../support/temporary.ts'
import { answers, ask } from './nodes.ts'

const directories = temporaryDirectories()
afterAll(async () => {
  await killAll()
  directories.removeAll()
})

const IDS = [1, 2, 3]

const brokersAt = async (at: BrokerProcess): Promise<{ clusterId: string; ids: number[] }> => {
  const { clusterId, brokers } = await ask(at, DescribeCluster, {
    includeClusterAuthorizedOperations: false,
    includeFencedBrokers: false,
  })
  return { clusterId, ids: brokers.map(({ brokerId }) => brokerId).sort() }
}

test('three processes that were told no cluster form one, as docker/compose.yaml runs them, and a broker joins it', async () => {
  const root = directories.make()
  const ports = await freePorts(3)
  const voters = IDS.map((id) => `${id}@127.0.0.1:${ports[id - 1]}`).join()
  const environment = (id: number): Record<string, string> => ({
    KAFKA_PROCESS_ROLES: 'broker,controller',
    KAFKA_NODE_ID: String(id),
    KAFKA_CONTROLLER_QUORUM_VOTERS: voters,
    KAFKA_CONTROLLER_LISTENER_NAMES: 'CONTROLLER',
    KAFKA_LISTENERS: `PLAINTEXT://127.0.0.1:0,CONTROLLER://127.0.0.1:${ports[id - 1]}`,
    KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR: '1',
    KAFKA_LOG_DIRS: join(root, `node-${id}`),
  })
  const broker = {
    'process.roles': 'broker',
    'node.id': 4,
    'controller.listener.names': 'CONTROLLER',
    'controller.quorum.voters': voters,
    'log.dirs': join(root, 'node-4'),
  }
  // Who waits for the others stops when it is told to, and has begun nothing.
  const stopped = await signalledAtFirstWord(broker, 'SIGTERM', 'stderr')
  expect(stopped).toMatchObject({ code: 0, signal: null })
  const [one, two, three, four] = (await Promise.all([
    ...IDS.map((id) => startEntryPoint(environment(id))),
    startProcess(broker),
  ])) as [BrokerProcess, BrokerProcess, BrokerProcess, BrokerProcess]
  const found = await answers(
    'all brokers',
    () => brokersAt(one),
    ({ ids }) => ids.length === 4,
  )
  expect(found.clusterId).toMatch(/^[\w-]{22}$/)
  for (const each of [two, three, four]) {
    const seen = await answers(
      'all brokers',
      () => brokersAt(each),
      ({ ids }) => ids.length === 4,
    )
    expect(seen).toEqual(found)
  }
  const topic = {
    name: 'orders',
    numPartitions: 4,
    replicationFactor: 1,
    assignments: [],
    configs: [],
  }
  const { topics } = await ask(four, CreateTopics, { topics: [topic], timeoutMs: 30_000 })
  // A broker asks again where the controller changes before it has answered: then the topic may be there already.
  expect(['NONE', 'TOPIC_ALREADY_EXISTS']).toContain(topics[0]!.errorCode)
  const all = [one, two, three, four]
  for (const each of all) each.kill('SIGTERM')
  for (const each of all) expect(await each.ended()).toMatchObject({ code: 0 })
}, 120_000)
