import { BrokerConfig } from '../../../src/config/broker-config.ts'
import { alterIncrementally, alterWhole } from '../../../src/config/alter.ts'
import { Controller } from '../../../src/metadata/controller/controller.ts'
import type { Command } from '../../../src/metadata/controller/controller.ts'
import type { ControllerSettings } from '../../../src/metadata/controller/view.ts'
import { beginFact, endFact, featureFact } from '../../../src/metadata/facts.ts'
import type { MetadataFact } from '../../../src/metadata/facts.ts'
import { EMPTY_IMAGE } from '../../../src/metadata/image.ts'
import { partitionChangeFact } from '../../../src/metadata/partition-change.ts'
import { seededRandom } from '../../../src/host/sim/random.ts'
import { Transcript } from '../../machine/transcript.ts'
import { CLUSTER_ID, topic } from '../support.ts'

const ZERO = 'A'.repeat(22)

function settingsWith(
  options: { deleteTopicEnable?: boolean; kraftVersion?: number } = {},
): ControllerSettings {
  const config = new BrokerConfig({ settings: { 'node.id': 1, 'log.dirs': '/nowhere' } })
  const random = seededRandom(1)
  let ids = 0
  return {
    clusterId: CLUSTER_ID,
    nodeId: 1,
    incarnationId: 'c'.repeat(22),
    sessionTimeoutMs: 9000,
    fencesOnEvidence: false,
    maxIdleIntervalMs: 0,
    kraftVersion: options.kraftVersion ?? 1,
    defaults: { numPartitions: 2, replicationFactor: 1 },
    topicDefaults: { minInsyncReplicas: 1, isUncleanAllowed: false },
    elections: { preferredIntervalMs: 300_000, uncleanIntervalMs: 300_000 },
    tokens: null,
    wallNow: 0,
    deleteTopicEnable: options.deleteTopicEnable ?? true,
    rules: {
      incremental: (resource, alterations) => alterIncrementally(config, resource, alterations),
      whole: (resource, entries) => alterWhole(config, resource, entries),
    },
    random: {
      below: random.below,
      bytes: (length) => Buffer.alloc(length, ++ids),
    },
  }
}

const broker = (brokerId: number, parts: object = {}): Command => ({
  type: 'registerBroker',
  brokerId,
  clusterId: CLUSTER_ID,
  incarnationId: `${brokerId}`.repeat(21) + 'Q',
  endPoints: [{ name: 'PLAINTEXT', host: 'localhost', port: 9090 + brokerId, securityProtocol: 0 }],
  features: [{ name: 'metadata.version', minSupportedVersion: 7, maxSupportedVersion: 33 }],
  rack: null,
  logDirs: [`dir${brokerId}`.padEnd(21, 'x') + 'Q'],
  previousBrokerEpoch: null,
  ...parts,
})

const heartbeat = (brokerId: number, brokerEpoch: number, parts: object = {}): Command => ({
  type: 'brokerHeartbeat',
  brokerId,
  brokerEpoch,
  currentMetadataOffset: brokerEpoch,
  wantFence: false,
  wantShutDown: false,
  offlineLogDirs: [],
  cordonedLogDirs: null,
  ...parts,
})

const levels = (name: string, minSupportedVersion: number, maxSupportedVersion: number) => ({
  name,
  minSupportedVersion,
  maxSupportedVersion,
})

const controller = (
  controllerId: number,
  features: readonly ReturnType<typeof levels>[],
): MetadataFact => ({
  type: 'RegisterControllerRecord',
  version: 0,
  value: {
    controllerId,
    incarnationId: `${controllerId}`.repeat(21) + 'Q',
    zkMigrationReady: false,
    endPoints: [],
    features: [...features],
  },
})

function begin(brokers: readonly number[] = [1], options = {}) {
  const machine = new Controller(EMPTY_IMAGE, 3)
  const transcript = new Transcript(machine, settingsWith(options), 3)
  transcript.step({
    type: 'activate',
    bootstrap: [beginFact('Bootstrap records'), featureFact('metadata.version', 33), endFact],
    openTransaction: false,
  })
  const serve = (id: number, parts: object = {}, now = 0): void => {
    transcript.step(broker(id, parts), now)
    transcript.step(heartbeat(id, machine.image.brokers.get(id)!.epoch), now)
  }
  for (const id of brokers) serve(id)
  const create = (topics: readonly object[], validateOnly = false) =>
    transcript.step({
      type: 'createTopics',
      topics: topics.map((parts) => ({ ...topic('t', -1), ...parts })),
      validateOnly,
    })
  return { transcript, create, serve, machine }
}

describe('the controller', () => {
  test('creates topics with their settings and refuses what Kafka refuses', () => {
    const { transcript, create } = begin()
    transcript.note('defaults, a number of partitions, settings')
    create([{ name: 'plain' }, { name: 'three', numPartitions: 3 }])
    create([topic('with.settings', 1, { 'retention.ms': '1000' })])
    transcript.note('only validated: nothing happens')
    create([{ name: 'not-yet' }], true)
    transcript.note('names')
    const names = ['', '.', '..', 'a b', 'x'.repeat(250), 'plain', 'with_settings']
    create(names.map((name) => ({ name })))
    create([{ name: '__cluster_metadata' }, { name: 'twice' }, { name: 'twice' }])
    transcript.note('numbers')
    create([{ name: 'a', numPartitions: 0 }])
    create([{ name: 'a', replicationFactor: 0 }])
    create([{ name: 'a', replicationFactor: 2 }])
    create([{ name: 'a', numPartitions: 10_001 }])
    transcript.note('settings')
    create([topic('a', 1, { 'no.such': '1' })])
    create([topic('a', 1, { 'retention.ms': 'x' })])
    create([{ name: 'a', configs: [{ name: 'retention.ms', value: null }] }])
    transcript.expectGolden('controller/create-topics')
  })

  test('takes replica assignments, or says what is wrong with them', () => {
    const { transcript, create } = begin([1, 2])
    const assigned = (...brokerIds: number[][]) =>
      brokerIds.map((ids, partitionIndex) => ({ partitionIndex, brokerIds: ids }))
    create([{ name: 'a', assignments: assigned([1, 2], [2, 1]) }])
    transcript.note('refused')
    create([{ name: 'b', assignments: assigned([1]), numPartitions: 1 }])
    create([{ name: 'b', assignments: assigned([1]), replicationFactor: 1 }])
    create([{ name: 'b', assignments: assigned([]) }])
    create([{ name: 'b', assignments: assigned([3]) }])
    create([{ name: 'b', assignments: assigned([1, 1]) }])
    create([{ name: 'b', assignments: assigned([1, 2], [1]) }])
    create([{ name: 'b', assignments: [{ partitionIndex: 1, brokerIds: [1] }] }])
    create([
      {
        name: 'b',
        assignments: [
          { partitionIndex: 0, brokerIds: [1] },
          { partitionIndex: 0, brokerIds: [2] },
        ],
      },
    ])
    transcript.expectGolden('controller/assignments')
  })

  test('without a broker nothing can be placed', () => {
    const { transcript, create } = begin([])
    create([{ name: 'a' }])
    transcript.expectGolden('controller/no-broker')
  })

  test('deletes topics by name or id, once', () => {
    const { transcript, create } = begin()
    create([topic('a.b', 1, { 'retention.ms': '1000' }), { name: 'c' }, { name: 'd' }])
    const remove = (...topics: { name: string | null; topicId: string }[]) =>
      transcript.step({ type: 'deleteTopics', topics })
    const byName = (name: string) => ({ name, topicId: ZERO })
    const byId = (topicId: string) => ({ name: null, topicId })
    transcript.note('by name, after which a name that collided is free')
    remove(byName('a.b'))
    create([{ name: 'a_b' }])
    transcript.note('by both in one request: told once, and kept; then by id')
    const id = Buffer.alloc(16, 2)
    id[6] = (id[6]! & 0x0f) | 0x40
    id[8] = (id[8]! & 0x3f) | 0x80
    remove(byId(id.toString('base64url')), byName('c'))
    remove(byId(id.toString('base64url')))
    transcript.note('refused')
    remove(byName('nobody'))
    remove(byId('Zm9vYmFyYmF6cXV4MTIzNA'))
    remove(byId(ZERO))
    remove({ name: 'd', topicId: 'Zm9vYmFyYmF6cXV4MTIzNA' })
    remove(byName('d'), byName('d'))
    transcript.expectGolden('controller/delete-topics')
  })

  test('deletes nothing where deletion is switched off', () => {
    const { transcript, create } = begin([1], { deleteTopicEnable: false })
    create([{ name: 'a' }])
    transcript.step({ type: 'deleteTopics', topics: [{ name: 'a', topicId: ZERO }] })
    transcript.expectGolden('controller/delete-disabled')
  })

  test('adds partitions, never takes any', () => {
    const { transcript, create } = begin([1, 2])
    create([{ name: 'a', numPartitions: 2, replicationFactor: 1 }])
    const grow = (count: number, assignments: number[][] | null = null, validateOnly = false) =>
      transcript.step({
        type: 'createPartitions',
        topics: [
          {
            name: 'a',
            count,
            assignments: assignments?.map((brokerIds) => ({ brokerIds })) ?? null,
          },
        ],
        validateOnly,
      })
    grow(3, null, true)
    grow(3)
    grow(4, [[2]])
    transcript.note('refused')
    grow(4)
    grow(1)
    grow(6, [[1]])
    grow(5, [[1, 2]])
    grow(5, [[9]])
    transcript.step({
      type: 'createPartitions',
      topics: [{ name: 'nobody', count: 3, assignments: null }],
      validateOnly: false,
    })
    transcript.expectGolden('controller/create-partitions')
  })

  test('changes settings of topics, brokers, groups and client metrics', () => {
    const { transcript, create } = begin()
    create([{ name: 'a' }])
    const alter = (
      resourceType: number,
      resourceName: string,
      ...changes: [string, number, string | null][]
    ) =>
      transcript.step({
        type: 'incrementalAlterConfigs',
        validateOnly: false,
        resources: [
          {
            resourceType,
            resourceName,
            configs: changes.map(([name, configOperation, value]) => ({
              name,
              configOperation,
              value,
            })),
          },
        ],
      })
    alter(2, 'a', ['retention.ms', 0, '5'], ['cleanup.policy', 2, 'compact'])
    alter(2, 'a', ['cleanup.policy', 3, 'delete'], ['retention.ms', 1, null])
    alter(4, '', ['log.retention.ms', 0, '7'])
    alter(4, '1', ['log.cleaner.threads', 0, '1'])
    alter(32, 'g', ['consumer.session.timeout.ms', 0, '50000'])
    alter(16, 'm', ['interval.ms', 0, '500'])
    transcript.note('all of a resource or nothing')
    alter(2, 'a', ['retention.ms', 0, '6'], ['retention.bytes', 0, 'x'])
    transcript.note('refused')
    alter(2, 'nobody', ['retention.ms', 0, '6'])
    alter(4, '9', ['log.cleaner.threads', 0, '1'])
    alter(8, '1', ['kafka', 0, 'DEBUG'])
    transcript.note('the legacy form clears what it does not name')
    transcript.step({
      type: 'alterConfigs',
      validateOnly: false,
      resources: [
        { resourceType: 2, resourceName: 'a', configs: [{ name: 'retention.ms', value: '9' }] },
      ],
    })
    transcript.step({
      type: 'alterConfigs',
      validateOnly: true,
      resources: [{ resourceType: 2, resourceName: 'a', configs: [] }],
    })
    transcript.expectGolden('controller/configs')
  })

  test('changes the levels of features, all or none', () => {
    const transcript = new Transcript(new Controller(EMPTY_IMAGE, 3), settingsWith(), 3)
    transcript.step({
      type: 'activate',
      bootstrap: [
        featureFact('metadata.version', 30),
        featureFact('group.version', 1),
        // What this one could do in its former life.
        controller(1, [levels('metadata.version', 7, 29)]),
      ],
      openTransaction: false,
    })
    const quorum = levels('kraft.version', 0, 1)
    const transactions = levels('transaction.version', 0, 2)
    const offered = [levels('metadata.version', 25, 33), quorum, transactions]
    transcript.step(broker(1, { features: offered }))
    const update = (validateOnly: boolean, ...updates: [string, number, number][]) =>
      transcript.step({
        type: 'updateFeatures',
        featureUpdates: updates.map(([feature, maxVersionLevel, upgradeType]) => ({
          feature,
          maxVersionLevel,
          upgradeType,
        })),
        validateOnly,
      })
    const [up, safe, unsafe] = [1, 2, 3] as const
    transcript.note('only validated: nothing happens')
    update(true, ['metadata.version', 33, up])
    transcript.note('raised; the same again is written again; the last of two counts; and nothing')
    update(false, ['metadata.version', 31, up])
    update(false, ['metadata.version', 31, safe])
    update(false, ['metadata.version', 99, up], ['metadata.version', 31, unsafe])
    update(false)
    transcript.note('lowered where nothing can be lost')
    update(false, ['metadata.version', 30, safe])
    update(false, ['metadata.version', 31, up])
    update(false, ['metadata.version', 30, unsafe])
    update(false, ['metadata.version', 33, up])
    transcript.note('refused: downgrades')
    update(false, ['metadata.version', 32, up])
    update(false, ['metadata.version', 32, safe])
    update(false, ['metadata.version', 31, unsafe])
    update(false, ['metadata.version', 29, safe])
    transcript.note('refused: levels and kinds')
    update(false, ['metadata.version', -1, safe])
    update(false, ['metadata.version', 0, safe])
    update(false, ['metadata.version', 24, safe])
    update(false, ['metadata.version', 34, up])
    update(false, ['metadata.version', 33, 0])
    update(false, ['metadata.version', 33, 4])
    transcript.note('refused: features that are not here, and all else with one of them')
    update(false, ['metadata.version', 33, up], ['share.version', 2, up])
    update(false, ['share.version', 0, safe])
    update(false, ['group.version', 0, safe])
    update(false, ['group.version', 0, up])
    transcript.note('transactions: raised and lowered')
    update(false, ['transaction.version', 3, up])
    update(false, ['transaction.version', 2, up])
    update(false, ['transaction.version', 1, up])
    update(false, ['transaction.version', 1, safe])
    update(false, ['transaction.version', 0, safe])
    transcript.note("the quorum's own stays")
    update(false, ['kraft.version', 1, up])
    update(false, ['kraft.version', 1, safe])
    update(false, ['kraft.version', 2, up])
    update(false, ['kraft.version', 0, safe])
    transcript.note('every node must know the level')
    transcript.step(broker(2, { features: [levels('metadata.version', 7, 33)] }))
    update(false, ['kraft.version', 1, up])
    transcript.step(broker(2, { features: [levels('metadata.version', 33, 33), quorum] }))
    update(true, ['metadata.version', 32, safe])
    transcript.step({
      type: 'activate',
      bootstrap: [
        controller(3, [levels('metadata.version', 7, 33), levels('kraft.version', 0, 0)]),
      ],
      openTransaction: false,
    })
    update(false, ['kraft.version', 1, up])
    transcript.expectGolden('controller/features')
  })

  test('does not say of a quorum of kraft.version 0 that it was raised', () => {
    const machine = new Controller(EMPTY_IMAGE, 3)
    const settings = settingsWith({ kraftVersion: 0 })
    const told = (maxVersionLevel: number) =>
      machine.decide(
        {
          type: 'updateFeatures',
          featureUpdates: [{ feature: 'kraft.version', maxVersionLevel, upgradeType: 1 }],
          validateOnly: false,
        },
        { ticket: 1, now: 0, wallNow: 0, nextOffset: 3, settings },
      )
    expect(told(0)).toMatchObject({ facts: [], replies: [{ reply: { errorCode: 'NONE' } }] })
    expect(told(1)).toMatchObject({
      facts: [],
      replies: [{ reply: { errorCode: 'INVALID_UPDATE_VERSION' } }],
    })
  })

  test('registers its broker anew after each start and gives its partitions a new epoch', () => {
    const { transcript, create, serve } = begin()
    create([{ name: 'a', numPartitions: 2 }])
    transcript.note(
      'another process while this one is alive, the same once more, and the next life',
    )
    const next = { incarnationId: 'Zm9vYmFyYmF6cXV4MTIzNA' }
    transcript.step(broker(1, next))
    transcript.step(broker(1))
    serve(1, next, 10_000)
    transcript.note('refused')
    transcript.step(broker(1, { ...next, clusterId: 'another' }))
    transcript.step(broker(1, { ...next, logDirs: [] }))
    transcript.step(broker(1, { ...next, logDirs: ['A'.repeat(21) + 'Q'] }))
    transcript.step(broker(1, { ...next, features: [] }))
    transcript.step(broker(2, { logDirs: ['dir1'.padEnd(21, 'x') + 'Q'] }))
    transcript.expectGolden('controller/register-broker')
  })

  test('leads again where Kafka wrote that the only replica is eligible, as it does when it stops', () => {
    const machine = new Controller(EMPTY_IMAGE, 3)
    const context = { ticket: 1, now: 0, wallNow: 0, settings: settingsWith() }
    const step = (command: Command): void => {
      const { nextOffset } = machine
      for (const fact of machine.decide(command, { ...context, nextOffset }).facts ?? [])
        machine.apply(fact, machine.nextOffset)
    }
    const serve = (parts: object): void => {
      step(broker(1, { features: [levels('eligible.leader.replicas.version', 0, 1)], ...parts }))
      step(heartbeat(1, machine.image.brokers.get(1)!.epoch))
    }
    machine.apply(featureFact('eligible.leader.replicas.version', 1), machine.nextOffset)
    serve({})
    step({
      type: 'createTopics',
      topics: [{ ...topic('a', -1), numPartitions: 3 }],
      validateOnly: false,
    })
    const topicId = machine.image.topics.byName.get('a')!.id
    const left = (partitionId: number, eligible: readonly number[], last: readonly number[]) => {
      const parts = { isr: [], eligibleLeaderReplicas: eligible, lastKnownElr: last }
      const fact = partitionChangeFact(topicId, partitionId, { leader: -1, ...parts })
      machine.apply(fact, machine.nextOffset)
    }
    left(0, [1], [])
    left(1, [], [1])
    left(2, [], [])
    context.now = 10_000
    const previousBrokerEpoch = machine.image.brokers.get(1)!.epoch
    serve({ incarnationId: 'Zm9vYmFyYmF6cXV4MTIzNA', previousBrokerEpoch })
    const found = machine.image.topics.byName.get('a')!.partitions
    expect(found.map(({ leader, isr }) => [leader, isr])).toEqual([
      [1, [1]],
      [1, [1]],
      [-1, []],
    ])
    expect(found.map((each) => each.eligibleLeaderReplicas.concat(each.lastKnownElr))).toEqual([
      [],
      [],
      [],
    ])
  })

  test('knows where replicas are, and lets nobody lead from a directory that is offline', () => {
    const { transcript, create, serve, machine } = begin([])
    const [a, b, c] = ['a', 'b', 'c'].map((name) => name.padEnd(21, 'x') + 'Q') as [
      string,
      string,
      string,
    ]
    serve(1, { logDirs: [a, b] })
    serve(2, { logDirs: [c] })
    const epochOf2 = machine.image.brokers.get(2)!.epoch
    const assignments = (...replicas: number[][]) =>
      replicas.map((brokerIds, partitionIndex) => ({ partitionIndex, brokerIds }))
    create([{ name: 'alone', assignments: assignments([1], [1]) }])
    create([{ name: 'shared', assignments: assignments([1, 2]) }])
    const [alone, shared] = ['AQEBAQEBQQGBAQEBAQEBAQ', 'AgICAgICQgKCAgICAgICAg']
    const assign = (id: string, topicId: string, partitions: number[], parts: object = {}) =>
      transcript.step({
        type: 'assignReplicasToDirs',
        brokerId: 1,
        brokerEpoch: 6,
        directories: [
          {
            id,
            topics: [
              { topicId, partitions: partitions.map((partitionIndex) => ({ partitionIndex })) },
            ],
          },
        ],
        ...parts,
      })
    const report = (offlineLogDirs: readonly string[], brokerEpoch = 6) =>
      transcript.step(heartbeat(1, brokerEpoch, { offlineLogDirs }))
    assign(a, alone, [0])
    assign(b, alone, [1])
    assign(b, shared, [0])
    transcript.note('said twice it is no news')
    assign(a, alone, [0])
    transcript.note('refused')
    assign(a, alone, [0], { brokerEpoch: 5 })
    assign(a, alone, [7])
    assign(a, alone, [0], { brokerId: 2, brokerEpoch: epochOf2 })
    assign(a, ZERO, [0])
    report([a], 5)
    transcript.note('one partition has no leader any more, the other has another one')
    report([b])
    report([b])
    transcript.note('nor leads one that is found to be there; found elsewhere it has a leader')
    assign(b, alone, [0])
    assign(a, alone, [0])
    transcript.note('after a restart without the directory, and after one with it')
    serve(1, { logDirs: [a], incarnationId: `${'l'.repeat(21)}Q` }, 10_000)
    serve(1, { logDirs: [a, b], incarnationId: `${'m'.repeat(21)}Q` }, 20_000)
    transcript.note('without the directory of one that it led')
    serve(1, { logDirs: [a], incarnationId: `${'n'.repeat(21)}Q` }, 30_000)
    transcript.expectGolden('controller/directories')
  })

  test('puts replicas in another order, or leaves some of them out', () => {
    const { transcript, create } = begin([1, 2])
    const assignments = [
      { partitionIndex: 0, brokerIds: [1, 2] },
      { partitionIndex: 1, brokerIds: [1, 2] },
      { partitionIndex: 2, brokerIds: [1, 2] },
    ]
    create([{ name: 'a', assignments }])
    create([{ name: 'b', assignments: [{ partitionIndex: 0, brokerIds: [1] }] }])
    const reassign = (
      name: string,
      partitionIndex: number,
      replicas: number[] | null,
      allowReplicationFactorChange = true,
    ) =>
      transcript.step({
        type: 'alterPartitionReassignments',
        topics: [{ name, partitions: [{ partitionIndex, replicas }] }],
        allowReplicationFactorChange,
      })
    reassign('a', 0, [2, 1])
    transcript.note('fewer: the leader stays, or another one takes over')
    reassign('a', 1, [1])
    reassign('a', 2, [2])
    transcript.note('nothing is to do')
    reassign('b', 0, [1])
    transcript.note('refused')
    reassign('b', 0, [1, 2])
    reassign('b', 0, [3])
    reassign('b', 0, [])
    reassign('b', 0, null)
    reassign('b', 7, [1])
    reassign('nobody', 0, [1])
    reassign('a', 0, [1], false)
    transcript.expectGolden('controller/reassignments')
  })

  test('places nothing new where all directories are cordoned', () => {
    const { transcript, create } = begin([1, 2])
    const directory = (id: number): string => `dir${id}`.padEnd(21, 'x') + 'Q'
    const cordon = (cordonedLogDirs: readonly string[] | null) =>
      transcript.step(heartbeat(1, 6, { cordonedLogDirs }))
    transcript.note('it has not said yet; then it says that it has none; then again')
    cordon(null)
    cordon([])
    cordon([])
    transcript.note('its only directory')
    cordon([directory(1)])
    create([{ name: 'a', numPartitions: 3 }])
    create([{ name: 'b', assignments: [{ partitionIndex: 0, brokerIds: [1] }] }])
    transcript.note('as before, and no longer')
    cordon([directory(1)])
    cordon([])
    create([{ name: 'b', assignments: [{ partitionIndex: 0, brokerIds: [1] }] }])
    transcript.expectGolden('controller/cordoned')
  })

  test('forgets brokers that are gone for good: others lead, or nobody', () => {
    const { transcript, create } = begin([1, 2])
    create([
      { name: 'a', assignments: [{ partitionIndex: 0, brokerIds: [1, 2] }] },
      { name: 'b', assignments: [{ partitionIndex: 0, brokerIds: [1] }] },
    ])
    const forget = (brokerId: number) => transcript.step({ type: 'unregisterBroker', brokerId })
    forget(1)
    transcript.note('nobody of that id is there any more')
    forget(1)
    transcript.step(heartbeat(1, 6))
    transcript.note('it may come back')
    transcript.step(broker(1, { incarnationId: 'k'.repeat(21) + 'Q' }))
    transcript.note('one that is fenced is forgotten, too')
    forget(1)
    transcript.expectGolden('controller/unregister-broker')
  })

  test('takes note of controllers, and of what they know', () => {
    const { transcript } = begin()
    const endPoints = [{ name: 'CONTROLLER', host: 'h', port: 9093, securityProtocol: 0 }]
    const register = (controllerId: number, incarnation: string) =>
      transcript.step({
        type: 'registerController',
        controllerId,
        incarnationId: incarnation.repeat(21) + 'Q',
        endPoints,
        features: [levels('metadata.version', 25, 33), levels('kraft.version', 0, 1)],
      })
    register(1, 'c')
    register(2, 'd')
    transcript.note('in another life')
    register(2, 'e')
    transcript.expectGolden('controller/register-controller')
  })

  test('hands out producer ids in blocks to the broker that is registered', () => {
    const { transcript } = begin()
    for (const [brokerId, brokerEpoch] of [
      [1, 6],
      [1, 6],
      [1, 5],
      [2, 6],
    ] as const) {
      transcript.step({ type: 'allocateProducerIds', brokerId, brokerEpoch })
    }
    transcript.expectGolden('controller/producer-ids')
  })
})
