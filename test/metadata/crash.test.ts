import type { CrashKind } from '../../src/host/sim/disk.ts'
import { SimDisk } from '../../src/host/sim/disk.ts'
import { configOf, ResourceType } from '../../src/metadata/image.ts'
import { listSnapshots } from '../../src/quorum/snapshot.ts'
import { seeded, simulatedHost } from '../log/seeded.ts'
import { soaking } from '../soak.ts'
import type { TestNode } from './support.ts'
import { startNode, topic } from './support.ts'

const PATH = '/data'
const LOG = `${PATH}/__cluster_metadata-0`
/** Each few changes a snapshot, and only the latest is kept: the log is cut behind it. */
const settings = {
  'metadata.log.max.record.bytes.between.snapshots': '600',
  'metadata.max.retention.bytes': '1',
}
const kinds: CrashKind[] = ['lost', 'torn', 'scattered', 'reordered']
const ZERO = 'A'.repeat(22)

/** What clients were told. */
interface Told {
  readonly topics: Map<string, string>
  /** Asked for, answered or not: such a topic may be there or not. */
  readonly leaving: Set<string>
  clusterId: string | null
  brokerEpoch: number
  producerIdsEnd: number
}

const start = (disk: SimDisk, seed: number): Promise<TestNode> =>
  startNode(PATH, settings, simulatedHost(disk, seeded(seed)))

async function create({ node }: TestNode, told: Told, name: string): Promise<void> {
  const topics = [topic(name, 2, { 'retention.ms': '1000' })]
  const [created] = await node.submit({ type: 'createTopics', topics, validateOnly: false })
  expect(created).toMatchObject({ errorCode: 'NONE' })
  told.topics.set(name, created!.topicId)
}

async function remove({ node }: TestNode, told: Told, name: string): Promise<void> {
  told.leaving.add(name)
  const topics = [{ name, topicId: ZERO }]
  expect(await node.submit({ type: 'deleteTopics', topics })).toMatchObject([{ errorCode: 'NONE' }])
  told.topics.delete(name)
  told.leaving.delete(name)
}

async function register(node: TestNode, told: Told): Promise<void> {
  const brokerEpoch = await node.register()
  expect(brokerEpoch).toBeGreaterThan(told.brokerEpoch)
  told.brokerEpoch = brokerEpoch
}

async function allocate({ node }: TestNode, told: Told): Promise<void> {
  const broker = { brokerId: 1, brokerEpoch: told.brokerEpoch }
  const ids = await node.submit({ type: 'allocateProducerIds', ...broker })
  expect(ids.errorCode).toBe('NONE')
  expect(ids.producerIdStart).toBeGreaterThanOrEqual(told.producerIdsEnd)
  told.producerIdsEnd = ids.producerIdStart + ids.producerIdLen
}

/** Two lives with a clean stop between them. */
async function live(disk: SimDisk, told: Told): Promise<void> {
  for (const [life, seed] of [
    ['a', 1],
    ['b', 4],
  ] as const) {
    const node = await start(disk, seed)
    expect(told.clusterId ?? node.identity.clusterId).toBe(node.identity.clusterId)
    told.clusterId = node.identity.clusterId
    await register(node, told)
    for (let count = 0; count < 5; count++) await create(node, told, `${life}${count}`)
    await allocate(node, told)
    await remove(node, told, `${life}1`)
    await remove(node, told, `${life}4`)
    await node.close()
  }
}

const nothing = (): Told => ({
  topics: new Map(),
  leaving: new Set(),
  clusterId: null,
  brokerEpoch: -1,
  producerIdsEnd: 0,
})

/** All that was told is there: by what a client would see, not by what was written. */
function expectKept({ node, identity }: TestNode, told: Told): void {
  const { byName, byId } = node.image.topics
  if (told.clusterId !== null) expect(identity.clusterId).toBe(told.clusterId)
  for (const [name, id] of told.topics) {
    if (told.leaving.has(name) && !byName.has(name)) continue
    expect([name, byName.get(name)?.id, byName.get(name)?.partitions.length]).toEqual([name, id, 2])
    expect(byId.get(id)?.name).toBe(name)
    expect([...configOf(node.image, ResourceType.TOPIC, name)]).toEqual([['retention.ms', '1000']])
  }
  for (const name of byName.keys()) {
    // At most the one that was being made is there without a word.
    if (!told.topics.has(name)) expect(name).toBe(nextTopic(told, name))
  }
}

const nextTopic = ({ topics, leaving }: Told, name: string): string => {
  const known = [...topics.keys(), ...leaving].filter((each) => each[0] === name[0]).sort()
  return known.includes(`${name[0]}3`) ? `${name[0]}4` : `${name[0]}${known.length}`
}

/** The disk after a power cut at the operation of this number; null when there were fewer. */
async function crashAt(
  operation: number,
  kind: CrashKind,
): Promise<{ found: SimDisk | null; told: Told; operations: number }> {
  const disk = new SimDisk({ random: seeded(operation + 1) })
  const told = nothing()
  let operations = 0
  let found: SimDisk | null = null
  const crashed = new Promise<void>((resolve) => {
    disk.fault = () => {
      if (operations++ !== operation) return null
      found = disk.crash(kind)
      resolve()
      return Object.assign(new Error('The power is gone'), { code: 'EIO' })
    }
  })
  const lived = live(disk, told).catch((error: unknown) => {
    if (found === null) throw error
  })
  await Promise.race([crashed, lived])
  return { found, told, operations }
}

async function expectGoesOn(found: SimDisk, told: Told): Promise<void> {
  const node = await start(found, 2)
  expectKept(node, told)
  await register(node, told)
  await allocate(node, told)
  await create(node, told, 'c0')
  const again = await start(found.crash('lost'), 3)
  expectKept(again, told)
  await register(again, told)
  await allocate(again, told)
  await again.close()
}

describe('the directory of the metadata', () => {
  test('is cut and has snapshots where power fails below, so that they are among what is tried', async () => {
    const disk = new SimDisk({ random: seeded(1) })
    await live(disk, nothing())
    const host = simulatedHost(disk)
    const snapshots = listSnapshots(host, LOG)
    expect(snapshots.length).toBe(1)
    expect(snapshots[0]!.offset).toBeGreaterThan(20)
  })

  test('keeps what was answered, and starts, whenever the power fails', async () => {
    const { operations } = await crashAt(Infinity, 'lost')
    expect(operations).toBeGreaterThan(100)
    const chosen = soaking ? kinds : null
    for (let operation = 0; operation < operations; operation++) {
      for (const kind of chosen ?? [kinds[operation % kinds.length]!]) {
        const { found, told } = await crashAt(operation, kind)
        if (found === null) continue
        try {
          await expectGoesOn(found, told)
        } catch (error) {
          throw new Error(`The power failed at operation ${operation} (${kind})`, { cause: error })
        }
      }
    }
  })
})
