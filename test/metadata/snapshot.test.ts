import type { MetadataRecordToWrite } from '../../protocol/state/metadata-records.ts'
import {
  decodeMetadataRecord,
  encodeMetadataRecord,
} from '../../protocol/state/metadata-records.ts'
import { abortFact, beginFact, endFact } from '../../src/metadata/facts.ts'
import type { MetadataImage, PartitionImage } from '../../src/metadata/image.ts'
import { Replay } from '../../src/metadata/replay.ts'
import { encodedImage } from '../../src/metadata/snapshot-records.ts'

const uuid = (letter: string): string => letter.repeat(21) + 'Q'
const endPoint = { name: 'PLAINTEXT', host: 'here', port: 9092, securityProtocol: 3 }
const feature = { name: 'metadata.version', minSupportedVersion: 7, maxSupportedVersion: 33 }

const broker = (brokerId: number, parts: object = {}): MetadataRecordToWrite => ({
  type: 'RegisterBrokerRecord',
  version: 4,
  value: {
    brokerId,
    isMigratingZkBroker: false,
    incarnationId: uuid('I'),
    brokerEpoch: 10 + brokerId,
    endPoints: [endPoint],
    features: [feature],
    rack: 'north',
    fenced: true,
    inControlledShutdown: false,
    logDirs: [uuid('D'), uuid('E')],
    cordonedLogDirs: null,
    ...parts,
  },
})

const partition = (partitionId: number, parts: object = {}): MetadataRecordToWrite => ({
  type: 'PartitionRecord',
  version: 2,
  value: {
    partitionId,
    topicId: uuid('T'),
    replicas: [1, 2, 3],
    isr: [2, 1],
    removingReplicas: [3],
    addingReplicas: [2],
    leader: 2,
    leaderRecoveryState: 1,
    leaderEpoch: 7,
    partitionEpoch: 9,
    directories: [uuid('D'), uuid('E'), uuid('F')],
    eligibleLeaderReplicas: [3],
    lastKnownElr: [1],
    ...parts,
  },
})

const config = (resourceType: number, resourceName: string, name: string, value: string | null) =>
  ({ type: 'ConfigRecord', value: { resourceType, resourceName, name, value } }) as const

const level = (name: string, featureLevel: number): MetadataRecordToWrite => ({
  type: 'FeatureLevelRecord',
  value: { name, featureLevel },
})

const quota = (key: string, value: number, remove = false): MetadataRecordToWrite => ({
  type: 'ClientQuotaRecord',
  value: {
    entity: [
      { entityType: 'user', entityName: 'alice' },
      { entityType: 'client-id', entityName: null },
    ],
    key,
    value,
    remove,
  },
})

const acl = (letter: string): MetadataRecordToWrite => ({
  type: 'AccessControlEntryRecord',
  value: {
    id: uuid(letter),
    resourceType: 2,
    resourceName: 'orders',
    patternType: 3,
    principal: 'User:alice',
    host: '*',
    operation: 3,
    permissionType: 3,
  },
})

const scram = (name: string): MetadataRecordToWrite => ({
  type: 'UserScramCredentialRecord',
  value: {
    name,
    mechanism: 1,
    salt: Buffer.from('salt'),
    storedKey: Buffer.from('stored'),
    serverKey: Buffer.from('server'),
    iterations: 4096,
  },
})

const token = (tokenId: string): MetadataRecordToWrite => ({
  type: 'DelegationTokenRecord',
  value: {
    owner: 'User:alice',
    requester: 'User:bob',
    renewers: ['User:carol'],
    issueTimestamp: 1,
    maxTimestamp: 2,
    expirationTimestamp: 3,
    tokenId,
  },
})

const producerIds = (nextProducerId: number): MetadataRecordToWrite => ({
  type: 'ProducerIdsRecord',
  value: { brokerId: 1, brokerEpoch: 11, nextProducerId },
})

/** Each kind of record, with every field away from its default, and the kinds that take something away again. */
const everything: readonly MetadataRecordToWrite[] = [
  level('metadata.version', 33),
  level('group.version', 1),
  level('share.version', 1),
  level('share.version', 0),
  broker(1),
  broker(2, { inControlledShutdown: true, rack: null, fenced: false }),
  broker(3),
  broker(4, { cordonedLogDirs: [uuid('E')] }),
  { type: 'UnfenceBrokerRecord', value: { id: 1, epoch: 11 } },
  { type: 'FenceBrokerRecord', value: { id: 2, epoch: 12 } },
  { type: 'UnregisterBrokerRecord', value: { brokerId: 3, brokerEpoch: 13 } },
  {
    type: 'BrokerRegistrationChangeRecord',
    version: 3,
    value: {
      brokerId: 1,
      brokerEpoch: 11,
      fenced: 1,
      inControlledShutdown: 1,
      logDirs: [uuid('D')],
      cordonedLogDirs: [uuid('D')],
    },
  },
  {
    type: 'BrokerRegistrationChangeRecord',
    version: 3,
    value: {
      brokerId: 4,
      brokerEpoch: 14,
      fenced: 0,
      inControlledShutdown: 0,
      logDirs: [],
      cordonedLogDirs: null,
    },
  },
  {
    type: 'RegisterControllerRecord',
    value: {
      controllerId: 5,
      incarnationId: uuid('C'),
      zkMigrationReady: false,
      endPoints: [endPoint],
      features: [feature],
    },
  },
  { type: 'TopicRecord', value: { name: 'orders', topicId: uuid('T') } },
  partition(0),
  partition(1),
  partition(2, { eligibleLeaderReplicas: null, lastKnownElr: null, isr: [1] }),
  {
    type: 'PartitionChangeRecord',
    version: 2,
    value: { partitionId: 1, topicId: uuid('T'), leader: 1, isr: [1], eligibleLeaderReplicas: [2] },
  },
  { type: 'TopicRecord', value: { name: 'cleared', topicId: uuid('U') } },
  partition(0, { topicId: uuid('U') }),
  { type: 'ClearElrRecord', value: { topicName: 'cleared' } },
  { type: 'TopicRecord', value: { name: 'gone', topicId: uuid('G') } },
  partition(0, { topicId: uuid('G') }),
  config(2, 'gone', 'retention.ms', '1'),
  { type: 'RemoveTopicRecord', value: { topicId: uuid('G') } },
  config(2, 'orders', 'retention.ms', '1000'),
  config(2, 'orders', 'cleanup.policy', 'compact'),
  config(2, 'orders', 'cleanup.policy', null),
  config(4, '', 'log.retention.ms', '7'),
  config(32, 'a group', 'consumer.session.timeout.ms', '50000'),
  config(16, 'a metric', 'interval.ms', '100'),
  quota('producer_byte_rate', 1024.5),
  quota('consumer_byte_rate', 7),
  quota('consumer_byte_rate', 7, true),
  acl('A'),
  acl('B'),
  { type: 'RemoveAccessControlEntryRecord', value: { id: uuid('B') } },
  scram('alice'),
  scram('bob'),
  { type: 'RemoveUserScramCredentialRecord', value: { name: 'bob', mechanism: 1 } },
  token('one'),
  token('two'),
  { type: 'RemoveDelegationTokenRecord', value: { tokenId: 'two' } },
  producerIds(1000),
  producerIds(3000),
  { type: 'NoOpRecord', value: {} },
]

/** As the quorum tells them: through bytes. */
function replayed(replay: Replay, records: readonly MetadataRecordToWrite[], from = 0): void {
  records.forEach((record, index) => {
    const offset = from + index
    const value = encodeMetadataRecord(record)
    const place = { baseOffset: offset, lastOffset: offset, epoch: 3, timestampMs: 5, sizeBytes: 9 }
    replay.apply({ ...place, records: [value] })
  })
  replay.build()
}

/** The same, with an image made after each. */
function stepByStep(...records: readonly MetadataRecordToWrite[]): MetadataImage {
  const replay = new Replay()
  records.forEach((record, offset) => replayed(replay, [record], offset))
  return replay.image
}

function imageOf(...records: readonly MetadataRecordToWrite[]): MetadataImage {
  const replay = new Replay()
  replayed(replay, records)
  return replay.image
}

/** All that an image has, field by field and not as the records that would make it. */
function plain(image: MetadataImage): object {
  const { topics, configs, brokers, controllers, features, nextProducerId, others } = image
  const entries = <Value>(table: { keys(): Iterable<string>; get(key: string): Value }) =>
    [...table.keys()].sort().map((key) => [key, table.get(key)])
  return {
    offset: image.offset,
    epoch: image.epoch,
    byName: entries(topics.byName),
    byId: entries(topics.byId),
    configs: [...configs.keys()].sort().map((key) => [key, [...configs.get(key)!].sort()]),
    brokers: [...brokers].sort(([left], [right]) => left - right),
    controllers: [...controllers],
    features: [...features].sort(),
    nextProducerId,
    others: entries(others),
  }
}

/** The image that a start makes of a snapshot of this one. */
function throughSnapshot(image: MetadataImage): MetadataImage {
  const replay = new Replay()
  const records = [...encodedImage(image)]
  const id = { offset: image.offset + 1, epoch: image.epoch }
  replay.loadSnapshot(id, { control: [], records, timestampMs: 5 })
  replay.build()
  return replay.image
}

describe('an image', () => {
  const image = imageOf(...everything)

  test('has of every kind of record what it says', () => {
    const topic = image.topics.byName.get('orders')!
    const whole: PartitionImage = {
      replicas: [1, 2, 3],
      isr: [2, 1],
      removingReplicas: [3],
      addingReplicas: [2],
      leader: 2,
      leaderRecoveryState: 1,
      leaderEpoch: 7,
      partitionEpoch: 9,
      directories: [uuid('D'), uuid('E'), uuid('F')],
      eligibleLeaderReplicas: [3],
      lastKnownElr: [1],
    }
    expect(topic.partitions).toEqual([
      whole,
      // A leader that is named begins an epoch, and each change one of the partition.
      {
        ...whole,
        isr: [1],
        leader: 1,
        leaderEpoch: 8,
        partitionEpoch: 10,
        eligibleLeaderReplicas: [2],
      },
      { ...whole, isr: [1], eligibleLeaderReplicas: [], lastKnownElr: [] },
    ])
    expect(image.topics.byName.get('cleared')!.partitions).toEqual([
      { ...whole, partitionEpoch: 10, eligibleLeaderReplicas: [], lastKnownElr: [] },
    ])
    expect([...image.topics.byName.keys()].sort()).toEqual(['cleared', 'orders'])
    expect([...image.topics.byId.keys()].sort()).toEqual([uuid('T'), uuid('U')])
    expect([...image.brokers.keys()].sort()).toEqual([1, 2, 4])
    const registered = {
      incarnationId: uuid('I'),
      endPoints: [endPoint],
      features: [feature],
      cordonedLogDirs: null,
    }
    const logDirs = [uuid('D'), uuid('E')]
    expect(image.brokers.get(1)).toEqual({
      ...registered,
      id: 1,
      epoch: 11,
      rack: 'north',
      fenced: true,
      inControlledShutdown: true,
      logDirs: [uuid('D')],
      cordonedLogDirs: [uuid('D')],
    })
    expect(image.brokers.get(2)).toEqual({
      ...registered,
      id: 2,
      epoch: 12,
      rack: null,
      fenced: true,
      inControlledShutdown: true,
      logDirs,
    })
    // A change that names nothing changes nothing.
    expect(image.brokers.get(4)).toMatchObject({
      fenced: true,
      inControlledShutdown: false,
      logDirs,
      cordonedLogDirs: [uuid('E')],
    })
    expect([...image.controllers.values()]).toEqual([
      { id: 5, incarnationId: uuid('C'), endPoints: [endPoint], features: [feature] },
    ])
    expect([...image.features].sort()).toEqual([
      ['group.version', 1],
      ['metadata.version', 33],
    ])
    expect([...image.configs.keys()].sort()).toEqual([
      '16 a metric',
      '2 orders',
      '32 a group',
      '4 ',
    ])
    expect([...image.configs.get('2 orders')!]).toEqual([['retention.ms', '1000']])
    expect(image.nextProducerId).toBe(3000)
    expect([image.offset, image.epoch]).toEqual([everything.length - 1, 3])
    const kept = [quota('producer_byte_rate', 1024.5), acl('A'), scram('alice'), token('one')]
    const bySort = (left: object, right: object): number =>
      JSON.stringify(left) < JSON.stringify(right) ? -1 : 1
    expect([...image.others.values()].sort(bySort)).toEqual(
      kept.map((record) => decodeMetadataRecord(encodeMetadataRecord(record))).sort(bySort),
    )
  })

  test('is the same, whether it is made of all records at once or of one after the other', () => {
    expect(plain(stepByStep(...everything))).toEqual(plain(image))
  })

  test('forgets a controller that was unregistered, and no other (KIP-1312)', () => {
    const registered = everything.find(({ type }) => type === 'RegisterControllerRecord')!
    const another = { ...registered, value: { ...registered.value, controllerId: 6 } }
    const unregistered = { type: 'UnregisterControllerRecord', value: { controllerId: 5 } } as const
    const records = [registered, another as typeof registered, unregistered]
    for (const replayed of [imageOf(...records), stepByStep(...records)]) {
      expect([...replayed.controllers.keys()]).toEqual([6])
      expect([...throughSnapshot(replayed).controllers.keys()]).toEqual([6])
    }
    // It may register again.
    expect([...imageOf(...records, registered).controllers.keys()].sort()).toEqual([5, 6])
  })

  test('moves on with batches that say nothing', () => {
    const replay = new Replay()
    replayed(replay, everything)
    const place = { baseOffset: 100, lastOffset: 101, epoch: 4, timestampMs: 5, sizeBytes: 9 }
    replay.apply({ ...place, records: [] })
    expect(replay.build()).toBeNull()
    expect(plain(replay.image)).toEqual({ ...plain(image), offset: 101, epoch: 4 })
  })

  test('of a batch that comes in parts is that of all of them', () => {
    const replay = new Replay()
    const place = { baseOffset: 0, lastOffset: 1, epoch: 3, timestampMs: 5, sizeBytes: 9 }
    const [first, second] = [level('metadata.version', 33), level('kraft.version', 1)]
    replay.apply({ ...place, records: [encodeMetadataRecord(first)], hasMore: true })
    expect(replay.image.offset).toBe(-1)
    replay.apply({ ...place, records: [encodeMetadataRecord(second)] })
    replay.build()
    expect([replay.image.offset, replay.image.features.size]).toEqual([1, 2])
  })

  test('comes out of its snapshot as it went in', () => {
    expect(plain(throughSnapshot(image))).toEqual(plain(image))
  })

  test('a snapshot is followed by what came after it', () => {
    const more = [
      partition(3, { eligibleLeaderReplicas: null }),
      producerIds(4000),
      { type: 'RemoveTopicRecord', value: { topicId: uuid('U') } } as const,
    ]
    const replay = new Replay()
    const records = [...encodedImage(image)]
    const id = { offset: image.offset + 1, epoch: image.epoch }
    replay.loadSnapshot(id, { control: [], records, timestampMs: 5 })
    replayed(replay, more, id.offset)
    expect(plain(replay.image)).toEqual(plain(imageOf(...everything, ...more)))
  })

  test('a snapshot takes the place of all that was known before', () => {
    const replay = new Replay()
    replayed(replay, [
      { type: 'TopicRecord', value: { name: 'old', topicId: uuid('O') } },
      beginFact('open'),
    ])
    const records = [...encodedImage(image)]
    const id = { offset: image.offset + 1, epoch: image.epoch }
    replay.loadSnapshot(id, { control: [], records, timestampMs: 5 })
    replay.build()
    expect(replay.isInTransaction).toBe(false)
    expect(plain(replay.image)).toEqual(plain(image))
  })
})

describe('a metadata transaction', () => {
  const made = { type: 'TopicRecord', value: { name: 'orders', topicId: uuid('T') } } as const

  test('changes nothing before its end, and the image stays at the offset before its begin', () => {
    const replay = new Replay()
    replayed(replay, [level('metadata.version', 33), beginFact('x'), made])
    expect([replay.isInTransaction, replay.image.offset]).toEqual([true, 0])
    expect(replay.image.topics.byName.size).toBe(0)
    replayed(replay, [endFact], 3)
    expect([replay.isInTransaction, replay.image.offset]).toEqual([false, 3])
    expect(replay.image.topics.byName.get('orders')?.id).toBe(uuid('T'))
  })

  test('changes nothing when it is aborted', () => {
    const replay = new Replay()
    replayed(replay, [level('metadata.version', 33), beginFact('x'), made, abortFact('y')])
    expect([replay.isInTransaction, replay.image.offset]).toEqual([false, 3])
    expect(replay.image.topics.byName.size).toBe(0)
    replayed(replay, [beginFact('x'), { ...made, value: { name: 'b', topicId: uuid('B') } }], 4)
    replayed(replay, [endFact], 6)
    expect([...replay.image.topics.byName.keys()]).toEqual(['b'])
  })

  test('takes nothing away of what was before it in the same batch, and is told with it', () => {
    const replay = new Replay()
    const first = { type: 'TopicRecord', value: { name: 'first', topicId: uuid('F') } } as const
    const records = [level('metadata.version', 33), first, beginFact('x'), made, endFact]
    const place = { baseOffset: 0, lastOffset: 4, epoch: 3, timestampMs: 5, sizeBytes: 9 }
    replay.apply({ ...place, records: records.map((record) => encodeMetadataRecord(record)) })
    const { createdTopics, featuresChanged, brokersChanged } = replay.build()!
    expect(createdTopics.map(({ name }) => name)).toEqual(['first', 'orders'])
    expect([featuresChanged, brokersChanged, replay.image.offset]).toEqual([true, false, 4])
    expect(plain(replay.image)).toEqual({ ...plain(imageOf(...records)), offset: 4 })
  })

  test('that begins in another or ends without a begin is damage', () => {
    expect(() => imageOf(beginFact('x'), beginFact('y'))).toThrow(/begins in another/)
    expect(() => imageOf(endFact)).toThrow(/not begun/)
  })
})

describe('records that fit to nothing before them are damage', () => {
  const known = [
    broker(1),
    { type: 'TopicRecord', value: { name: 't', topicId: uuid('T') } } as const,
  ]
  test.each<[string, MetadataRecordToWrite]>([
    ['a topic that is removed', { type: 'RemoveTopicRecord', value: { topicId: uuid('X') } }],
    ['the topic of a partition', partition(0, { topicId: uuid('X') })],
    [
      'a partition that changes',
      { type: 'PartitionChangeRecord', value: { partitionId: 4, topicId: uuid('T') } },
    ],
    ['a broker', { type: 'FenceBrokerRecord', value: { id: 7, epoch: 17 } }],
    ['a life of a broker', { type: 'UnfenceBrokerRecord', value: { id: 1, epoch: 10 } }],
    ['one that leaves', { type: 'UnregisterBrokerRecord', value: { brokerId: 1, brokerEpoch: 9 } }],
  ])('%s', (_what, record) => {
    expect(() => imageOf(...known, record)).toThrow(/unknown/)
  })
})

test('a topic made again under its name keeps its new id when the old one is removed', () => {
  const again = stepByStep(
    { type: 'TopicRecord', value: { name: 't', topicId: uuid('O') } },
    { type: 'TopicRecord', value: { name: 't', topicId: uuid('N') } },
    { type: 'RemoveTopicRecord', value: { topicId: uuid('O') } },
  )
  expect(again.topics.byName.get('t')?.id).toBe(uuid('N'))
  expect([...again.topics.byId.keys()]).toEqual([uuid('N')])
})
