import { AlterReplicaLogDirs } from '../../protocol/messages/alter-replica-log-dirs.ts'
import { CreateTopics } from '../../protocol/messages/create-topics.ts'
import { DescribeLogDirs } from '../../protocol/messages/describe-log-dirs.ts'
import { IncrementalAlterConfigs } from '../../protocol/messages/incremental-alter-configs.ts'
import { Metadata } from '../../protocol/messages/metadata.ts'
import { SimulatedNodes } from './simulated-nodes.ts'

const BROKER_PORT = 9092
const BROKER = 4
const REFUSED = 'INVALID_REPLICA_ASSIGNMENT'

const combined = (id: number) => ({
  'process.roles': 'broker,controller',
  listeners: `PLAINTEXT://node${id}:${BROKER_PORT},CONTROLLER://node${id}:9093`,
  'controller.quorum.voters': [1, 2, 3].map((each) => `${each}@node${each}:9093`).join(),
  'log.dirs': '/data,/more',
})

/** Three nodes with two directories each; those of the first are cordoned. */
class Cordoned {
  readonly nodes = new SimulatedNodes(3, combined)
  #topics = 0

  /** A topic of four partitions with these replicas, or with any. @returns its error, else its partitions' leaders */
  async create(name: string, brokerIds: number[] | null) {
    const assignments =
      brokerIds === null
        ? []
        : [0, 1, 2, 3].map((partitionIndex) => ({ partitionIndex, brokerIds }))
    const counts =
      brokerIds === null
        ? { numPartitions: 4, replicationFactor: 1 }
        : { numPartitions: -1, replicationFactor: -1 }
    const topics = [{ name, ...counts, assignments, configs: [] }]
    const body = { topics, timeoutMs: 10_000, validateOnly: false }
    const answer = await this.nodes.ask(2, CreateTopics, body, 7, BROKER_PORT)
    return answer?.topics[0]?.errorCode
  }

  /** What becomes of partitions that are to be on the first node, when there is a controller to say it. */
  async isRefused(brokerIds = [1]): Promise<boolean | null> {
    const errorCode = await this.create(`tried-${this.#topics++}`, brokerIds)
    return errorCode === REFUSED ? true : errorCode === 'NONE' ? false : null
  }

  /** Sets or, with null, takes back which directories of the first node are cordoned. */
  async cordon(value: string | null): Promise<void> {
    const configOperation = value === null ? 1 : 0
    const configs = [{ name: 'cordoned.log.dirs', configOperation, value }]
    const resources = [{ resourceType: BROKER, resourceName: '1', configs }]
    const body = { resources, validateOnly: false }
    const answer = await this.nodes.ask(1, IncrementalAlterConfigs, body, 1, BROKER_PORT)
    expect(answer?.responses[0]).toMatchObject({ errorCode: 'NONE' })
  }

  async #directories() {
    return (await this.nodes.ask(1, DescribeLogDirs, { topics: null }, 5, BROKER_PORT))?.results
  }

  /** Waits until these directories of the first node are cordoned, and no others. */
  untilCordoned(...paths: string[]): Promise<void> {
    return this.nodes.untilAsked(async () => {
      const cordoned = (await this.#directories())?.filter(({ isCordoned }) => isCordoned)
      return cordoned?.map(({ logDir }) => logDir).join() === paths.join()
    }, `${paths.join()} to be cordoned`)
  }

  /** How many partitions of a topic are in each directory of the first node. */
  async placesOf(topic: string) {
    const counts = (await this.#directories())!.map(({ logDir, topics }) => [
      logDir,
      topics.find(({ name }) => name === topic)?.partitions.length ?? 0,
    ])
    return Object.fromEntries(counts) as Record<string, number>
  }

  async move(topic: string, path: string) {
    const body = { dirs: [{ path, topics: [{ name: topic, partitions: [0] }] }] }
    const answer = await this.nodes.ask(1, AlterReplicaLogDirs, body, 2, BROKER_PORT)
    return answer?.results[0]?.partitions[0]?.errorCode
  }

  async leadersOf(name: string): Promise<number[]> {
    const answer = await this.nodes.ask(2, Metadata, { topics: [{ name }] }, 12, BROKER_PORT)
    return answer!.topics[0]!.partitions.map(({ leaderId }) => leaderId)
  }

  untilRefused(isRefused: boolean, what: string): Promise<void> {
    return this.nodes.untilAsked(async () => (await this.isRefused()) === isRefused, what)
  }
}

test('a cordoned directory gets no replica, new or moved; those that are there stay', async () => {
  const cluster = new Cordoned()
  await cluster.nodes.startTogether()
  expect(await cluster.create('before', [1])).toBe('NONE')
  expect(await cluster.placesOf('before')).toEqual({ '/data': 2, '/more': 2 })
  await cluster.cordon('/more')
  await cluster.untilCordoned('/more')
  expect(await cluster.create('meanwhile', [1])).toBe('NONE')
  expect(await cluster.placesOf('meanwhile')).toEqual({ '/data': 4, '/more': 0 })
  expect(await cluster.placesOf('before')).toEqual({ '/data': 2, '/more': 2 })
  expect(await cluster.move('meanwhile', '/more')).toBe(REFUSED)
  // One that is yet to be made, too.
  expect(await cluster.move('later', '/more')).toBe(REFUSED)
  await cluster.cordon(null)
  await cluster.untilCordoned()
  expect(await cluster.move('meanwhile', '/more')).toBe('NONE')
  expect(await cluster.create('after', [1])).toBe('NONE')
  expect((await cluster.placesOf('after'))['/more']).toBeGreaterThan(0)
})

test('a broker whose directories are all cordoned is given no replica, after its restart and by the next controller, too', async () => {
  const cluster = new Cordoned()
  const { nodes } = cluster
  await nodes.startTogether()
  await cluster.cordon('*')
  await cluster.untilCordoned('/data', '/more')
  await cluster.untilRefused(true, 'a refusal')
  expect(await cluster.create('placed', null)).toBe('NONE')
  expect(await cluster.leadersOf('placed')).not.toContain(1)
  await nodes.stop(1)
  await nodes.start(1)
  await cluster.untilCordoned('/data', '/more')
  await cluster.untilRefused(true, 'a refusal after a restart')
  const leader = await nodes.leader()
  nodes.kill(leader)
  const next = await nodes.leader()
  expect(next).not.toBe(leader)
  await nodes.start(leader)
  await cluster.untilRefused(true, 'a refusal of the next controller')
  await cluster.cordon(null)
  await cluster.untilRefused(false, 'a topic')
})

test('directories that the file of settings names are cordoned from the start', async () => {
  const nodes = new SimulatedNodes(3, (id) => ({
    ...combined(id),
    ...(id === 1 ? { 'cordoned.log.dirs': '/data' } : {}),
  }))
  await nodes.startTogether()
  const { results } = (await nodes.ask(1, DescribeLogDirs, { topics: null }, 5, BROKER_PORT))!
  expect(results).toMatchObject([
    { logDir: '/data', isCordoned: true },
    { logDir: '/more', isCordoned: false },
  ])
})
