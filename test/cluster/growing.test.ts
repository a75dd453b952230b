import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Kafka, logLevel, Partitioners } from 'kafkajs'
import { CreateTopics } from '../../protocol/messages/create-topics.ts'
import { DescribeQuorum } from '../../protocol/messages/describe-quorum.ts'
import { ottla } from '../bin/command.ts'
import { until } from '../clients/wait.ts'
import type { BrokerProcess, Settings } from '../support/broker-process.ts'
import { killAll, startProcess } from '../support/broker-process.ts'
import { freePorts } from '../support/ports.ts'
import { temporaryDirectories } from '../support/temporary.ts'
import { answers, ask, type Place } from './nodes.ts'

const directories = temporaryDirectories()
afterAll(async () => {
  await killAll()
  directories.removeAll()
})

const quorumOf = async (at: Place) => {
  const topics = [{ topicName: '__cluster_metadata', partitions: [{ partitionIndex: 0 }] }]
  const { topics: told, nodes } = await ask(at, DescribeQuorum, { topics })
  const { leaderId, currentVoters = [], observers = [] } = told[0]?.partitions[0] ?? {}
  const ids = (replicas: typeof currentVoters): number[] =>
    replicas.map(({ replicaId }) => replicaId).sort()
  return { leaderId, nodes, voters: ids(currentVoters), observers: ids(observers) }
}

/** Writes one record after the other, each once, until it is stopped. */
async function writing(port: number, topic: string) {
  const kafka = new Kafka({
    brokers: [`127.0.0.1:${port}`],
    connectionTimeout: 60_000,
    logLevel: logLevel.NOTHING,
  })
  const producer = kafka.producer({
    retry: { retries: 0 },
    createPartitioner: Partitioners.DefaultPartitioner,
  })
  await producer.connect()
  let isOver = false
  let written = 0
  const failures: unknown[] = []
  const loop = (async () => {
    while (!isOver) {
      try {
        await producer.send({ topic, acks: -1, messages: [{ value: String(written) }] })
        written++
      } catch (error) {
        failures.push(error)
      }
    }
  })()
  return {
    failures,
    count: () => written,
    stop: async () => {
      isOver = true
      await loop
      await producer.disconnect()
      return written
    },
  }
}

async function create(at: Place, name: string): Promise<string> {
  const topic = { name, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }
  const { topics } = await ask(at, CreateTopics, { topics: [topic], timeoutMs: 10_000 })
  return topics[0]!.errorCode
}

test('a node alone grows to three controllers while it serves: others follow it, then vote, and go on without it', async () => {
  const root = directories.make()
  const [port, ...controllers] = (await freePorts(4)) as [number, number, number, number]
  const directory = (id: number): string => join(root, `node-${id}`)
  const settings = (id: number): Settings => ({
    'process.roles': 'broker,controller',
    'node.id': id,
    listeners: `PLAINTEXT://127.0.0.1:${id === 1 ? port : 0},CONTROLLER://127.0.0.1:${controllers[id - 1]}`,
    'controller.listener.names': 'CONTROLLER',
    'controller.quorum.bootstrap.servers': controllers.map((at) => `127.0.0.1:${at}`).join(),
    'offsets.topic.replication.factor': 1,
    'log.dirs': directory(id),
  })
  // As it has run so far: it has no listener for controllers, so that nobody could reach it as a voter.
  const alone = await startProcess({ 'log.dirs': directory(1) })
  expect(await create(alone, 'orders')).toBe('NONE')
  alone.kill('SIGTERM')
  await alone.ended()

  let first: BrokerProcess = await startProcess(settings(1))
  await answers(
    'its voter’s place',
    () => quorumOf(first),
    ({ nodes }) => nodes.length === 1,
  )
  const producer = await writing(port, 'orders')
  const { stdout } = await ottla(['cluster', 'describe', '--json'], {
    bootstrap: `127.0.0.1:${port}`,
  })
  const { clusterId } = JSON.parse(stdout) as { clusterId: string }
  const others: BrokerProcess[] = []
  for (const id of [2, 3]) {
    const file = join(root, `node-${id}.properties`)
    mkdirSync(root, { recursive: true })
    const lines = Object.entries(settings(id)).map(([name, value]) => `${name}=${value}\n`)
    writeFileSync(file, lines.join(''))
    const format = ['storage', 'format', '-t', clusterId, '-c', file, '--no-initial-controllers']
    expect(await ottla(format)).toMatchObject({ code: 0, stderr: '' })
    others.push(await startProcess(settings(id)))
    await answers(
      'an observer',
      () => quorumOf(first),
      ({ observers }) => observers.includes(id),
    )
    const add = ['quorum', 'add', '--config', file]
    await answers(
      'a voter',
      async () => {
        await ottla(add, { bootstrap: `127.0.0.1:${port}` })
        return quorumOf(first)
      },
      ({ voters }) => voters.includes(id),
    )
  }
  const grown = await quorumOf(first)
  expect(grown).toMatchObject({ voters: [1, 2, 3], observers: [] })
  const before = producer.count()
  await until(
    () => producer.count() > before,
    () => 'further records',
  )
  const written = await producer.stop()
  expect(producer.failures).toEqual([])

  first.kill('SIGKILL')
  await first.ended()
  await answers(
    'a topic',
    () => create(others[0]!, 'later'),
    // The answer to the first question may have been lost.
    (errorCode) => errorCode === 'NONE' || errorCode === 'TOPIC_ALREADY_EXISTS',
  )
  first = await startProcess(settings(1))
  const { stdout: read } = await ottla(['consume', 'orders'], { bootstrap: `127.0.0.1:${port}` })
  expect(read.trim().split('\n')).toEqual(Array.from({ length: written }, (_, at) => String(at)))
}, 120_000)
