import type { ErrorName } from '../../protocol/errors.ts'
import { DescribeTopicPartitions } from '../../protocol/messages/describe-topic-partitions.ts'
import { Metadata } from '../../protocol/messages/metadata.ts'
import { ZERO_UUID } from '../../protocol/schema.ts'
import { CLUSTER_ID, NODE_ID, TestNode } from './test-node.ts'

const named = (...names: string[]) => names.map((name) => ({ name, topicId: ZERO_UUID }))
const asking = (topics: { name: string | null; topicId: string }[] | null, mayCreate = false) => ({
  topics,
  allowAutoTopicCreation: mayCreate,
})

describe('Metadata', () => {
  test('tells the brokers of the listener that asks, and the topics', async () => {
    const node = new TestNode()
    node.addBroker({ id: 2, rack: 'r2' })
    node.addBroker({ id: 3, fenced: true })
    node.addBroker({ id: 4, endPoints: [] })
    const topicId = await node.addTopic('a', {
      partitions: [{}, { replicas: [1, 2], isr: [2], leader: 2, leaderEpoch: 6 }],
    })
    const answer = await node.ask(Metadata, 12, asking(named('a')))
    expect(answer.clusterId).toBe(CLUSTER_ID)
    expect(answer.controllerId).toBe(NODE_ID)
    expect(answer.brokers).toEqual([
      { nodeId: 1, host: 'host1', port: 9001, rack: null },
      { nodeId: 2, host: 'host2', port: 9002, rack: 'r2' },
    ])
    expect(answer.topics).toMatchObject([
      {
        errorCode: 'NONE',
        name: 'a',
        topicId,
        isInternal: false,
        partitions: [
          { errorCode: 'NONE', partitionIndex: 0, leaderId: 1, leaderEpoch: 0, isrNodes: [1] },
          {
            errorCode: 'NONE',
            partitionIndex: 1,
            leaderId: 2,
            leaderEpoch: 6,
            replicaNodes: [1, 2],
            isrNodes: [2],
          },
        ],
      },
    ])
  })

  test('replicas that can not be reached, or are in a directory that is offline, are offline', async () => {
    const node = new TestNode()
    const [here, gone] = ['here'.padEnd(22, 'A'), 'gone'.padEnd(22, 'A')]
    node.addBroker({ id: 1, logDirs: [here] })
    node.addBroker({ id: 2, fenced: true })
    node.addBroker({ id: 3, endPoints: [] })
    await node.addTopic('a', {
      partitions: [
        { replicas: [1], directories: [here] },
        { replicas: [1], directories: [gone], leader: -1 },
        { replicas: [1, 2, 3, 4], directories: [] },
      ],
    })
    const { topics } = await node.ask(Metadata, 12, asking(named('a')))
    expect(topics[0]!.partitions).toMatchObject([
      { errorCode: 'NONE', offlineReplicas: [] },
      { errorCode: 'LEADER_NOT_AVAILABLE', leaderId: -1, offlineReplicas: [1] },
      { offlineReplicas: [2, 3, 4] },
    ])
    const pages = await node.ask(DescribeTopicPartitions, 0, {
      topics: [{ name: 'a' }],
      responsePartitionLimit: 10,
      cursor: null,
    })
    expect(pages.topics[0]!.partitions[1]).toMatchObject({ leaderId: -1, offlineReplicas: [1] })
  })

  test('an empty list stands for all topics in v0, and for none from v1 on; null for all', async () => {
    const node = new TestNode()
    await node.addTopic('a')
    await node.addTopic('b')
    const names = async (version: number, topics: [] | null) => {
      const answer = await node.ask(Metadata, version, asking(topics))
      return answer.topics.map(({ name }) => name).sort()
    }
    expect(await names(0, [])).toEqual(['a', 'b'])
    expect(await names(1, [])).toEqual([])
    expect(await names(1, null)).toEqual(['a', 'b'])
    expect(await names(13, null)).toEqual(['a', 'b'])
  })

  test('finds topics by id from v12 on', async () => {
    const node = new TestNode()
    const topicId = await node.addTopic('a')
    const unknownId = 'BBBBBBBBBBBBBBBBBBBBBA'
    const byId = asking([
      { name: null, topicId },
      { name: null, topicId: unknownId },
    ])
    expect(await node.ask(Metadata, 13, byId)).toMatchObject({
      topics: [
        { errorCode: 'NONE', name: 'a', topicId },
        { errorCode: 'UNKNOWN_TOPIC_ID', name: null, topicId: unknownId },
      ],
    })
    expect(await node.ask(Metadata, 10, asking([{ name: null, topicId }]))).toMatchObject({
      topics: [{ errorCode: 'INVALID_REQUEST' }],
    })
  })

  test('a partition without a leader has LEADER_NOT_AVAILABLE, and no guessed epoch', async () => {
    const node = new TestNode()
    await node.addTopic('a', { partitions: [{ leader: -1, leaderEpoch: 5, isr: [] }] })
    const { topics } = await node.ask(Metadata, 12, asking(named('a')))
    expect(topics[0]!.partitions[0]).toMatchObject({
      errorCode: 'LEADER_NOT_AVAILABLE',
      leaderId: -1,
    })
  })

  test('a partition whose leader may have ended has LEADER_NOT_AVAILABLE until it is known who leads', async () => {
    const node = new TestNode()
    node.addBroker({ id: 2 })
    const led = { leader: 2, leaderEpoch: 5, replicas: [1, 2], isr: [1, 2] }
    await node.addTopic('a', { partitions: [led, {}] })
    node.inDoubt.add(2)
    const { topics } = await node.ask(Metadata, 12, asking(named('a')))
    expect(topics[0]!.partitions).toMatchObject([
      { errorCode: 'LEADER_NOT_AVAILABLE', leaderId: -1, leaderEpoch: 5, isrNodes: [1, 2] },
      { errorCode: 'NONE', leaderId: 1 },
    ])
  })

  describe('whether leaders live is asked before they are told', () => {
    const led = (leader: number) => ({ leader, replicas: [leader], isr: [leader] })
    /** Five brokers, of which the third is found to have ended when its life is asked for. */
    const cluster = async () => {
      const node = new TestNode()
      for (const id of [0, 2, 3, 4]) node.addBroker({ id })
      await node.addTopic('a', { partitions: [led(3), led(2), led(0), led(-1), led(7)] })
      await node.addTopic('b', { partitions: [led(4)] })
      const heard: (readonly number[])[] = []
      node.hear = async (brokerIds) => {
        heard.push([...brokerIds].sort())
        await Promise.resolve()
        node.inDoubt.add(2)
      }
      return { node, heard }
    }

    test.each([
      ['of topics that are named', 'a', [0, 2, 3]],
      ['of all', null, [0, 1, 2, 3, 4]],
    ])('%s', async (_which, name, askedOf) => {
      const { node, heard } = await cluster()
      const { topics } = await node.ask(Metadata, 12, asking(name === null ? null : named(name)))
      expect(topics[0]!.partitions.map(({ leaderId }) => leaderId)).toEqual([3, -1, 0, -1, 7])
      expect(heard).toEqual([askedOf])
    })

    test('of all brokers, where it would take long to find out who leads', async () => {
      const { node, heard } = await cluster()
      await node.addTopic('many', { partitions: Array.from({ length: 1001 }, () => led(3)) })
      await node.ask(Metadata, 12, asking(named('many')))
      const ids = await node.ask(Metadata, 12, {
        ...asking(null),
        topics: Array.from({ length: 500 }, (_, index) => ({
          name: 'a',
          topicId: Buffer.alloc(16, index).toString('base64url'),
        })),
      })
      expect(ids.topics.length).toBe(256)
      expect(heard).toEqual([
        [0, 1, 2, 3, 4],
        [0, 2, 3],
      ])
    })

    test('of those whom its listener reaches', async () => {
      const { node, heard } = await cluster()
      node.addBroker({ id: 3, endPoints: [] })
      await node.ask(Metadata, 12, asking(named('a')))
      expect(heard).toEqual([[0, 2]])
    })
  })

  test('marks internal topics', async () => {
    const node = new TestNode()
    await node.addTopic('__consumer_offsets')
    const { topics } = await node.ask(Metadata, 12, asking(null))
    expect(topics).toMatchObject([{ name: '__consumer_offsets', isInternal: true }])
  })

  test('tells what the client may do only where it asks', async () => {
    const node = new TestNode()
    await node.addTopic('a')
    const plain = await node.ask(Metadata, 10, asking(named('a')))
    expect(plain.topics[0]!.topicAuthorizedOperations).toBe(-(2 ** 31))
    expect(plain.clusterAuthorizedOperations).toBe(-(2 ** 31))
    const full = await node.ask(Metadata, 10, {
      ...asking(named('a')),
      includeTopicAuthorizedOperations: true,
      includeClusterAuthorizedOperations: true,
    })
    expect(full.topics[0]!.topicAuthorizedOperations).toBe(3576)
    expect(full.clusterAuthorizedOperations).toBe(8096)
  })
})

describe('Metadata makes a missing topic', () => {
  function making(
    settings: Readonly<Record<string, string>> = {},
    error: ErrorName = 'INVALID_TOPIC_EXCEPTION',
  ): { node: TestNode; asked: string[] } {
    const node = new TestNode(settings)
    const asked: string[] = []
    node.automatic = async (names) => {
      asked.push(...names)
      const refused = new Map<string, ErrorName>()
      for (const name of names) {
        if (name.includes(' ')) refused.set(name, error)
        else await node.addTopic(name)
      }
      return refused
    }
    return { node, asked }
  }

  test('where the request and the broker allow it', async () => {
    const { node, asked } = making()
    const { topics } = await node.ask(Metadata, 9, asking(named('new', 'bad name'), true))
    expect(asked).toContain('new')
    expect(topics).toMatchObject([
      { name: 'new', errorCode: 'NONE', partitions: [{ leaderId: 1 }] },
      { name: 'bad name', errorCode: 'INVALID_TOPIC_EXCEPTION', partitions: [] },
    ])
  })

  test('and tells why it could not be made', async () => {
    const { node } = making()
    node.automatic = () => Promise.resolve(new Map([['new', 'INVALID_REPLICATION_FACTOR']]))
    const { topics } = await node.ask(Metadata, 9, asking(named('new'), true))
    expect(topics).toMatchObject([{ name: 'new', errorCode: 'INVALID_REPLICATION_FACTOR' }])
  })

  test('not where an id says which is meant', async () => {
    const { node, asked } = making()
    const topics = [{ topicId: 'EEEEEEEEEEEEEEEEEEEEEA', name: 'new' }]
    const answer = await node.ask(Metadata, 12, asking(topics, true))
    expect(answer.topics).toMatchObject([{ name: null, errorCode: 'UNKNOWN_TOPIC_ID' }])
    expect(asked).toEqual([])
  })

  test('once, however often it is named', async () => {
    const { node, asked } = making()
    const { topics } = await node.ask(Metadata, 9, asking(named('new', 'new'), true))
    expect(asked).toEqual(['new'])
    expect(topics.map(({ errorCode }) => errorCode)).toEqual(['NONE'])
  })

  test.each<[string, Readonly<Record<string, string>>, boolean]>([
    ['the client', {}, false],
    ['the broker', { 'auto.create.topics.enable': 'false' }, true],
  ])('not where %s does not want it', async (_, settings, mayCreate) => {
    const { node, asked } = making(settings)
    const { topics } = await node.ask(Metadata, 9, asking(named('new'), mayCreate))
    expect(asked).toEqual([])
    expect(topics).toMatchObject([
      { name: 'new', errorCode: 'UNKNOWN_TOPIC_OR_PARTITION', partitions: [] },
    ])
  })
})
