import { encodeMetadataRecord } from '../../protocol/state/metadata-records.ts'
import { topicFact } from '../../src/metadata/facts.ts'
import { MetadataLoader } from '../../src/metadata/loader.ts'
import type { MetadataDelta } from '../../src/metadata/image.ts'
import { encodedImage, imageRecords } from '../../src/metadata/snapshot-records.ts'
import type { QuorumNode } from './simulated-quorum.ts'
import { SimulatedQuorum } from './simulated-quorum.ts'
import { BROKER, serveAs, set, topic } from './support.ts'

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

describe('an image that comes as a snapshot in mid-life', () => {
  test('counts at once, whatever comes after it', () => {
    const loader = new MetadataLoader()
    loader.caughtUp()
    const told: string[] = []
    loader.onChange(({ createdTopics, deletedTopics }) => {
      for (const { name } of createdTopics) told.push(`new ${name}`)
      for (const { name } of deletedTopics) told.push(`gone ${name}`)
    })
    const load = (offset: number, name: string): void =>
      loader.loadSnapshot(
        { offset, epoch: 1 },
        {
          control: [],
          records: [encodeMetadataRecord(topicFact(name, `${name.padEnd(21, 'x')}Q`))],
          timestampMs: 0,
        },
      )
    load(10, 'a')
    expect([loader.image.offset, told]).toEqual([9, ['new a']])
    load(20, 'b')
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
