import { encodeMetadataRecord } from '../../protocol/state/metadata-records.ts'
import { topicFact } from '../../src/metadata/facts.ts'
import { MetadataLoader } from '../../src/metadata/loader.ts'
import type { MetadataDelta } from '../../src/metadata/image.ts'
import { encodedImage, imageRecords } from '../../src/metadata/snapshot-records.ts'
import type { QuorumNode } from './simulated-quorum.ts'
import { SimulatedQuorum } from './simulated-quorum.ts'
import { BROKER, serveAs, set, topic } from './support.ts'

const TURNS = { endOfTurn: (callback: () => void) => void setImmediate(callback) }

const DIRECTORY = `${'d'.repeat(21)}Q`

const register = ({ node }: QuorumNode) =>
  serveAs(node, { ...BROKER, brokerId: 9, logDirs: [DIRECTORY] })

const create = ({ node }: QuorumNode, ...topics: ReturnType<typeof topic>[]) =>
  node.submit({ type: 'createTopics', topics, validateOnly: false })

const remove = ({ node }: QuorumNode, ...names: string[]) =>
  node.submit({
    type: 'deleteTopics',
    topics: names.map((name) => ({ name, topicId: 'A'.repeat(22) })),
  })

const configure = ({ node }: QuorumNode, name: string, value: string | null) =>
  node.submit({
    type: 'incrementalAlterConfigs',
    resources: [
      {
        resourceType: 4,
        resourceName: '',
        configs: [value === null ? { ...set(name, ''), configOperation: 1 } : set(name, value)],
      },
    ],
    validateOnly: false,
  })

const contents = ({ node }: QuorumNode): string[] =>
  [...imageRecords(node.image)].map((record) => JSON.stringify(record)).sort()

/** Snapshots are written often, and nothing before the last one is kept. */
const SHORT_LIVED = {
  'metadata.log.max.record.bytes.between.snapshots': '300',
  'metadata.max.retention.bytes': '1',
  'metadata.log.segment.bytes': String(8 << 20),
}

test('a record of a newer version is not passed over: it is told what to do', () => {
  const batch = { baseOffset: 0, lastOffset: 0, epoch: 1, timestampMs: 0, sizeBytes: 3 }
  const records = [Buffer.from([1, 0x7f, 0])]
  expect(() => new MetadataLoader(TURNS).committed({ ...batch, records })).toThrow(
    /unknown metadata record 127.*use a version that can/,
  )
})

test('a batch that comes in parts counts when all of it is here, and is told once', () => {
  const loader = new MetadataLoader(TURNS)
  loader.caughtUp()
  const told: string[][] = []
  loader.onChange(({ createdTopics }) => told.push(createdTopics.map(({ name }) => name)))
  const batch = { baseOffset: 0, lastOffset: 1, epoch: 1, timestampMs: 0, sizeBytes: 3 }
  const record = (name: string) => encodeMetadataRecord(topicFact(name, `${name.repeat(21)}Q`))
  loader.committed({ ...batch, records: [record('a')], hasMore: true })
  expect([loader.image.offset, told]).toEqual([-1, []])
  loader.committed({ ...batch, records: [record('b')] })
  expect([loader.image.offset, told]).toEqual([1, [['a', 'b']]])
})

describe('an image that comes as a snapshot in mid-life', () => {
  test('is made over several turns, and is the one before until all of it is here', async () => {
    const turns: (() => void)[] = []
    const loader = new MetadataLoader({ endOfTurn: (callback) => void turns.push(callback) })
    loader.caughtUp()
    const told: number[] = []
    loader.onChange(({ createdTopics }) => told.push(createdTopics.length))
    const nameOf = (index: number): string => `t${String(index).padStart(20, '0')}`
    const records = (count: number) =>
      Array.from({ length: count }, (_, index) =>
        encodeMetadataRecord(topicFact(nameOf(index), `${nameOf(index)}Q`)),
      )
    const load = async (offset: number, count: number): Promise<number> => {
      const { image } = loader
      let isLoaded = false
      const snapshot = { control: [], records: records(count), timestampMs: 0 }
      const loading = loader.loadSnapshot({ offset, epoch: 1 }, snapshot)
      const loaded = loading.then(() => (isLoaded = true))
      let taken = 0
      for (; !isLoaded; taken++) {
        expect([loader.image, loader.isWhole]).toEqual([image, false])
        turns.shift()!()
        await new Promise((resolve) => setImmediate(resolve))
      }
      await loaded
      return taken
    }
    expect(await load(10_000, 3_500)).toBe(3)
    expect([loader.isWhole, loader.image.topics.byId.size, told]).toEqual([true, 3_500, [3_500]])
    // It takes steps to compare them, too.
    expect(await load(20_000, 3_600)).toBeGreaterThan(3)
    expect(told).toEqual([3_500, 100])
  })

  test('counts at once, whatever comes after it', async () => {
    const loader = new MetadataLoader(TURNS)
    loader.caughtUp()
    const told: string[] = []
    loader.onChange(({ createdTopics, deletedTopics }) => {
      for (const { name } of createdTopics) told.push(`new ${name}`)
      for (const { name } of deletedTopics) told.push(`gone ${name}`)
    })
    const load = (offset: number, name: string): Promise<void> =>
      loader.loadSnapshot(
        { offset, epoch: 1 },
        {
          control: [],
          records: [encodeMetadataRecord(topicFact(name, `${name.padEnd(21, 'x')}Q`))],
          timestampMs: 0,
        },
      )
    await load(10, 'a')
    expect([loader.image.offset, told]).toEqual([9, ['new a']])
    await load(20, 'b')
    expect([loader.image.offset, told]).toEqual([19, ['new a', 'new b', 'gone a']])
  })

  test('is compared with the one before: who listens is told what is new, what changed and what is gone', async () => {
    const quorum = await SimulatedQuorum.start(3, SHORT_LIVED)
    const leader = await quorum.controller()
    const behind = quorum.nodes.find(({ id }) => id !== leader.id)!
    const before = (async () => {
      await register(leader)
      await create(leader, topic('kept'), topic('grown'), topic('gone'), topic('remade'))
      await create(leader, topic('configured', 1, { 'retention.ms': '1' }))
      await create(leader, topic('altered', 1, { 'retention.ms': '1' }))
      await configure(leader, 'log.retention.ms', '5')
    })()
    await quorum.resolve(before, 'first topics')
    await quorum.until(() => behind.node.image.offset === leader.node.image.offset, 'first image')
    const deltas: MetadataDelta[] = []
    const loads: number[] = []
    behind.node.onChange((delta, image) => {
      deltas.push(delta)
      loads.push(image.offset - delta.before.offset)
      expect(image).toBe(behind.node.image)
    })
    quorum.cutOff(behind)
    const meanwhile = (async () => {
      await remove(leader, 'gone', 'remade', 'configured')
      await create(leader, topic('remade'), topic('new'), topic('configured'))
      await leader.node.submit({
        type: 'createPartitions',
        topics: [{ name: 'grown', count: 2, assignments: null }],
        validateOnly: false,
      })
      await leader.node.submit({
        type: 'incrementalAlterConfigs',
        resources: [
          { resourceType: 2, resourceName: 'altered', configs: [set('retention.ms', '2')] },
        ],
        validateOnly: false,
      })
      await configure(leader, 'log.retention.ms', null)
      for (let count = 0; count < 30; count++) await create(leader, topic(`later-${count}`))
    })()
    await quorum.resolve(meanwhile, 'changes meanwhile')
    quorum.heal()
    const same = () => behind.node.image.offset >= leader.node.image.offset
    await quorum.until(() => same() && behind.node.image.topics.byName.has('later-29'), 'image')
    // More than one batch had come at once, so it was a snapshot.
    expect(loads[0]).toBeGreaterThan(10)
    const [first] = deltas
    const names = (topics: readonly { name: string }[]) =>
      topics.map(({ name }) => name).filter((name) => !name.startsWith('later'))
    expect(names(first!.deletedTopics).sort()).toEqual(['configured', 'gone', 'remade'])
    expect(names(first!.createdTopics).sort()).toEqual(['configured', 'new', 'remade'])
    expect(names(first!.changedTopics)).toEqual(['grown'])
    const configs = first!.changedConfigs.map(
      ({ resourceType, resourceName }) => `${resourceType} ${resourceName}`,
    )
    expect(configs.sort()).toEqual(['2 altered', '2 configured', '4 '])
    expect([first!.brokersChanged, first!.featuresChanged, first!.othersChanged]).toEqual([
      false,
      false,
      false,
    ])
    expect(contents(behind)).toEqual(contents(leader))
    // It says the same of itself in a snapshot of its own.
    expect([...encodedImage(behind.node.image)]).toHaveLength(
      [...encodedImage(leader.node.image)].length,
    )
    expect(quorum.nodes.flatMap(({ failures }) => failures)).toEqual([])
  })
})

describe('a node that comes to its quorum', () => {
  test('has caught up when its image has all that was committed before', async () => {
    const quorum = await SimulatedQuorum.start(3, {}, 1)
    const leader = await quorum.controller()
    await quorum.resolve(configure(leader, 'log.retention.ms', '5'), 'change')
    const { offset } = leader.node.image
    const late = await quorum.startNode(3)
    expect(late.node.image.offset).toBe(-1)
    await quorum.resolve(late.node.whenCaughtUp(), 'image')
    expect(late.node.image.offset).toBeGreaterThanOrEqual(offset)
    expect(contents(late)).toEqual(contents(leader))
    // Who asks later need not wait.
    await quorum.resolve(late.node.whenCaughtUp(), 'image')
  })
})
