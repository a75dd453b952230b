import { DescribeLogDirs } from '../../protocol/messages/describe-log-dirs.ts'
import { TestNode, batch } from './test-node.ts'

async function append(node: TestNode, topic: string, records: Buffer): Promise<void> {
  const partition = node.replicas.find(topic, 0)
  if (typeof partition === 'string') throw new Error(partition)
  await new Promise((resolve) => partition.append(records, 1, 'client', 1000, resolve))
}

describe('DescribeLogDirs', () => {
  test('tells the size of each partition and of the volume', async () => {
    const node = new TestNode()
    node.disk.capacityBytes = 1_000_000
    await node.addTopic('a', { partitions: [{}, {}] })
    const records = batch(['x'])
    await append(node, 'a', records)
    const { errorCode, results } = await node.ask(DescribeLogDirs, 5, { topics: null })
    expect(errorCode).toBe('NONE')
    expect(results).toEqual([
      {
        errorCode: 'NONE',
        logDir: '/data',
        topics: [
          {
            name: 'a',
            partitions: [
              {
                partitionIndex: 0,
                partitionSize: records.length,
                offsetLag: 0,
                isFutureKey: false,
              },
              { partitionIndex: 1, partitionSize: 0, offsetLag: 0, isFutureKey: false },
            ],
          },
        ],
        totalBytes: 1_000_000,
        usableBytes: 1_000_000 - node.disk.usedBytes,
        isCordoned: false,
      },
    ])
  })

  test('tells only the partitions that were asked for', async () => {
    const node = new TestNode()
    await node.addTopic('a', { partitions: [{}, {}] })
    await node.addTopic('b')
    const { results } = await node.ask(DescribeLogDirs, 1, {
      topics: [
        { topic: 'a', partitions: [1, 7] },
        { topic: 'nope', partitions: [0] },
      ],
    })
    expect(results).toMatchObject([
      { logDir: '/data', topics: [{ name: 'a', partitions: [{ partitionIndex: 1 }] }] },
    ])
    const none = await node.ask(DescribeLogDirs, 4, { topics: [] })
    expect(none.results).toMatchObject([{ logDir: '/data', topics: [] }])
  })

  test('tells each directory, and which of them can not be used', async () => {
    const node = new TestNode({ 'log.dirs': '/one,/two' })
    await node.addTopic('a', { partitions: [{}, {}] })
    node.logs.directories[0]!.fail('be tested', new Error('EIO'))
    const { results } = await node.ask(DescribeLogDirs, 5, { topics: null })
    expect(results).toMatchObject([
      { logDir: '/one', errorCode: 'KAFKA_STORAGE_ERROR', topics: [], totalBytes: -1 },
      { logDir: '/two', errorCode: 'NONE', topics: [{ name: 'a' }] },
    ])
  })

  test('tells which directories are cordoned, once all brokers of the cluster know of such', async () => {
    const node = new TestNode({ 'log.dirs': '/one,/two' })
    const cordoned = async (): Promise<boolean[]> => {
      const { results } = await node.ask(DescribeLogDirs, 5, { topics: null })
      return results.map(({ isCordoned }) => isCordoned)
    }
    const level = (name: string, level: number) => {
      const finalized = [{ name, minVersionLevel: level, maxVersionLevel: level }]
      node.features = { ...node.features, finalized }
    }
    expect(node.logs.cordon(['/two', '/elsewhere'])).toBe(true)
    level('metadata.version', 29)
    expect(await cordoned()).toEqual([false, false])
    level('metadata.version', 30)
    expect(await cordoned()).toEqual([false, true])
    expect(node.logs.cordon(['/two'])).toBe(false)
    // Where no other is left, a partition is made in one that is cordoned.
    node.logs.directories[0]!.fail('be tested', new Error('EIO'))
    await node.addTopic('a')
    expect(node.logs.get('a', 0)!.directoryPath).toBe('/two')
  })
})
