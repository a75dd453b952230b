import { DescribeTopicPartitions } from '../../protocol/messages/describe-topic-partitions.ts'
import { TestNode } from './test-node.ts'

interface Cursor {
  topicName: string
  partitionIndex: number
}

/** Topics `a` and `b` of two partitions each. */
async function node(settings: Readonly<Record<string, string>> = {}): Promise<TestNode> {
  const made = new TestNode(settings)
  for (const name of ['b', 'a']) await made.addTopic(name, { partitions: [{}, {}] })
  return made
}

async function page(served: TestNode, limit: number, cursor: Cursor | null, ...names: string[]) {
  const { topics, nextCursor } = await served.ask(DescribeTopicPartitions, 0, {
    topics: names.map((name) => ({ name })),
    responsePartitionLimit: limit,
    cursor,
  })
  const found = topics.flatMap(({ name, errorCode, partitions }) =>
    errorCode === 'NONE'
      ? partitions.map(({ partitionIndex }) => `${name}-${partitionIndex}`)
      : [`${name} ${errorCode}`],
  )
  return { found, nextCursor }
}

describe('DescribeTopicPartitions', () => {
  test('tells topics by name, page by page', async () => {
    const served = await node()
    const first = await page(served, 3, null)
    expect(first).toEqual({
      found: ['a-0', 'a-1', 'b-0'],
      nextCursor: { topicName: 'b', partitionIndex: 1 },
    })
    expect(await page(served, 3, first.nextCursor)).toEqual({ found: ['b-1'], nextCursor: null })
  })

  test('tells every topic once, however many there are and however short the pages', async () => {
    const served = new TestNode()
    const names = Array.from({ length: 40 }, (_, index) => `t${(index * 17) % 40}`)
    for (const name of names) await served.addTopic(name)
    const found: string[] = []
    let cursor: Cursor | null = null
    do {
      const next = await page(served, 3, cursor)
      found.push(...next.found)
      cursor = next.nextCursor
    } while (cursor !== null)
    expect(found).toEqual(names.map((name) => `${name}-0`).sort())
  })

  test('a page may end with a topic', async () => {
    expect(await page(await node(), 2, null)).toEqual({
      found: ['a-0', 'a-1'],
      nextCursor: { topicName: 'b', partitionIndex: 0 },
    })
  })

  test('goes on from a cursor whose topic is gone', async () => {
    const cursor = { topicName: 'aa', partitionIndex: 1 }
    expect(await page(await node(), 10, cursor)).toEqual({
      found: ['b-0', 'b-1'],
      nextCursor: null,
    })
  })

  test('tells the topics that were asked for, those that there are not among them', async () => {
    expect(await page(await node(), 10, null, 'nope', 'b', 'b')).toEqual({
      found: ['b-0', 'b-1', 'nope UNKNOWN_TOPIC_OR_PARTITION'],
      nextCursor: null,
    })
  })

  test('gives at least one partition, and no more than the broker allows', async () => {
    expect((await page(await node(), 0, null)).found).toEqual(['a-0'])
    const limited = await node({ 'max.request.partition.size.limit': '1' })
    expect((await page(limited, 100, null)).found).toEqual(['a-0'])
  })

  test('refuses a cursor before the first partition', async () => {
    const cursor = { topicName: 'a', partitionIndex: -1 }
    expect((await page(await node(), 10, cursor, 'a')).found).toEqual(['a INVALID_REQUEST'])
    expect((await page(await node(), 10, cursor)).found).toEqual([])
  })

  test.each([
    ['that are named', ['a'], [2]],
    ['of all topics', [], [1, 2, 3]],
  ])('leaders %s are heard of before they are told', async (_which, names, askedOf) => {
    const served = new TestNode()
    for (const id of [2, 3]) served.addBroker({ id })
    await served.addTopic('a', { partitions: [{ leader: 2, replicas: [2], isr: [2] }] })
    const heard: (readonly number[])[] = []
    served.hear = async (brokerIds) => {
      heard.push(brokerIds)
      await Promise.resolve()
      served.inDoubt.add(2)
    }
    const { topics } = await served.ask(DescribeTopicPartitions, 0, {
      topics: names.map((name) => ({ name })),
      responsePartitionLimit: 10,
      cursor: null,
    })
    expect(topics[0]!.partitions).toMatchObject([{ leaderId: -1 }])
    expect(heard).toEqual([askedOf])
  })

  test('a partition without a leader, or whose leader may have ended, has LEADER_NOT_AVAILABLE', async () => {
    const served = new TestNode()
    served.addBroker({ id: 2 })
    served.inDoubt.add(2)
    const led = { leader: 2, replicas: [2], isr: [2] }
    await served.addTopic('a', { partitions: [{ leader: -1, isr: [] }, led] })
    const { topics } = await served.ask(DescribeTopicPartitions, 0, {
      topics: [],
      responsePartitionLimit: 10,
      cursor: null,
    })
    expect(topics[0]!.partitions).toMatchObject([
      { errorCode: 'LEADER_NOT_AVAILABLE', leaderId: -1 },
      { errorCode: 'LEADER_NOT_AVAILABLE', leaderId: -1 },
    ])
  })
})
