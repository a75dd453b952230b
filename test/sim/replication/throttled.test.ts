import { AlterPartitionReassignments } from '../../../protocol/messages/alter-partition-reassignments.ts'
import { CreateTopics } from '../../../protocol/messages/create-topics.ts'
import { IncrementalAlterConfigs } from '../../../protocol/messages/incremental-alter-configs.ts'
import { movesUnderWay } from '../../../bin/client/assignments.ts'
import { Producer } from '../../../bin/client/producer.ts'
import { Admin } from '../../../bin/with-admin.ts'
import { nodeCodecs } from '../../../src/host/codecs.ts'
import { SimMachine, type World } from '../../../src/host/sim/machine.ts'
import { SimNetwork } from '../../../src/host/sim/network.ts'
import { Scheduler } from '../../../src/host/sim/scheduler.ts'
import { clientOf, type ClientParts } from '../clients.ts'
import { plainLayout, prepare, topologyOf } from '../topology.ts'

const PATIENCE_MS = 120_000
/** Of the partition that is moved. */
const RECORDS = 60
const RECORD_BYTES = 20_000
const RATE = 100_000
/** A follower is given so much at once. */
const FETCH_BYTES = 65_536
/** Takes so long at least, and no more than a tenth longer. */
const MOVE_MS = (RECORDS * RECORD_BYTES * 1000) / RATE

const TOPIC = 2
const BROKER = 4

/** Two brokers and a controller, on simulated machines; the first one has all of a topic named `moved`. */
async function cluster() {
  const scheduler = new Scheduler(7)
  const world: World = { scheduler, network: new SimNetwork(scheduler), codecs: nodeCodecs() }
  const { nodes, bootstrap } = topologyOf(plainLayout(2), 1, {
    'replica.fetch.max.bytes': String(FETCH_BYTES),
    'replica.lag.time.max.ms': '5000',
  })
  const prepared = nodes.map((node) => prepare(node, world))
  for (const node of prepared) node.start()
  const areServing = (): boolean => prepared.every(({ isServing }) => isServing)
  await scheduler.until(areServing, PATIENCE_MS, 'broker that serves')
  const [first, second] = prepared
  const { codecs } = world
  const parts: ClientParts = {
    name: 'client',
    host: new SimMachine('client', world).start(),
    codecs,
    bootstrap,
    isOver: () => false,
  }
  const client = clientOf(parts)
  const admin = new Admin(client, false)
  const done = <Result>(work: Promise<Result>): Promise<Result> =>
    scheduler.resolve(work, PATIENCE_MS, 'answer')
  const create = async (name: string, brokerIds: number[]): Promise<void> => {
    const assignments = [{ partitionIndex: 0, brokerIds }]
    const topics = [{ name, numPartitions: -1, replicationFactor: -1, assignments, configs: [] }]
    const answer = await done(client.request(CreateTopics, { topics, timeoutMs: 10_000 }))
    expect(answer.topics[0]?.errorCode).toBe('NONE')
  }
  const send = async (topic: string, count: number): Promise<void> => {
    const producer = new Producer(client, { topic, codecs })
    const value = Buffer.alloc(RECORD_BYTES - 80, 'x')
    for (let sent = 0; sent < count; sent++) {
      await done(producer.send([{ timestamp: sent, key: null, value }], 0))
    }
  }
  /** Sets settings, or lets them have their defaults again where the value is null. */
  const configure = async (
    type: typeof TOPIC | typeof BROKER,
    names: readonly (string | number)[],
    configs: Record<string, string | number | null>,
  ): Promise<void> => {
    const changes = Object.entries(configs).map(([setting, value]) => ({
      name: setting,
      configOperation: value === null ? 1 : 0,
      value: value === null ? null : String(value),
    }))
    for (const name of names) {
      const resource = { resourceType: type, resourceName: String(name), configs: changes }
      const body = { resources: [resource], validateOnly: false }
      // Each broker judges its own.
      const to = type === BROKER ? { node: Number(name) } : {}
      const { responses } = await done(client.request(IncrementalAlterConfigs, body, to))
      expect(responses.map(({ errorCode }) => errorCode)).toEqual(['NONE'])
    }
  }
  const move = async (): Promise<void> => {
    const topics = [{ name: 'moved', partitions: [{ partitionIndex: 0, replicas: [2] }] }]
    const { responses } = await done(admin.ask(AlterPartitionReassignments, { topics }, () => null))
    expect(responses[0]?.partitions[0]?.errorCode).toBe('NONE')
  }
  /** So much of the partition is on the second broker. */
  const arrived = (): number => {
    const { disk } = second!.machine
    if (!disk.exists('/data/moved-0')) return 0
    const logs = disk.list('/data/moved-0').filter((name) => name.endsWith('.log'))
    return logs.reduce((bytes, name) => bytes + disk.readFile(`/data/moved-0/${name}`).length, 0)
  }
  /** Lets time pass until all has arrived. @returns how long it took, in simulated milliseconds */
  const allArrived = async (look: (passedMs: number) => void = () => undefined) => {
    const startMs = scheduler.now
    while (arrived() < RECORDS * (RECORD_BYTES - 80)) {
      if (scheduler.now > startMs + PATIENCE_MS) throw new Error(`${arrived()} have arrived`)
      await scheduler.pass(100)
      look(scheduler.now - startMs)
    }
    return scheduler.now - startMs
  }
  await done(client.metadata(null))
  await create('moved', [1])
  await send('moved', RECORDS)
  return {
    scheduler,
    first: first!,
    second: second!,
    admin,
    done,
    create,
    send,
    configure,
    move,
    arrived,
    allArrived,
  }
}

const LEADER = {
  'leader.replication.throttled.rate': RATE,
}
const FOLLOWER = {
  'follower.replication.throttled.rate': RATE,
}

describe('A replica that is moved', () => {
  test.each([
    ['by its leader', 1, LEADER, { 'leader.replication.throttled.replicas': '0:1' }],
    ['by its follower', 2, FOLLOWER, { 'follower.replication.throttled.replicas': '0:2' }],
  ])(
    'and throttled %s comes as fast as the rate says, and no faster',
    async (_, broker, rate, replicas) => {
      const { configure, move, arrived, allArrived, done, admin } = await cluster()
      await configure(BROKER, [broker], rate)
      await configure(TOPIC, ['moved'], replicas)
      await move()
      const tookMs = await allArrived((passedMs) => {
        // Before the first second is over the rate is that of the whole second.
        const most = (RATE * Math.max(passedMs, 1000)) / 1000 + 2 * FETCH_BYTES
        expect(arrived()).toBeLessThanOrEqual(most)
      })
      expect(tookMs).toBeGreaterThan(0.85 * MOVE_MS)
      expect(tookMs).toBeLessThan(1.1 * MOVE_MS)
      expect(await done(movesUnderWay(admin))).toEqual([])
    },
    120_000,
  )

  test('and throttled for other brokers, or for other partitions, comes at once', async () => {
    const { configure, move, allArrived } = await cluster()
    await configure(BROKER, [1, 2], { ...LEADER, ...FOLLOWER })
    await configure(TOPIC, ['moved'], {
      'leader.replication.throttled.replicas': '0:2,1:1',
      'follower.replication.throttled.replicas': '0:1,1:2',
    })
    await move()
    expect(await allArrived()).toBeLessThan(0.2 * MOVE_MS)
  }, 120_000)

  test('is throttled after restarts of both brokers, too, and comes at once when that is taken back', async () => {
    const { configure, move, arrived, allArrived, first, second, scheduler } = await cluster()
    await configure(BROKER, [1, 2], { ...LEADER, ...FOLLOWER })
    await configure(TOPIC, ['moved'], {
      'leader.replication.throttled.replicas': '*',
      'follower.replication.throttled.replicas': '*',
    })
    await move()
    await scheduler.pass(2000)
    for (const node of [first, second]) {
      node.kill()
      node.start()
    }
    const areServing = (): boolean => first.isServing && second.isServing
    await scheduler.until(areServing, PATIENCE_MS, 'restart')
    const before = arrived()
    await scheduler.pass(4000)
    expect(arrived() - before).toBeGreaterThan(RATE)
    expect(arrived() - before).toBeLessThan(5 * RATE + 2 * FETCH_BYTES)
    // At this rate what has come already would be paid for in hours.
    await configure(BROKER, [1, 2], {
      'leader.replication.throttled.rate': 1,
      'follower.replication.throttled.rate': 1,
    })
    await scheduler.pass(3000)
    await configure(TOPIC, ['moved'], {
      'leader.replication.throttled.replicas': null,
      'follower.replication.throttled.replicas': null,
    })
    expect(await allArrived()).toBeLessThan(2000)
  }, 120_000)

  test('takes nothing of the rate from those in sync: their acknowledgements don’t wait', async () => {
    const { configure, create, send, move, arrived, scheduler } = await cluster()
    await create('synced', [1, 2])
    await configure(BROKER, [1, 2], { ...LEADER, ...FOLLOWER })
    await configure(TOPIC, ['moved', 'synced'], {
      'leader.replication.throttled.replicas': '*',
      'follower.replication.throttled.replicas': '*',
    })
    await move()
    const startMs = scheduler.now
    // Four times the rate, where each record waits for the follower.
    await send('synced', 100)
    const tookMs = scheduler.now - startMs
    expect(tookMs).toBeLessThan(5000)
    // What they take is not there for the others.
    expect(arrived()).toBeLessThan(RATE + 2 * FETCH_BYTES)
  }, 120_000)
})
