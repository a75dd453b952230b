import type { MetadataFact } from '../../../src/metadata/facts.ts'
import { featureFact } from '../../../src/metadata/facts.ts'
import type { ConfigRules } from '../../../src/metadata/controller/view.ts'
import {
  ask,
  broker,
  controllerOf,
  decide,
  heartbeat,
  partition,
  partitionIn,
} from './tested-controller.ts'

const MINIMUM = 'min.insync.replicas'
const KEPT = featureFact('eligible.leader.replicas.version', 1)
const twoInSync: MetadataFact = {
  type: 'ConfigRecord',
  version: 0,
  value: { resourceType: 2, resourceName: 't', name: MINIMUM, value: '2' },
}
/** Settings that set what is asked for, whatever it is. */
const RULES: ConfigRules = {
  incremental: (_resource, alterations) => ({
    ok: true,
    changes: new Map(alterations.map(({ name, value }) => [name, value])),
  }),
  whole: () => ({ ok: true, changes: new Map() }),
}

const three = (...facts: MetadataFact[]) =>
  controllerOf(
    [broker(1), broker(2), broker(3), ...partition([1, 2, 3]), KEPT, twoInSync, ...facts],
    RULES,
  )
const fence = (id: number) => heartbeat(id, id - 1, { wantFence: true })

// KIP-966.
describe('replicas that are eligible to lead', () => {
  test('bring a partition back as soon as one of them serves, though all were down', () => {
    const controller = three()
    for (const id of [3, 2]) ask(controller, fence(id))
    expect(partitionIn(controller)).toMatchObject({ isr: [1], eligibleLeaderReplicas: [2] })
    ask(controller, fence(1))
    expect(partitionIn(controller)).toMatchObject({
      leader: -1,
      isr: [],
      eligibleLeaderReplicas: [2, 1],
      lastKnownElr: [1],
    })
    // The third had left while writes went on.
    ask(controller, heartbeat(3, 2))
    expect(partitionIn(controller).leader).toBe(-1)
    ask(controller, heartbeat(2, 1))
    expect(partitionIn(controller)).toMatchObject({
      leader: 2,
      isr: [2],
      eligibleLeaderReplicas: [1],
      lastKnownElr: [],
      leaderRecoveryState: 0,
    })
  })

  test('stay so through a shutdown in order, and not when their broker is forgotten', () => {
    const controller = three()
    for (const id of [3, 2]) ask(controller, fence(id))
    ask(controller, { type: 'unregisterBroker', brokerId: 2 })
    expect(partitionIn(controller)).toMatchObject({ isr: [1], eligibleLeaderReplicas: [] })
  })

  test('are so no more when another min.insync.replicas is set, of the topic or of the cluster', () => {
    for (const [resourceType, resourceName] of [
      [2, 't'],
      [4, ''],
    ] as const) {
      const controller = three()
      for (const id of [3, 2]) ask(controller, fence(id))
      const before = partitionIn(controller)
      const configs = [{ name: MINIMUM, configOperation: 0, value: '1' }]
      const { facts } = decide(controller, {
        type: 'incrementalAlterConfigs',
        resources: [{ resourceType, resourceName, configs }],
        validateOnly: false,
      })
      const topicName = resourceName
      expect(facts!.at(-1)).toEqual({ type: 'ClearElrRecord', version: 0, value: { topicName } })
      // A new partition epoch, so that its leader knows.
      expect(partitionIn(controller)).toEqual({
        ...before,
        eligibleLeaderReplicas: [],
        partitionEpoch: before.partitionEpoch + 1,
      })
    }
  })

  test('stay so where nobody is in sync: whoever of them comes back leads, by the new min.insync.replicas', () => {
    for (const [resourceType, resourceName] of [
      [2, 't'],
      [4, ''],
    ] as const) {
      const controller = three()
      for (const id of [3, 2, 1]) ask(controller, fence(id))
      const { isr, eligibleLeaderReplicas } = partitionIn(controller)
      expect([isr, eligibleLeaderReplicas]).toEqual([[], [2, 1]])
      const configs = [{ name: MINIMUM, configOperation: 0, value: '1' }]
      ask(controller, {
        type: 'incrementalAlterConfigs',
        resources: [{ resourceType, resourceName, configs }],
        validateOnly: false,
      })
      expect(partitionIn(controller)).toMatchObject({ isr, eligibleLeaderReplicas })
      ask(controller, heartbeat(2, 1))
      expect(partitionIn(controller)).toMatchObject({ leader: 2, isr: [2] })
    }
  })

  test('are none of a new topic, as Kafka writes it down where that sets min.insync.replicas', () => {
    const controller = three()
    const { facts } = decide(controller, {
      type: 'createTopics',
      topics: [
        {
          name: 'n',
          numPartitions: 1,
          replicationFactor: 3,
          assignments: [],
          configs: [{ name: MINIMUM, value: '2' }],
        },
      ],
      validateOnly: false,
    })
    expect(facts!.map(({ type }) => type)).toEqual([
      'TopicRecord',
      'ConfigRecord',
      'ClearElrRecord',
      'PartitionRecord',
    ])
  })

  test('are not kept by a cluster that has not finalized the feature', () => {
    const controller = controllerOf([broker(1), broker(2), ...partition([1, 2]), twoInSync])
    ask(controller, fence(2))
    expect(partitionIn(controller)).toMatchObject({ isr: [1], eligibleLeaderReplicas: [] })
  })
})

const LEVEL = 'eligible.leader.replicas.version'
const UPGRADE = 1
const SAFE_DOWNGRADE = 2
const setTo = (maxVersionLevel: number, upgradeType = UPGRADE, validateOnly = false) =>
  ({
    type: 'updateFeatures',
    featureUpdates: [{ feature: LEVEL, maxVersionLevel, upgradeType }],
    validateOnly,
  }) as const
const minimumOf = (name: string, value: string | null): MetadataFact => ({
  type: 'ConfigRecord',
  version: 0,
  value: { resourceType: 4, resourceName: name, name: MINIMUM, value },
})

describe('a cluster that is to keep who is eligible', () => {
  const REFUSED =
    'The update failed for all features since the following feature had an error: Invalid update version'

  test('is first given one min.insync.replicas for all, as Kafka writes it', () => {
    const controller = controllerOf(
      [
        broker(1),
        broker(2),
        broker(10),
        minimumOf('10', '3'),
        minimumOf('2', '2'),
        {
          type: 'ConfigRecord',
          version: 0,
          value: { resourceType: 4, resourceName: '1', name: 'log.cleaner.threads', value: '2' },
        },
      ],
      RULES,
      { topicDefaults: { minInsyncReplicas: 2, isUncleanAllowed: false } },
    )
    expect(decide(controller, setTo(1, UPGRADE, true)).facts).toEqual([])
    const { facts, replies } = decide(controller, setTo(1))
    expect(replies![0]!.reply).toMatchObject({ errorCode: 'NONE' })
    expect(facts).toEqual([
      minimumOf('', '2'),
      minimumOf('2', null),
      minimumOf('10', null),
      featureFact(LEVEL, 1),
    ])
    // Once more, and where there is one for all.
    expect(decide(controller, setTo(1)).facts).toEqual([featureFact(LEVEL, 1)])
    const set = controllerOf([broker(1), minimumOf('', '3')])
    expect(decide(set, setTo(1)).facts).toEqual([featureFact(LEVEL, 1)])
  })

  test('goes to no level that a node does not know, and down only when told so', () => {
    const controller = three()
    expect(ask(controller, setTo(2))).toEqual({
      errorCode: 'INVALID_UPDATE_VERSION',
      errorMessage: `${REFUSED} 2 for feature ${LEVEL}. Local controller 1 only supports versions 0-1`,
    })
    expect(ask(controller, setTo(0))).toMatchObject({ errorCode: 'INVALID_UPDATE_VERSION' })
    expect(decide(controller, setTo(0, SAFE_DOWNGRADE)).facts).toEqual([featureFact(LEVEL, 0)])
    const mixed = controllerOf([broker(1), broker(4, { features: [] })])
    expect(ask(mixed, setTo(1))).toEqual({
      errorCode: 'INVALID_UPDATE_VERSION',
      errorMessage: `${REFUSED} 1 for feature ${LEVEL}. Broker 4 does not support this feature.`,
    })
  })

  test('forgets at each change of level who was eligible where writes go on, and nobody else', () => {
    const controller = three()
    for (const id of [3, 2]) ask(controller, fence(id))
    expect(partitionIn(controller).eligibleLeaderReplicas).toEqual([2])
    ask(controller, setTo(0, SAFE_DOWNGRADE))
    expect(partitionIn(controller)).toMatchObject({ isr: [1], eligibleLeaderReplicas: [] })
    // As Kafka leaves it after a downgrade of its own.
    const left = (isr: readonly number[], leader: number) =>
      controllerOf([
        broker(1),
        broker(2),
        ...partition([1, 2], { isr, leader, eligibleLeaderReplicas: [2] }),
      ])
    const written = left([1], 1)
    ask(written, setTo(1))
    expect(partitionIn(written)).toMatchObject({ isr: [1], eligibleLeaderReplicas: [] })
    const waiting = left([], -1)
    ask(waiting, setTo(1))
    expect(partitionIn(waiting)).toMatchObject({ isr: [], eligibleLeaderReplicas: [2] })
  })
})
