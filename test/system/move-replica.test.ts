import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { AlterReplicaLogDirs } from '../../protocol/messages/alter-replica-log-dirs.ts'
import { DescribeLogDirs } from '../../protocol/messages/describe-log-dirs.ts'
import { IncrementalAlterConfigs } from '../../protocol/messages/incremental-alter-configs.ts'
import { killAll, startProcess, type BrokerProcess } from '../support/broker-process.ts'
import { RawClient } from '../support/raw-client.ts'
import { temporaryDirectories } from '../support/temporary.ts'
import { createTopic, NumberProducer, readNumbers } from './load.ts'
import { eventually } from '../clients/wait.ts'

const directories = temporaryDirectories()
afterAll(async () => {
  await killAll()
  directories.removeAll()
})

const BROKER = 4
const RATE = 'replica.alter.log.dirs.io.max.bytes.per.second'

async function limitMoves(broker: BrokerProcess, bytesPerSecond: number | null): Promise<void> {
  const client = await RawClient.connect(broker)
  const change = {
    name: RATE,
    configOperation: bytesPerSecond === null ? 1 : 0,
    value: bytesPerSecond === null ? null : String(bytesPerSecond),
  }
  const { responses } = await client.request(IncrementalAlterConfigs, 1, {
    resources: [{ resourceType: BROKER, resourceName: '', configs: [change] }],
    validateOnly: false,
  })
  expect(responses[0]!.errorCode).toBe('NONE')
  client.destroy()
}

/** The directories that DescribeLogDirs names for the partition, the one that it is on its way to last. */
async function placesOf(broker: BrokerProcess): Promise<string[]> {
  const client = await RawClient.connect(broker)
  const { results } = await client.request(DescribeLogDirs, 4, { topics: null })
  client.destroy()
  const places = results.flatMap(({ logDir, topics }) =>
    topics.flatMap(({ partitions }) =>
      partitions.map(({ isFutureKey }) => ({ logDir, isFutureKey })),
    ),
  )
  return places
    .sort((one, other) => Number(one.isFutureKey) - Number(other.isFutureKey))
    .map(({ logDir }) => logDir)
}

test('a move goes on after a kill -9, while producers write, and loses nothing', async () => {
  const base = directories.make()
  const [one, two] = [join(base, 'one'), join(base, 'two')]
  const settings = { 'log.dirs': `${one},${two}` }
  let broker = await startProcess(settings)
  await createTopic(broker, 'numbers', 1)
  const producer = new NumberProducer('numbers', 0, true)
  let isOver = false
  const run = () => producer.run(broker, () => isOver)
  let running = run()
  const written = async (count: number): Promise<void> => {
    const until = producer.acknowledged.size + count
    while (producer.acknowledged.size < until) await new Promise((resolve) => setImmediate(resolve))
  }
  await written(200)

  await limitMoves(broker, 100)
  const client = await RawClient.connect(broker)
  const dirs = [{ path: two, topics: [{ name: 'numbers', partitions: [0] }] }]
  const { results } = await client.request(AlterReplicaLogDirs, 2, { dirs })
  expect(results[0]!.partitions[0]!.errorCode).toBe('NONE')
  client.destroy()
  await written(50)
  expect(await placesOf(broker)).toEqual([one, two])

  broker.kill('SIGKILL')
  await broker.ended()
  await running
  broker = await startProcess(settings)
  running = run()
  await written(50)
  expect(await placesOf(broker)).toEqual([one, two])
  await limitMoves(broker, null)
  await eventually(async () => (await placesOf(broker)).join() === two, 'the replica to move')
  await written(50)
  isOver = true
  await running

  const acknowledged = Array.from(producer.acknowledged.keys()).sort((a, b) => a - b)
  const found = await readNumbers(broker, 'numbers', 0)
  expect(found.filter((number) => producer.acknowledged.has(number))).toEqual(acknowledged)
  expect(new Set(found).size).toBe(found.length)
  expect(readdirSync(two)).toContain('numbers-0')
  expect(readdirSync(one).filter((name) => /^numbers-0(\.\w+-future)?$/.test(name))).toEqual([])
  broker.kill('SIGTERM')
  await broker.ended()
}, 60_000)
