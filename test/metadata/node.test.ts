import {
  copyFileSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import {
  batchAttributes,
  isControl,
  readBatches,
  readRecords,
} from '../../protocol/records/batch.ts'
import type { MetadataRecord } from '../../protocol/state/metadata-records.ts'
import { decodeMetadataRecord } from '../../protocol/state/metadata-records.ts'
import { BrokerConfig } from '../../src/config/broker-config.ts'
import { nodeCodecs } from '../../src/host/codecs.ts'
import { nodeHost } from '../../src/host/node.ts'
import { LogManager } from '../../src/log/manager.ts'
import { beginFact, featureFact } from '../../src/metadata/facts.ts'
import { configOf } from '../../src/metadata/image.ts'
import type { MetadataImage } from '../../src/metadata/image.ts'
import { MetadataNode } from '../../src/metadata/node.ts'
import { imageRecords } from '../../src/metadata/snapshot-records.ts'
import { listSnapshots, readSnapshot } from '../../src/quorum/snapshot.ts'
import { appendRaw } from './raw-append.ts'
import type { TestNode } from './support.ts'
import { removeDirectory, set, startNode, topic } from './support.ts'

const quiet = (): ReturnType<typeof nodeHost> => nodeHost({ log: { level: 'silent' } })
const started: TestNode[] = []
async function start(path?: string, settings?: Record<string, string>): Promise<TestNode> {
  const node = await startNode(path, settings)
  started.push(node)
  return node
}

afterEach(async () => {
  for (const node of started.splice(0)) {
    await node.close()
    removeDirectory(node.path)
  }
})

const create = (node: TestNode, ...names: string[]) =>
  node.node.submit({
    type: 'createTopics',
    topics: names.map((name) => topic(name)),
    validateOnly: false,
  })
/** All that an image says, in no particular order. */
const contents = (image: MetadataImage): string[] =>
  [...imageRecords(image)].map((record) => JSON.stringify(record)).sort()
const logFile = (path: string) => `${path}/__cluster_metadata-0/${'0'.repeat(20)}.log`
const checkpoints = (path: string) =>
  readdirSync(`${path}/__cluster_metadata-0`).filter((name) => name.includes('.checkpoint'))

const latestOffset = ({ path }: TestNode): number =>
  listSnapshots(nodeHost(), `${path}/__cluster_metadata-0`).at(-1)!.offset

async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 150_000
  while (!condition()) {
    if (Date.now() > deadline) throw new Error('Nothing came of it')
    await new Promise((resolve) => setImmediate(resolve))
  }
}

/** None is being written. The node takes note of that a moment after the file has its name. */
async function snapshotWritten({ path }: TestNode): Promise<void> {
  await until(() => checkpoints(path).every((name) => !name.endsWith('.part')))
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve))
}

/** The records of the log, control records aside. */
function* recordsOf(path: string): IterableIterator<MetadataRecord> {
  for (const batch of readBatches(readFileSync(logFile(path)))) {
    if (isControl(batchAttributes(batch, 0))) continue
    for (const { value } of readRecords(batch, nodeCodecs())) yield decodeMetadataRecord(value!)
  }
}

/** The versions in which brokers were registered, in the order of the log. */
const registrationVersions = (path: string): number[] =>
  [...recordsOf(path)]
    .filter(({ type }) => type === 'RegisterBrokerRecord')
    .map(({ version }) => version)

describe('the metadata node', () => {
  test('formats an empty directory as kafka-storage does, and leads when it is open', async () => {
    const { node, identity, path } = await start()
    expect([identity.formatted, node.image.features.get('metadata.version')]).toEqual([true, 33])
    expect(readFileSync(`${path}/meta.properties`, 'utf8')).toContain(
      `directory.id=${identity.directoryId}`,
    )
    expect(checkpoints(path)).toEqual([`${'0'.repeat(20)}-${'0'.repeat(10)}.checkpoint`])
    expect(node.describeQuorum()).toMatchObject({ leaderId: 1, leaderEpoch: 1 })
    const [name] = checkpoints(path)
    const bootstrap = readSnapshot(nodeHost(), `${path}/__cluster_metadata-0/${name}`, nodeCodecs())
    expect(bootstrap.records.map((record) => decodeMetadataRecord(record).value)).toEqual([
      { name: 'metadata.version', featureLevel: 33 },
      { name: 'eligible.leader.replicas.version', featureLevel: 1 },
      { name: 'transaction.version', featureLevel: 2 },
    ])
    expect(readdirSync(path)).not.toContain('bootstrap.checkpoint')
    // [KIP-1170] What the cluster begins with is in its log, too.
    const first = [...recordsOf(path)]
    expect(first.map(({ type }) => type)).toEqual([
      'BeginTransactionRecord',
      'FeatureLevelRecord',
      'FeatureLevelRecord',
      'FeatureLevelRecord',
      'ConfigRecord',
      'EndTransactionRecord',
    ])
    // [KIP-966] Who is eligible to lead is judged by what stands in the metadata.
    const minimum = { resourceType: 4, resourceName: '', name: 'min.insync.replicas', value: '1' }
    expect(first.at(-2)!.value).toEqual(minimum)
  })

  test('tells of a change after its commit and before its reply', async () => {
    const test = await start()
    await test.register()
    const seen: string[] = []
    test.node.onChange((delta, image) => {
      for (const { name } of delta.createdTopics) {
        seen.push(`${name} ${image === test.node.image && image.topics.byName.has(name)}`)
      }
    })
    const [created] = await create(test, 'orders')
    seen.push('replied')
    expect(created).toMatchObject({ errorCode: 'NONE', numPartitions: 1, replicationFactor: 1 })
    expect(seen).toEqual(['orders true', 'replied'])
  })

  test('finds everything again after a restart, and its partitions in a new epoch', async () => {
    const first = await start()
    const epoch = await first.register()
    await create(first, 'orders', 'gone')
    const { topicId } = (await create(first, 'other'))[0]!
    await first.node.submit({ type: 'deleteTopics', topics: [{ name: 'gone', topicId: ZERO }] })
    await first.node.submit({
      type: 'incrementalAlterConfigs',
      validateOnly: false,
      resources: [
        { resourceType: 2, resourceName: 'orders', configs: [set('retention.ms', '1000')] },
        { resourceType: 4, resourceName: '', configs: [set('log.retention.ms', '7')] },
      ],
    })
    await first.node.submit({ type: 'allocateProducerIds', brokerId: 1, brokerEpoch: epoch })
    await first.close()

    const second = await start(first.path)
    expect(second.identity).toEqual({ ...first.identity, formatted: false })
    expect(contents(second.node.image)).toEqual(contents(first.node.image))
    expect([...configOf(second.node.image, 2, 'orders')]).toEqual([['retention.ms', '1000']])
    expect(second.node.image.topics.byId.get(topicId)?.name).toBe('other')
    expect(await second.register()).toBeGreaterThan(epoch)
    const led = second.node.image.topics.byName.get('orders')!.partitions[0]!
    // It lost its leader with the former life, and has one again.
    expect([led.leader, led.leaderEpoch, led.partitionEpoch]).toEqual([1, 2, 2])
    expect(second.node.describeQuorum().leaderEpoch).toBe(2)
  })

  test('after a kill keeps what was answered, and cuts what was half written', async () => {
    const first = await start()
    await first.register()
    await create(first, 'kept')
    first.crash()
    const bytes = readFileSync(logFile(first.path))
    writeFileSync(logFile(first.path), Buffer.concat([bytes, bytes.subarray(-100, -20)]))
    const second = await start(first.path)
    expect([...second.node.image.topics.byName.keys()]).toEqual(['kept'])
    await second.register()
    expect(await create(second, 'more')).toMatchObject([{ errorCode: 'NONE' }])
  })

  test('writes snapshots, starts from the latest, and ignores unfinished ones', async () => {
    const settings = { 'metadata.log.max.record.bytes.between.snapshots': '2000' }
    const first = await start(undefined, settings)
    const epoch = await first.register()
    for (let count = 0; count < 30; count++) await create(first, `topic-${count}`)
    await first.node.submit({ type: 'allocateProducerIds', brokerId: 1, brokerEpoch: epoch })
    const before = contents(first.node.image)
    await first.close()
    const names = checkpoints(first.path).sort()
    expect(names.length).toBeGreaterThan(1)
    const directory = `${first.path}/__cluster_metadata-0`
    copyFileSync(`${directory}/${names.at(-1)!}`, `${directory}/9-9-x.checkpoint.part`)

    const second = await start(first.path, settings)
    expect(contents(second.node.image)).toEqual(before)
    expect(checkpoints(first.path)).not.toContain('9-9-x.checkpoint.part')
    await second.register()
    expect(await create(second, 'more')).toMatchObject([{ errorCode: 'NONE' }])
  })

  test('ends a snapshot behind its last record, one that takes something away included', async () => {
    const settings = { 'metadata.log.max.record.bytes.between.snapshots': '1' }
    const first = await start(undefined, settings)
    await first.register()
    await create(first, 'gone')
    await snapshotWritten(first)
    await first.node.submit({ type: 'deleteTopics', topics: [{ name: 'gone', topicId: ZERO }] })
    const { highWatermark } = first.node.describeQuorum()
    await snapshotWritten(first)
    expect(latestOffset(first)).toBe(highWatermark)
    await first.close()
    const second = await start(first.path, settings)
    expect(second.node.image.topics.byName.size).toBe(0)
    await second.register()
    expect(await create(second, 'gone')).toMatchObject([{ errorCode: 'NONE' }])
  })

  test('writes a snapshot when so much has changed since the last one, and no sooner', async () => {
    const settings = { 'metadata.log.max.record.bytes.between.snapshots': '2000' }
    const first = await start(undefined, settings)
    await first.register()
    const before = statSync(logFile(first.path)).size
    for (let count = 0; count < 60; count++) await create(first, `topic-${count}`)
    await first.close()
    const grown = statSync(logFile(first.path)).size - before
    const snapshots = checkpoints(first.path).length - 1
    expect(snapshots).toBeGreaterThan(1)
    expect(snapshots).toBeLessThanOrEqual(grown / 2000 + 1)
  })

  test('a stop waits for the snapshot that is being written', async () => {
    const settings = { 'metadata.log.max.record.bytes.between.snapshots': '1' }
    const first = await start(undefined, settings)
    await first.register()
    for (let count = 0; count < 5; count++) await create(first, `topic-${count}`)
    await first.node.close()
    expect(checkpoints(first.path).filter((name) => name.endsWith('.part'))).toEqual([])
  })

  test.each(['the log', 'a snapshot'])(
    'finds the level that a feature was raised to again in %s, and writes what it needs from then on',
    async (source) => {
      const fresh = await start()
      await fresh.close()
      await appendRaw(quiet(), fresh.path, () => [featureFact('metadata.version', 29)])
      const every = { 'metadata.log.max.record.bytes.between.snapshots': '1' }
      const settings = source === 'the log' ? {} : every
      const first = await start(fresh.path, settings)
      await first.register()
      await snapshotWritten(first)
      const level = ({ node }: TestNode) => node.image.features.get('metadata.version')
      const update = { feature: 'metadata.version', maxVersionLevel: 33, upgradeType: 1 }
      const reply = await first.node.submit({
        type: 'updateFeatures',
        featureUpdates: [update],
        validateOnly: false,
      })
      expect([reply.errorCode, level(first)]).toEqual(['NONE', 33])
      const { highWatermark } = first.node.describeQuorum()
      await snapshotWritten(first)
      expect(latestOffset(first) === highWatermark).toBe(source === 'a snapshot')
      await first.close()
      const second = await start(first.path, settings)
      expect(level(second)).toBe(33)
      await second.register()
      expect(registrationVersions(second.path)).toEqual([3, 4])
    },
  )

  test('ends a transaction that broke off, and what comes after it counts', async () => {
    const first = await start()
    await first.register()
    await first.close()
    const made = {
      type: 'TopicRecord',
      value: { name: 'half', topicId: 'h'.repeat(21) + 'Q' },
    } as const
    await appendRaw(quiet(), first.path, () => [beginFact('broken off'), made])
    const second = await start(first.path)
    await second.register()
    expect(await create(second, 'whole')).toMatchObject([{ errorCode: 'NONE' }])
    expect([...second.node.image.topics.byName.keys()]).toEqual(['whole'])
    await second.close()
    const third = await start(first.path)
    expect([...third.node.image.topics.byName.keys()]).toEqual(['whole'])
  })

  test('keeps no more snapshots than it may, and the log from the oldest on', async () => {
    const settings = {
      'metadata.log.max.record.bytes.between.snapshots': '2000',
      'metadata.max.retention.bytes': '1',
    }
    const first = await start(undefined, settings)
    await first.register()
    for (let count = 0; count < 40; count++) await create(first, `topic-${count}`)
    const before = contents(first.node.image)
    await first.close()
    expect(checkpoints(first.path).length).toBe(1)
    expect(checkpoints(first.path)[0]).not.toMatch(/^0+-/)
    const second = await start(first.path, settings)
    expect(contents(second.node.image)).toEqual(before)
  })

  test('a start keeps what it knows of epochs from the oldest snapshot on, not from the latest', async () => {
    const settings = { 'metadata.log.max.record.bytes.between.snapshots': '2000' }
    const first = await start(undefined, settings)
    await first.register()
    for (let count = 0; count < 20; count++) await create(first, `topic-${count}`)
    await first.close()
    const snapshots = listSnapshots(nodeHost(), `${first.path}/__cluster_metadata-0`)
    expect(snapshots.at(-1)!.offset).toBeGreaterThan(snapshots[0]!.offset)
    const epochs = () =>
      readFileSync(`${first.path}/__cluster_metadata-0/leader-epoch-checkpoint`, 'utf8')
    const known = epochs().trim().split('\n').slice(2)
    const second = await start(first.path, settings)
    await second.register()
    await second.close()
    expect(
      epochs()
        .trim()
        .split('\n')
        .slice(2, 2 + known.length),
    ).toEqual(known)
  })

  test('refuses a damaged snapshot instead of starting with half of the metadata', async () => {
    const settings = { 'metadata.log.max.record.bytes.between.snapshots': '500' }
    const first = await start(undefined, settings)
    await first.register()
    await create(first, 'a', 'b', 'c')
    await first.close()
    const latest = checkpoints(first.path).sort().at(-1)!
    truncateSync(`${first.path}/__cluster_metadata-0/${latest}`, 300)
    await expect(startNode(first.path, settings)).rejects.toMatchObject({ code: 'ERR_SNAPSHOT' })
  })

  test('answers nothing that the disk does not keep, and says that it failed', async () => {
    const test = await start()
    await test.register()
    test.breakDisk()
    await expect(create(test, 'lost')).rejects.toMatchObject({ code: 'ERR_SHARD_LOST' })
    expect(test.failures.length).toBeGreaterThan(0)
    expect([test.node.isController, test.node.image.topics.byName.size]).toEqual([false, 0])
    await expect(create(test, 'later')).rejects.toMatchObject({ code: 'ERR_SHARD_LOST' })
  })

  test('stops when a committed change cannot be taken in, rather than go on with another image', async () => {
    const test = await start()
    await test.register()
    test.node.onChange(() => {
      throw new Error('a bug')
    })
    await expect(create(test, 'orders')).rejects.toMatchObject({ code: 'ERR_SHARD_LOST' })
    expect(test.failures.map(({ message }) => message)).toEqual(['a bug'])
  })

  test('that is closed while it opens leads nothing any more when it is open', async () => {
    const { path, identity, close } = await startNode()
    await close()
    const parts = { host: quiet(), codecs: nodeCodecs() }
    const failures: Error[] = []
    const logs = LogManager.open({
      ...parts,
      directories: [path],
      onDirectoryFailed: (_directory, error) => void failures.push(error),
    })
    const node = new MetadataNode({
      ...parts,
      logs,
      directory: logs.directories[0]!,
      identity,
      config: new BrokerConfig({ settings: { 'node.id': 1, 'log.dirs': path } }),
      incarnationId: identity.directoryId,
      onFailed: (error) => void failures.push(error),
    })
    const opening = node.open()
    await node.close()
    await opening
    expect([node.quorum!.isLeader, node.isController, failures]).toEqual([false, false, []])
    await logs.close()
    removeDirectory(path)
  })

  test('does not take the directory of another node or cluster', async () => {
    const first = await start()
    await first.close()
    const meta = `${first.path}/meta.properties`
    const content = readFileSync(meta, 'utf8')
    for (const [from, to, message] of [
      ['node.id=1', 'node.id=2', /belongs to node 2/],
      [/cluster\.id=.*/, 'cluster.id=another', /belongs to the cluster another/],
    ] as const) {
      writeFileSync(meta, content.replace(from, to))
      await expect(startNode(first.path)).rejects.toThrow(message)
    }
  })
})

const ZERO = 'A'.repeat(22)
