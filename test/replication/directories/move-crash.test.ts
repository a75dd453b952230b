import { buildBatch, readBatches, readRecords } from '../../../protocol/records/batch.ts'
import { nodeCodecs } from '../../../src/host/codecs.ts'
import { nodeHost } from '../../../src/host/node.ts'
import { SimDisk, type CrashKind } from '../../../src/host/sim/disk.ts'
import { DEFAULT_LOG_CONFIG, type LogConfig } from '../../../src/log/base/config.ts'
import { LogManager } from '../../../src/log/manager.ts'
import { DirectoryMoves } from '../../../src/replication/directories/moves.ts'
import { Partition } from '../../../src/replication/partition/partition.ts'
import { leaderServices } from '../leader-services.ts'
import { seeded } from '../../log/seeded.ts'
import { NOT_THROTTLED } from '../../../src/replication/quota/throttled.ts'
import { quotaOf } from '../quota/support.ts'

const codecs = nodeCodecs()
const TOPIC_ID = 'AAAAAAAAAAAAAAAAAAAAAQ'
const [ONE, TWO] = ['one'.padEnd(22, 'A'), 'two'.padEnd(22, 'A')]

/** What the cluster knows, which outlives a crash of the node. */
interface Cluster {
  directoryId: string
}

/** A node with a replica that moves from `/one` to `/two`. */
class Node {
  readonly logs: LogManager
  readonly moves: DirectoryMoves
  readonly cluster: Cluster
  readonly #config: LogConfig
  #partition: Partition | null = null
  isDead = false
  /** Values that were acknowledged, in order. */
  readonly acknowledged: string[] = []

  constructor(disk: SimDisk, cluster: Cluster, config: LogConfig) {
    this.cluster = cluster
    this.#config = config
    const host = { ...nodeHost({ log: { level: 'silent' } }), disk, random: seeded(3) }
    this.logs = LogManager.open({
      host,
      codecs,
      directories: ['/one', '/two'],
      onDirectoryFailed: () => undefined,
    })
    for (const directory of this.logs.directories) {
      if (directory.metaProperties !== null) continue
      const directoryId = directory.path === '/one' ? ONE : TWO
      directory.writeMetaProperties({ clusterId: TOPIC_ID, nodeId: 1, directoryId })
    }
    this.moves = new DirectoryMoves({
      log: host.log,
      logs: this.logs,
      find: () => this.partition,
      quota: quotaOf(host.clock),
      concurrency: 1,
      report: (_topicId, _partition, directoryId, accepted) => {
        this.cluster.directoryId = directoryId
        accepted?.()
      },
    })
    const steps = this.logs.loadPartitions({
      configOf: () => config,
      isWanted: () => true,
      directoryOf: () => this.cluster.directoryId,
    })
    Array.from(steps)
  }

  get partition(): Partition {
    const { clock } = nodeHost({ log: { level: 'silent' } })
    const assignment = {
      leader: 1,
      leaderEpoch: 4,
      partitionEpoch: 0,
      replicas: [1],
      directories: [],
      isr: [1],
    }
    return (this.#partition ??= new Partition({
      services: leaderServices(clock),
      topic: 't',
      topicId: TOPIC_ID,
      index: 0,
      assignment,
      log: this.logs.get('t', 0)!,
      settings: () => ({
        log: this.#config,
        minInSyncReplicas: 1,
        deletesRecords: true,
        throttled: NOT_THROTTLED,
      }),
    }))
  }

  async make(): Promise<void> {
    await this.logs.createLog('t', 0, TOPIC_ID, this.#config, ONE)
  }

  append(value: string): Promise<void> {
    const records = [{ timestamp: 1, key: null, value: Buffer.from(value) }]
    const batch = buildBatch({ records }, codecs)
    return new Promise((resolve) =>
      this.partition.append(batch, -1, 'client', 1000, ({ errorCode }) => {
        if (errorCode === 'NONE') this.acknowledged.push(value)
        resolve()
      }),
    )
  }

  async values(): Promise<string[]> {
    const log = this.logs.get('t', 0)!
    const values: string[] = []
    while (values.length < log.logEndOffset) {
      const read = await log.read(values.length, 1 << 20, 'logEnd', true)
      expect(read.errorCode).toBe('NONE')
      for (const chunk of read.chunks) {
        for (const each of readBatches(chunk)) {
          for (const { value } of readRecords(each, codecs)) values.push(value!.toString())
        }
      }
    }
    return values
  }

  async moved(): Promise<void> {
    const deadline = performance.now() + 100_000
    while (this.logs.get('t', 0)!.directoryPath !== '/two') {
      if (this.isDead) return new Promise(() => undefined)
      if (performance.now() > deadline) throw new Error('The replica did not move')
      await new Promise((resolve) => setImmediate(resolve))
    }
  }

  async close(): Promise<void> {
    await this.moves.close()
    await this.logs.close()
  }
}

/** Some records that are durable, a move, and records meanwhile and afterwards. */
async function move(node: Node, onDurable: () => void): Promise<void> {
  await node.make()
  for (let number = 0; number < 4; number++) await node.append(`before ${number}`)
  await node.logs.get('t', 0)!.flush()
  onDurable()
  const asked = node.moves.alter('t', 0, '/two')
  for (let number = 0; number < 3; number++) await node.append(`meanwhile ${number}`)
  expect(await asked).toBe('NONE')
  await node.moved()
  await node.append('after')
  await node.close()
}

/** Segments of few records; with `isEachFlushed` what is acknowledged is durable. */
const configOf = (isEachFlushed: boolean): LogConfig => ({
  ...DEFAULT_LOG_CONFIG,
  segmentBytes: 300,
  flushMessages: isEachFlushed ? 1 : DEFAULT_LOG_CONFIG.flushMessages,
})

/** Runs the move until the operation with this number, where the power goes; null when there are not so many. */
async function crashAt(number: number, kind: CrashKind, isEachFlushed: boolean) {
  const disk = new SimDisk({ random: seeded(number) })
  const cluster = { directoryId: ONE }
  const node = new Node(disk, cluster, configOf(isEachFlushed))
  let count = 0
  let crash = (): void => undefined
  const crashed = new Promise<true>((resolve) => (crash = () => resolve(true)))
  let left: { disk: SimDisk; acknowledged: string[]; cluster: Cluster } | null = null
  let isDurable = false
  disk.fault = () => {
    if (!isDurable || left !== null || ++count < number) return null
    const acknowledged = [...node.acknowledged]
    left = { disk: disk.crash(kind), acknowledged, cluster: { ...cluster } }
    node.isDead = true
    crash()
    return null
  }
  const scenario = move(node, () => (isDurable = true)).then(
    () => false,
    () => true,
  )
  await Promise.race([scenario, crashed])
  return left as { disk: SimDisk; acknowledged: string[]; cluster: Cluster } | null
}

describe.each([
  ['scattered', true],
  ['lost', false],
] as const)(
  'a crash that leaves unsynced bytes %s, flushed after each record: %p',
  (kind, isEachFlushed) => {
    test('at any moment of a move loses nothing durable, and the move goes on to its end', async () => {
      let crashes = 0
      let withoutOne = 0
      for (let number = 1; ; number++) {
        const left = await crashAt(number, kind, isEachFlushed)
        if (left === null) break
        crashes++
        if (left.cluster.directoryId === TWO && !isEachFlushed) {
          // The directory that it came from is gone too: what the cluster was told has to be true.
          left.disk.removeDirectory('/one')
          withoutOne++
        }
        const durable = isEachFlushed ? left.acknowledged : left.acknowledged.slice(0, 4)
        const node = new Node(left.disk, left.cluster, configOf(isEachFlushed))
        const found = await node.values()
        const where = `crash ${number} of ${kind}`
        expect([where, ...found.slice(0, durable.length)]).toEqual([where, ...durable])
        node.moves.resume([node.partition])
        await node.append('later')
        expect(await node.moves.alter('t', 0, '/two')).toBe('NONE')
        await node.moved()
        expect([where, ...(await node.values())]).toEqual([where, ...found, 'later'])
        await node.close()
        const again = new Node(left.disk, left.cluster, configOf(isEachFlushed))
        expect(await again.values()).toEqual([...found, 'later'])
        expect(again.logs.get('t', 0)!.directoryPath).toBe('/two')
        expect(again.logs.future('t', 0)).toBeUndefined()
        await again.close()
      }
      expect(crashes).toBeGreaterThan(50)
      if (!isEachFlushed) expect(withoutOne).toBeGreaterThan(10)
    })
  },
)
