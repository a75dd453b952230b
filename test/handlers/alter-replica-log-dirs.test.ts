import { AlterReplicaLogDirs } from '../../protocol/messages/alter-replica-log-dirs.ts'
import { DescribeLogDirs } from '../../protocol/messages/describe-log-dirs.ts'
import { Fetch } from '../../protocol/messages/fetch.ts'
import { Produce } from '../../protocol/messages/produce.ts'
import { readBatches, readRecords } from '../../protocol/records/batch.ts'
import { nodeCodecs } from '../../src/host/codecs.ts'
import type { Log } from '../../src/log/log.ts'
import { TestNode, batch } from './test-node.ts'

const codecs = nodeCodecs()

function newNode(): TestNode {
  return new TestNode({ 'log.dirs': '/one,/two,/three' })
}

async function produce(node: TestNode, value: string, topic = 'a'): Promise<string> {
  const topicData = [{ name: topic, partitionData: [{ index: 0, records: batch([value]) }] }]
  const { responses } = await node.ask(Produce, 9, { acks: -1, timeoutMs: 1000, topicData })
  return responses[0]!.partitionResponses[0]!.errorCode
}

async function alter(node: TestNode, path: string, topic = 'a', partition = 0): Promise<string> {
  const dirs = [{ path, topics: [{ name: topic, partitions: [partition] }] }]
  const { results } = await node.ask(AlterReplicaLogDirs, 2, { dirs })
  expect(results).toMatchObject([{ topicName: topic, partitions: [{ partitionIndex: partition }] }])
  return results[0]!.partitions[0]!.errorCode
}

/** What a consumer reads from an offset on. */
async function consume(node: TestNode, from = 0): Promise<string[]> {
  const values: string[] = []
  for (;;) {
    const fetchOffset = from + values.length
    const partitions = [{ partition: 0, fetchOffset, partitionMaxBytes: 1_000_000 }]
    const request = { maxWaitMs: 0, minBytes: 0, topics: [{ topic: 'a', partitions }] }
    const { responses } = await node.ask(Fetch, 11, request)
    const { errorCode, records } = responses[0]!.partitions[0]!
    expect(errorCode).toBe('NONE')
    if (records === null || records.length === 0) return values
    for (const each of readBatches(Buffer.from(records))) {
      for (const { value } of readRecords(each, codecs)) values.push(value!.toString())
    }
  }
}

function logOf(node: TestNode): Log {
  return node.logs.get('a', 0)!
}

async function until(isTrue: () => boolean): Promise<void> {
  const deadline = performance.now() + 150_000
  while (!isTrue()) {
    if (performance.now() > deadline) throw new Error('It did not happen')
    await new Promise((resolve) => setImmediate(resolve))
  }
}

const moved = (node: TestNode, path: string) => until(() => logOf(node).directoryPath === path)

describe('AlterReplicaLogDirs', () => {
  test('moves a replica with all of its records, while others are written and read', async () => {
    const node = newNode()
    await node.addTopic('a', { configs: { 'segment.bytes': '1048576' } })
    const values = Array.from({ length: 120 }, (_, index) => `${index}`.padEnd(11_000))
    for (const value of values.slice(0, 100)) expect(await produce(node, value)).toBe('NONE')
    const before = logOf(node)
    expect(before.segmentCount).toBeGreaterThan(1)
    expect(before.directoryPath).toBe('/one')
    expect(await alter(node, '/two')).toBe('NONE')
    for (const value of values.slice(100)) {
      expect(await produce(node, value)).toBe('NONE')
      expect(await consume(node, values.indexOf(value))).toEqual([value])
    }
    await moved(node, '/two')
    expect(await consume(node)).toEqual(values)
    expect(logOf(node)).toMatchObject({
      path: '/two/a-0',
      highWatermark: 120,
      latestEpoch: before.latestEpoch,
      topicId: before.topicId,
    })
    expect(await produce(node, 'after')).toBe('NONE')
    expect(await consume(node)).toEqual([...values, 'after'])
    await until(() => node.disk.list('/one').some((name) => name.endsWith('-delete')))
    expect(node.disk.list('/one')).not.toContain('a-0')
    expect(node.places).toEqual([node.logs.directories[1]!.id])
  })

  test('DescribeLogDirs tells of a copy that is on its way, and how far it is behind', async () => {
    const node = newNode()
    await node.addTopic('a')
    for (let number = 0; number < 5; number++) await produce(node, String(number))
    node.bytesPerSecond = 0
    expect(await alter(node, '/two')).toBe('NONE')
    const describe = async () => {
      const { results } = await node.ask(DescribeLogDirs, 4, { topics: null })
      return results.map(({ topics }) => topics[0]?.partitions[0])
    }
    expect(await describe()).toMatchObject([
      { offsetLag: 0, isFutureKey: false },
      { offsetLag: 5, isFutureKey: true, partitionSize: 0 },
      undefined,
    ])
    node.bytesPerSecond = Infinity
    node.moves.onSettingsChanged()
    await moved(node, '/two')
    const after = await describe()
    expect(after[0]).toBeUndefined()
    expect(after[1]).toMatchObject({ offsetLag: 0, isFutureKey: false })
  })

  test('refuses what Kafka refuses', async () => {
    const node = newNode()
    await node.addTopic('a')
    expect(await alter(node, '/nowhere')).toBe('LOG_DIR_NOT_FOUND')
    expect(await alter(node, '/two', 'nobody')).toBe('UNKNOWN_TOPIC_OR_PARTITION')
    await node.addTopic('elsewhere', { partitions: [{ replicas: [2], leader: 2, isr: [2] }] })
    expect(await alter(node, '/two', 'elsewhere')).toBe('REPLICA_NOT_AVAILABLE')
    expect(await alter(node, '/two', 'x'.repeat(214))).toBe('INVALID_TOPIC_EXCEPTION')
    expect(await alter(node, '/two', 'x'.repeat(213))).toBe('UNKNOWN_TOPIC_OR_PARTITION')
    node.logs.directories[2]!.fail('be tested', new Error('EIO'))
    expect(await alter(node, '/three')).toBe('KAFKA_STORAGE_ERROR')
    // It may have a copy of it.
    expect(await alter(node, '/two')).toBe('KAFKA_STORAGE_ERROR')
    expect(await alter(node, '/one')).toBe('NONE')
    node.logs.directories[0]!.fail('be tested', new Error('EIO'))
    node.replicas.takeOffline('/one')
    expect(await alter(node, '/two')).toBe('KAFKA_STORAGE_ERROR')
  })

  test('a replica that is there already stays; one on its way there goes on', async () => {
    const node = newNode()
    await node.addTopic('a')
    expect(await alter(node, '/one')).toBe('NONE')
    expect(node.logs.future('a', 0)).toBeUndefined()
    node.bytesPerSecond = 0
    expect(await alter(node, '/two')).toBe('NONE')
    const copy = node.logs.future('a', 0)
    expect(await alter(node, '/two')).toBe('NONE')
    expect(node.logs.future('a', 0)).toBe(copy)
  })

  test('another directory takes the place of the one it was on its way to; its own ends the move', async () => {
    const node = newNode()
    await node.addTopic('a')
    await produce(node, 'x')
    node.bytesPerSecond = 0
    expect(await alter(node, '/two')).toBe('NONE')
    expect(await alter(node, '/three')).toBe('NONE')
    expect(node.logs.future('a', 0)!.directoryPath).toBe('/three')
    expect(node.disk.list('/two').filter((name) => name.startsWith('a-0'))).toEqual([
      expect.stringMatching(/-delete$/),
    ])
    expect(await alter(node, '/one')).toBe('NONE')
    expect(node.logs.future('a', 0)).toBeUndefined()
    node.bytesPerSecond = Infinity
    node.moves.onSettingsChanged()
    await new Promise((resolve) => setImmediate(resolve))
    expect(logOf(node).directoryPath).toBe('/one')
    expect(await consume(node)).toEqual(['x'])
  })

  test('two who ask at the same time are served one after the other', async () => {
    const node = newNode()
    await node.addTopic('a')
    node.bytesPerSecond = 0
    expect(await Promise.all([alter(node, '/two'), alter(node, '/three')])).toEqual([
      'NONE',
      'NONE',
    ])
    expect(node.logs.future('a', 0)!.directoryPath).toBe('/three')
  })

  test('a topic that is deleted takes its copy with it', async () => {
    const node = newNode()
    await node.addTopic('a')
    await produce(node, 'x')
    node.bytesPerSecond = 0
    node.replicas.onRemoved((topic, topicId) => node.moves.forget(topic, topicId))
    expect(await alter(node, '/two')).toBe('NONE')
    await node.replicas.apply({ changed: [], deleted: [node.image.topics.byName.get('a')!] })
    for (const path of ['/one', '/two']) {
      const left = node.disk.list(path).filter((name) => name.startsWith('a-0'))
      expect(left).toEqual([expect.stringMatching(/-delete$/)])
    }
  })

  test('a partition that is yet to be made is made where it was asked for', async () => {
    const node = newNode()
    expect(await alter(node, '/three', 'later')).toBe('UNKNOWN_TOPIC_OR_PARTITION')
    await node.addTopic('later')
    expect(node.logs.get('later', 0)!.directoryPath).toBe('/three')
  })

  test('a directory that fails while a replica is copied to it leaves the replica where it is', async () => {
    const node = newNode()
    await node.addTopic('a')
    await produce(node, 'x')
    node.bytesPerSecond = 0
    expect(await alter(node, '/two')).toBe('NONE')
    node.logs.directories[1]!.fail('be tested', new Error('EIO'))
    node.moves.onDirectoryFailed('/two')
    node.bytesPerSecond = Infinity
    node.moves.onSettingsChanged()
    expect(await produce(node, 'y')).toBe('NONE')
    expect(await consume(node)).toEqual(['x', 'y'])
    expect(logOf(node).directoryPath).toBe('/one')
    // The cluster may have learnt of the move.
    expect(node.places.at(-1)).toBe(node.logs.directories[0]!.id)
  })
})
