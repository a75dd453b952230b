import { CreateTopics } from '../../protocol/messages/create-topics.ts'
import { CreateDelegationToken } from '../../protocol/messages/create-delegation-token.ts'
import { DeleteRecords } from '../../protocol/messages/delete-records.ts'
import { DeleteTopics } from '../../protocol/messages/delete-topics.ts'
import { DescribeDelegationToken } from '../../protocol/messages/describe-delegation-token.ts'
import { DescribeGroups } from '../../protocol/messages/describe-groups.ts'
import { DescribeTopicPartitions } from '../../protocol/messages/describe-topic-partitions.ts'
import { Fetch } from '../../protocol/messages/fetch.ts'
import { FindCoordinator } from '../../protocol/messages/find-coordinator.ts'
import { Heartbeat } from '../../protocol/messages/heartbeat.ts'
import { InitProducerId } from '../../protocol/messages/init-producer-id.ts'
import { ListConfigResources } from '../../protocol/messages/list-config-resources.ts'
import { ListGroups } from '../../protocol/messages/list-groups.ts'
import { Metadata } from '../../protocol/messages/metadata.ts'
import { OffsetDelete } from '../../protocol/messages/offset-delete.ts'
import { OffsetFetch } from '../../protocol/messages/offset-fetch.ts'
import { OffsetForLeaderEpoch } from '../../protocol/messages/offset-for-leader-epoch.ts'
import { Produce } from '../../protocol/messages/produce.ts'
import { ZERO_UUID } from '../../protocol/schema.ts'
import { ImageBuilder } from '../../src/metadata/image-builder.ts'
import { all, each } from '../../src/handlers/access.ts'
import type { Access, Need } from '../../src/handlers/access.ts'
import type { RequestContext } from '../../src/handlers/context.ts'
import { handlers } from '../../src/handlers/index.ts'
import { commit, committed, stableGroup } from './group-client.ts'
import { TOPIC_ID, guardedNode } from './test-authorizer.ts'
import { CLOSED, TestNode, batch } from './test-node.ts'
import { addPartitions, initProducer } from './transactional-producer.ts'
import { unauthorizedRequests } from './unauthorized-requests.ts'

const ALICE = { type: 'User', name: 'alice' }
const MEMBER = { groupId: 'g', generationId: 1, memberId: 'm' }
const topicError = { errorCode: 'TOPIC_AUTHORIZATION_FAILED' }

/** What Apache Kafka 4.4.0 asks its authorizer (KafkaApis, ControllerApis and what they call), by API. */
const APACHE: Readonly<Record<string, readonly string[]>> = {
  AddOffsetsToTxn: ['READ GROUP', 'WRITE TRANSACTIONAL_ID'],
  AddPartitionsToTxn: ['CLUSTER_ACTION CLUSTER', 'WRITE TOPIC', 'WRITE TRANSACTIONAL_ID'],
  AllocateProducerIds: ['CLUSTER_ACTION CLUSTER'],
  AddRaftVoter: ['ALTER CLUSTER'],
  AlterClientQuotas: ['ALTER_CONFIGS CLUSTER'],
  AlterConfigs: ['ALTER_CONFIGS CLUSTER', 'ALTER_CONFIGS GROUP', 'ALTER_CONFIGS TOPIC'],
  AlterPartition: ['CLUSTER_ACTION CLUSTER'],
  AlterPartitionReassignments: ['ALTER CLUSTER'],
  AlterReplicaLogDirs: ['ALTER CLUSTER'],
  AlterUserScramCredentials: ['ALTER CLUSTER'],
  ApiVersions: [],
  AssignReplicasToDirs: ['CLUSTER_ACTION CLUSTER'],
  BrokerHeartbeat: ['CLUSTER_ACTION CLUSTER'],
  BrokerRegistration: ['CLUSTER_ACTION CLUSTER'],
  ControllerRegistration: ['CLUSTER_ACTION CLUSTER'],
  BeginQuorumEpoch: ['CLUSTER_ACTION CLUSTER'],
  CreateAcls: ['ALTER CLUSTER'],
  CreateDelegationToken: ['CREATE_TOKENS USER'],
  CreatePartitions: ['ALTER TOPIC'],
  CreateTopics: ['CREATE CLUSTER', 'CREATE TOPIC', 'DESCRIBE_CONFIGS TOPIC'],
  DeleteAcls: ['ALTER CLUSTER'],
  DeleteGroups: ['DELETE GROUP'],
  DeleteRecords: ['DELETE TOPIC'],
  DeleteTopics: ['DELETE CLUSTER', 'DELETE TOPIC', 'DESCRIBE TOPIC'],
  DescribeAcls: ['DESCRIBE CLUSTER'],
  DescribeClientQuotas: ['DESCRIBE_CONFIGS CLUSTER'],
  DescribeCluster: ['ALTER CLUSTER', 'DESCRIBE CLUSTER'],
  DescribeConfigs: ['DESCRIBE_CONFIGS CLUSTER', 'DESCRIBE_CONFIGS GROUP', 'DESCRIBE_CONFIGS TOPIC'],
  DescribeDelegationToken: ['DESCRIBE DELEGATION_TOKEN', 'DESCRIBE_TOKENS USER'],
  DescribeGroups: ['DESCRIBE GROUP'],
  DescribeLogDirs: ['DESCRIBE CLUSTER'],
  DescribeProducers: ['READ TOPIC'],
  DescribeQuorum: ['DESCRIBE CLUSTER'],
  DescribeTopicPartitions: ['DESCRIBE TOPIC'],
  DescribeTransactions: ['DESCRIBE TOPIC', 'DESCRIBE TRANSACTIONAL_ID'],
  DescribeUserScramCredentials: ['DESCRIBE CLUSTER'],
  ElectLeaders: ['ALTER CLUSTER'],
  EndTxn: ['WRITE TRANSACTIONAL_ID'],
  Envelope: ['CLUSTER_ACTION CLUSTER'],
  EndQuorumEpoch: ['CLUSTER_ACTION CLUSTER'],
  // On brokers' listeners; on controllers', where it is the metadata log's, the first of the two.
  Fetch: ['CLUSTER_ACTION CLUSTER', 'READ TOPIC'],
  ExpireDelegationToken: [],
  FetchSnapshot: ['CLUSTER_ACTION CLUSTER'],
  // And CLUSTER_ACTION for coordinators of share groups.
  FindCoordinator: ['DESCRIBE GROUP', 'DESCRIBE TRANSACTIONAL_ID'],
  Heartbeat: ['READ GROUP'],
  IncrementalAlterConfigs: [
    'ALTER_CONFIGS CLUSTER',
    'ALTER_CONFIGS GROUP',
    'ALTER_CONFIGS TOPIC',
    // On controllers' listeners, for loggers.
    'CLUSTER_ACTION CLUSTER',
  ],
  // And TWO_PHASE_COMMIT in a version that is not final.
  InitProducerId: ['IDEMPOTENT_WRITE CLUSTER', 'WRITE TOPIC', 'WRITE TRANSACTIONAL_ID'],
  JoinGroup: ['READ GROUP'],
  LeaveGroup: ['READ GROUP'],
  ListConfigResources: ['DESCRIBE_CONFIGS CLUSTER'],
  ListGroups: ['DESCRIBE CLUSTER', 'DESCRIBE GROUP'],
  ListOffsets: ['DESCRIBE TOPIC'],
  ListPartitionReassignments: ['DESCRIBE CLUSTER'],
  ListTransactions: ['DESCRIBE TRANSACTIONAL_ID'],
  Metadata: ['CREATE CLUSTER', 'CREATE TOPIC', 'DESCRIBE CLUSTER', 'DESCRIBE TOPIC'],
  OffsetCommit: ['READ GROUP', 'READ TOPIC'],
  OffsetDelete: ['DELETE GROUP', 'READ TOPIC'],
  OffsetFetch: ['DESCRIBE GROUP', 'DESCRIBE TOPIC'],
  OffsetForLeaderEpoch: ['CLUSTER_ACTION CLUSTER', 'DESCRIBE TOPIC'],
  Produce: ['WRITE TOPIC', 'WRITE TRANSACTIONAL_ID'],
  RemoveRaftVoter: ['ALTER CLUSTER'],
  RenewDelegationToken: [],
  SaslAuthenticate: [],
  SaslHandshake: [],
  SyncGroup: ['READ GROUP'],
  UnregisterBroker: ['ALTER CLUSTER'],
  UnregisterController: ['ALTER CLUSTER'],
  TxnOffsetCommit: ['READ GROUP', 'READ TOPIC', 'WRITE TRANSACTIONAL_ID'],
  UpdateFeatures: ['ALTER CLUSTER'],
  WriteTxnMarkers: ['ALTER CLUSTER', 'CLUSTER_ACTION CLUSTER'],
  UpdateRaftVoter: ['CLUSTER_ACTION CLUSTER'],
  Vote: ['CLUSTER_ACTION CLUSTER'],
}

const inWords = ({ operation, resourceType }: Pick<Need, 'operation' | 'resourceType'>): string =>
  `${operation} ${resourceType}`

const requests = unauthorizedRequests(TOPIC_ID)

const askForTokensOfBob = (node: TestNode) =>
  node.ask(CreateDelegationToken, 3, {
    ownerPrincipalType: 'User',
    ownerPrincipalName: 'bob',
    renewers: [],
    maxLifetimeMs: -1n,
  })

function addTokenOfBob(node: TestNode): void {
  const value = {
    owner: 'User:bob',
    requester: 'User:bob',
    renewers: [],
    issueTimestamp: 0,
    maxTimestamp: 1,
    expirationTimestamp: 1,
    tokenId: 't',
  }
  const builder = new ImageBuilder(node.image)
  builder.apply({ type: 'DelegationTokenRecord', version: 0, value })
  node.image = builder.build(1, 1).image
}

describe('what is demanded of who asks', () => {
  test('is what Apache Kafka demands, for every API', () => {
    const demanded = new Map<string, Set<string>>(handlers.map(({ api }) => [api.name, new Set()]))
    for (const { api, access } of handlers) {
      for (const need of access.needs) demanded.get(api.name)!.add(inWords(need))
    }
    const sorted = Array.from(demanded, ([name, needs]) => [name, [...needs].sort()])
    expect(Object.fromEntries(sorted)).toEqual(APACHE)
  })

  test('is asked of the authorizer, all of it and nothing else', async () => {
    const { node, authorizer } = await guardedNode()
    authorizer.allows = () => true
    await stableGroup(node, { groupId: 'hidden' })
    await node.addTransactions()
    await addPartitions(node, await initProducer(node, 'mine'))
    authorizer.asked.length = 0
    const asked = new Map<string, Set<string>>(handlers.map(({ api }) => [api.name, new Set()]))
    const remember = (name: string): void => {
      for (const operation of authorizer.takeOperations()) asked.get(name)!.add(operation)
    }
    for (const { api, version, body, kind } of requests) {
      authorizer.allows = (_operation, _type, name) => name === 'mine'
      await node.answer(api, version, body, 'test', kind)
      remember(api.name)
    }
    // What is asked only where something else is allowed.
    authorizer.allows = (operation) => operation === 'DESCRIBE'
    const missing = [{ topicId: ZERO_UUID, name: 'new' }]
    await node.ask(Metadata, 12, { topics: missing, includeTopicAuthorizedOperations: false })
    remember('Metadata')
    authorizer.allows = (operation) => operation === 'CREATE'
    await createNew(node)
    remember('CreateTopics')
    // Only of who has proved who it is.
    node.connection.authentication = { principal: ALICE, isPending: false }
    await askForTokensOfBob(node)
    remember('CreateDelegationToken')
    addTokenOfBob(node)
    expect((await node.ask(DescribeDelegationToken, 3, { owners: null })).tokens).toEqual([])
    remember('DescribeDelegationToken')
    const sorted = Array.from(asked, ([name, operations]) => [name, [...operations].sort()])
    expect(Object.fromEntries(sorted)).toEqual(APACHE)
  })

  test('is asked on behalf of the principal, for the address that it comes from', async () => {
    const { node, authorizer } = await guardedNode()
    node.connection.authentication = { principal: ALICE, isPending: false }
    await node.ask(Heartbeat, 4, { ...MEMBER, groupInstanceId: null })
    const asked = { principal: ALICE, host: '127.0.0.1', question: 'READ GROUP g' }
    expect(authorizer.asked).toEqual([asked])
  })

  test('without an authorizer everybody may do everything', async () => {
    const node = new TestNode()
    const answer = await node.ask(ListConfigResources, 1, { resourceTypes: [4] })
    expect(answer).toMatchObject({ errorCode: 'NONE', configResources: [{ resourceName: '1' }] })
  })
})

describe('who may do nothing', () => {
  test.each(requests.map((each, index) => [`${each.api.name} v${each.version} (${index})`, each]))(
    'is answered what Apache Kafka answers to %s',
    async (_name, { api, version, body, answer, kind }) => {
      const { node, authorizer } = await guardedNode()
      authorizer.allows = (_operation, _type, name) => name === 'mine'
      expect(await node.answer(api, version, body, 'test', kind)).toMatchObject(answer)
      expect(node.raftRequests).toEqual([])
      expect(node.commands).toEqual([])
    },
  )

  test('has the connection closed where it wants no answer to what it produces', async () => {
    const { node, authorizer } = await guardedNode()
    await node.addTopic('u')
    authorizer.allows = (_operation, _type, name) => name === 'u'
    const topicData = ['t', 'u'].map((name) => ({
      name,
      partitionData: [{ index: 0, records: batch(['a']) }],
    }))
    const answer = await node.answer(Produce, 9, { acks: 0, timeoutMs: 1000, topicData })
    expect(answer).toBe(CLOSED)
    // What it may write is written all the same.
    expect([node.logs.get('t', 0)?.logEndOffset, node.logs.get('u', 0)?.logEndOffset]).toEqual([
      0, 1,
    ])
  })
})

describe('who may do some of what is asked', () => {
  test('has that done, and is told what it may not', async () => {
    const { node, authorizer } = await guardedNode()
    await node.addTopic('u')
    authorizer.allows = (operation, _type, name) => operation === 'DELETE' && name === 'u'
    const partitions = [{ partitionIndex: 0, offset: 0 }]
    const topics = ['t', 'u'].map((name) => ({ name, partitions }))
    expect((await node.ask(DeleteRecords, 2, { topics, timeoutMs: 1000 })).topics).toEqual([
      { name: 'u', partitions: [{ partitionIndex: 0, lowWatermark: 0, errorCode: 'NONE' }] },
      { name: 't', partitions: [{ partitionIndex: 0, lowWatermark: -1, ...topicError }] },
    ])
  })

  test('to a group is told which topics it may not', async () => {
    const { node, authorizer } = await guardedNode()
    await node.addTopic('u')
    authorizer.allows = () => true
    for (const name of ['t', 'u']) await commit(node, { name })
    authorizer.allows = (_operation, _type, name) => name !== 't'
    const topics = ['t', 'u'].map((name) => ({ name, partitions: [{ partitionIndex: 0 }] }))
    const answer = await node.ask(OffsetDelete, 0, { groupId: 'g', topics })
    expect(answer).toMatchObject({
      errorCode: 'NONE',
      topics: [
        { name: 'u', partitions: [{ errorCode: 'NONE' }] },
        { name: 't', partitions: [topicError] },
      ],
    })
    authorizer.allows = () => true
    expect((await committed(node)).committedOffset).toBe(7)
    expect((await committed(node, { name: 'u' })).committedOffset).toBe(-1)
  })

  test('to the cluster needs nothing else for its topics', async () => {
    const { node, authorizer } = await guardedNode()
    authorizer.allows = (operation, type) => operation === 'CLUSTER_ACTION' && type === 'CLUSTER'
    const topics = [{ topic: 't', partitions: [{ partition: 0, leaderEpoch: 0 }] }]
    const answer = await node.ask(OffsetForLeaderEpoch, 4, { topics })
    expect(answer.topics).toMatchObject([{ partitions: [{ errorCode: 'NONE' }] }])
    expect(authorizer.takeOperations()).toEqual(['CLUSTER_ACTION CLUSTER'])
  })

  test('of several kinds is told of all of them', async () => {
    const first = narrowing('a')
    const second = narrowing('b')
    const context = { may: (_operation: string, _type: string, name: string) => name === 'c' }
    const verdict = all(first, second).judge(
      { a: ['x', 'c'], b: ['c', 'y'] },
      context as unknown as RequestContext,
    )
    expect(verdict).toMatchObject({ request: { a: ['c'], b: ['c'] } })
    const { complete } = verdict as Extract<typeof verdict, { request: object }>
    expect(complete?.({ a: ['c'], b: ['c'] })).toEqual({ a: ['c', '-x'], b: ['c', '-y'] })
  })
})

/** Something that is done to each of one of two lists. */
function narrowing(
  list: 'a' | 'b',
): Access<{ a: string[]; b: string[] }, { a: string[]; b: string[] }> {
  return each('TOPIC', 'READ', {
    items: list,
    nameOf: (name) => name,
    answers: list,
    refuse: (name) => `-${name}`,
  })
}

describe('who makes topics', () => {
  test('may do that to all if it may to the cluster', async () => {
    const { node, authorizer } = await guardedNode()
    authorizer.allows = (operation, type) => operation === 'CREATE' && type === 'CLUSTER'
    expect((await createNew(node)).topics).toMatchObject([{ name: 'new', errorCode: 'NONE' }])
  })

  test('is not told their settings unless it may look at them', async () => {
    const { node, authorizer } = await guardedNode()
    authorizer.allows = (operation) => operation === 'CREATE'
    const hidden = { numPartitions: -1, replicationFactor: -1, configs: [] }
    expect((await createNew(node)).topics).toEqual([
      {
        name: 'new',
        topicId: TOPIC_ID,
        errorCode: 'NONE',
        errorMessage: null,
        topicConfigErrorCode: 'TOPIC_AUTHORIZATION_FAILED',
        ...hidden,
      },
    ])
    authorizer.allows = (operation) => operation === 'CREATE' || operation === 'DESCRIBE_CONFIGS'
    expect((await createNew(node)).topics).toMatchObject([
      { numPartitions: 2, topicConfigErrorCode: 'NONE' },
    ])
  })

  test('by asking for their metadata needs CREATE for them', async () => {
    const { node, authorizer } = await guardedNode()
    const made: string[] = []
    node.connection.authentication = { principal: ALICE, isPending: false }
    node.automatic = (names, client) => {
      made.push(...names)
      // Where the controller is another node, it judges the client once more.
      expect(client).toMatchObject({ principal: ALICE, connection: { host: '127.0.0.1' } })
      return Promise.resolve(new Map([['made', 'INVALID_REPLICATION_FACTOR']]))
    }
    authorizer.allows = (operation, _type, name) => operation === 'DESCRIBE' || name === 'made'
    const asked = ['made', 'not'].map((name) => ({ topicId: ZERO_UUID, name }))
    const body = { topics: asked, includeTopicAuthorizedOperations: false }
    expect((await node.ask(Metadata, 12, body)).topics).toMatchObject([
      { name: 'made', errorCode: 'INVALID_REPLICATION_FACTOR' },
      { name: 'not', errorCode: 'TOPIC_AUTHORIZATION_FAILED' },
    ])
    expect(made).toEqual(['made'])
  })
})

describe('who deletes topics', () => {
  const deletion = (topics: { name: string | null; topicId: string }[]) => ({
    topics,
    timeoutMs: 1000,
  })

  test('is told the name of an id only if it may see the topic', async () => {
    const { node, authorizer } = await guardedNode()
    authorizer.allows = (operation) => operation === 'DESCRIBE'
    const byId = deletion([{ name: null, topicId: TOPIC_ID }])
    expect((await node.ask(DeleteTopics, 6, byId)).responses).toMatchObject([
      { name: 't', topicId: TOPIC_ID, ...topicError },
    ])
  })

  test('has those deleted that it may, by name only if it may see them', async () => {
    const { node, authorizer } = await guardedNode()
    const uId = await node.addTopic('u')
    node.controller = (command) =>
      (command as unknown as { topics: object[] }).topics.map((topic) => ({
        ...topic,
        errorCode: 'NONE',
        errorMessage: null,
      }))
    authorizer.allows = (operation, type, name) =>
      type === 'TOPIC' && operation === 'DELETE' && name !== 't'
    const byName = { name: 'u', topicId: ZERO_UUID }
    const byId = { name: null, topicId: uId }
    const answer = await node.ask(
      DeleteTopics,
      6,
      deletion([byName, byId, { name: 't', topicId: ZERO_UUID }]),
    )
    expect(answer.responses).toMatchObject([
      { topicId: uId, errorCode: 'NONE' },
      { name: 'u', ...topicError },
      { name: 't', ...topicError },
    ])
    authorizer.allows = (operation) => operation === 'DESCRIBE'
    const unknown = { name: 'unknown', topicId: ZERO_UUID }
    // Who may see it learns from the controller that it isn't there.
    await node.ask(DeleteTopics, 6, deletion([unknown]))
    authorizer.allows = (operation, type) => operation === 'DELETE' && type === 'CLUSTER'
    await node.ask(DeleteTopics, 6, deletion([{ name: 't', topicId: ZERO_UUID }]))
    expect(node.commands).toMatchObject([
      { topics: [byId] },
      { topics: [unknown] },
      { topics: [{ name: 't' }] },
    ])
  })
})

describe('who looks for topics and groups', () => {
  test('sees those that it may, when it asks for all', async () => {
    const { node, authorizer } = await guardedNode()
    await node.addTopic('u', { partitions: [{}, {}] })
    authorizer.allows = (_operation, _type, name) => name === 'u'
    const all = await node.ask(Metadata, 12, {
      topics: null,
      includeTopicAuthorizedOperations: false,
    })
    expect(all.topics.map(({ name }) => name)).toEqual(['u'])
    const page = { topics: [], responsePartitionLimit: 1, cursor: null }
    const described = await node.ask(DescribeTopicPartitions, 0, page)
    expect(described.topics.map(({ name }) => name)).toEqual(['u'])
    expect(described.nextCursor).toEqual({ topicName: 'u', partitionIndex: 1 })
  })

  test('is not pointed by a cursor at a topic that it may not see', async () => {
    const { node, authorizer } = await guardedNode()
    await node.addTopic('a')
    await node.addTopic('z')
    authorizer.allows = (_operation, _type, name) => name === 'a' || name === 'z'
    const page = { topics: [], responsePartitionLimit: 1, cursor: null }
    const { nextCursor } = await node.ask(DescribeTopicPartitions, 0, page)
    expect(nextCursor).toEqual({ topicName: 'z', partitionIndex: 0 })
  })

  test('sees its own groups, or all if it may look at the cluster', async () => {
    const { node, authorizer } = await guardedNode()
    authorizer.allows = () => true
    for (const groupId of ['g', 'mine']) await stableGroup(node, { groupId })
    const listed = async () =>
      (await node.ask(ListGroups, 5, { statesFilter: [], typesFilter: [] })).groups
        .map(({ groupId }) => groupId)
        .sort()
    authorizer.allows = (operation, type) => operation === 'DESCRIBE' && type === 'CLUSTER'
    expect(await listed()).toEqual(['g', 'mine'])
    authorizer.allows = (_operation, _type, name) => name === 'mine'
    expect(await listed()).toEqual(['mine'])
  })

  test('sees of all that a group has committed what it may', async () => {
    const { node, authorizer } = await guardedNode()
    const uId = await node.addTopic('u')
    authorizer.allows = () => true
    for (const name of ['t', 'u']) await commit(node, { name })
    authorizer.allows = (_operation, _type, name) => name === 'g' || name === 'u'
    const fetched = async (version: number) => {
      const groups = [{ groupId: 'g', memberId: null, topics: null }]
      const answer = await node.ask(OffsetFetch, version, { groups, requireStable: false })
      return answer.groups[0]!.topics
    }
    expect(await fetched(9)).toMatchObject([{ name: 'u' }])
    expect(await fetched(10)).toMatchObject([{ topicId: uId }])
    expect(await fetched(10)).toHaveLength(1)
  })

  test('is told what it may do to them, where it asks', async () => {
    const { node, authorizer } = await guardedNode()
    authorizer.allows = (operation) => operation === 'DESCRIBE' || operation === 'READ'
    const topics = [{ topicId: ZERO_UUID, name: 't' }]
    const body = {
      topics,
      includeClusterAuthorizedOperations: true,
      includeTopicAuthorizedOperations: true,
    }
    const answer = await node.ask(Metadata, 10, body)
    // READ is 3 and DESCRIBE 8; a cluster can't be read.
    expect(answer.topics).toMatchObject([{ topicAuthorizedOperations: (1 << 3) | (1 << 8) }])
    expect(answer.clusterAuthorizedOperations).toBe(1 << 8)
    const { groups } = await node.ask(DescribeGroups, 5, {
      groups: ['g'],
      includeAuthorizedOperations: true,
    })
    expect(groups).toMatchObject([{ authorizedOperations: (1 << 3) | (1 << 8) }])
  })

  test('finds the coordinator of what it may describe', async () => {
    const { node, authorizer } = await guardedNode()
    await node.addTopic('__transaction_state')
    authorizer.allows = (_operation, _type, name) => name === 'g' || name === 'x'
    for (const [coordinatorKeys, keyType] of [
      [['g'], 0],
      [['x'], 1],
    ] as const) {
      const { coordinators } = await node.ask(FindCoordinator, 4, { coordinatorKeys, keyType })
      expect(coordinators).toMatchObject([{ errorCode: 'NONE', nodeId: 1 }])
    }
  })
})

describe('who reads and writes', () => {
  test('gets an id of its own as a producer if it may write to any topic', async () => {
    const { node, authorizer } = await guardedNode()
    const body = { transactionalId: null, transactionTimeoutMs: 1000 }
    authorizer.allows = (operation, type, name) =>
      operation === 'WRITE' && type === 'TOPIC' && name === null
    expect((await node.ask(InitProducerId, 5, body)).errorCode).toBe('NONE')
    authorizer.allows = (operation, type) => operation === 'IDEMPOTENT_WRITE' && type === 'CLUSTER'
    expect((await node.ask(InitProducerId, 5, body)).errorCode).toBe('NONE')
  })

  test('fetches what it may read, and as a follower what a cluster’s node may', async () => {
    const { node, authorizer } = await guardedNode()
    await node.addTopic('u', { partitions: [{ replicas: [1, 2], isr: [1] }] })
    const fetching = async (replicaId: number) => {
      const partitions = [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1000 }]
      const topics = ['t', 'u'].map((topic) => ({ topic, partitions }))
      const answer = await node.ask(Fetch, 12, { replicaId, maxWaitMs: 0, minBytes: 0, topics })
      return answer.responses.map((topic) => topic.partitions[0]!.errorCode)
    }
    authorizer.allows = (operation, _type, name) => operation === 'READ' && name === 'u'
    expect(await fetching(-1)).toEqual(['TOPIC_AUTHORIZATION_FAILED', 'NONE'])
    expect(await fetching(2)).toEqual(['TOPIC_AUTHORIZATION_FAILED', 'TOPIC_AUTHORIZATION_FAILED'])
    authorizer.allows = (operation) => operation === 'CLUSTER_ACTION'
    expect((await fetching(2))[1]).toBe('NONE')
  })

  test('is told of an id that no topic has, whatever it may', async () => {
    const { node } = await guardedNode()
    const topicId = 'CCCCCCCCCCCCCCCCCCCCCA'
    const topicData = [{ topicId, partitionData: [{ index: 0, records: batch(['a']) }] }]
    const produced = await node.ask(Produce, 13, { acks: 1, timeoutMs: 1000, topicData })
    expect(produced.responses[0]!.partitionResponses).toMatchObject([
      { errorCode: 'UNKNOWN_TOPIC_ID' },
    ])
    const partitions = [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1000 }]
    const fetched = await node.ask(Fetch, 13, {
      maxWaitMs: 0,
      minBytes: 0,
      topics: [{ topicId, partitions }],
    })
    expect(fetched.responses[0]!.partitions).toMatchObject([{ errorCode: 'UNKNOWN_TOPIC_ID' }])
  })
})

/** Asks for a topic, and plays the controller that makes it. */
function createNew(node: TestNode) {
  const made = { name: 'new', errorCode: 'NONE', errorMessage: null, topicId: TOPIC_ID }
  node.controller = () => [{ ...made, numPartitions: 2, replicationFactor: 1 }]
  const topic = {
    name: 'new',
    numPartitions: 2,
    replicationFactor: 1,
    assignments: [],
    configs: [],
  }
  return node.ask(CreateTopics, 7, { topics: [topic], timeoutMs: 1000 })
}
