import type { AlteredResource } from '../../../src/config/alter.ts'
import type { ControllerCommand } from '../../../src/metadata/controller/commands.ts'
import type { MetadataFact } from '../../../src/metadata/facts.ts'
import { featureFact } from '../../../src/metadata/facts.ts'
import type { PartitionImage } from '../../../src/metadata/image.ts'
import { partitionOf } from '../../../src/metadata/image.ts'
import { topic } from '../support.ts'
import type { TestedController } from './tested-controller.ts'
import {
  ask,
  broker,
  controllerOf,
  decide,
  directory,
  heartbeat,
  NO_RULES,
  partition,
  partitionIn,
  register,
  TOPIC_ID,
} from './tested-controller.ts'

const fail = (brokerId: number, brokerEpoch: number, letter = 'd') =>
  heartbeat(brokerId, brokerEpoch, { offlineLogDirs: [directory(brokerId, letter)] })

const assign = (brokerId: number, brokerEpoch: number, letter: string): ControllerCommand => ({
  type: 'assignReplicasToDirs',
  brokerId,
  brokerEpoch,
  directories: [
    {
      id: directory(brokerId, letter),
      topics: [{ topicId: TOPIC_ID, partitions: [{ partitionIndex: 0 }] }],
    },
  ],
})

describe('a directory that fails', () => {
  test('leaves a leader that has another one where it is', () => {
    const controller = controllerOf([
      broker(1),
      broker(2),
      broker(3),
      ...partition([1, 2, 3], { leader: 3 }),
    ])
    ask(controller, fail(2, 1))
    expect(partitionIn(controller)).toMatchObject({ leader: 3, isr: [1, 3], leaderEpoch: 0 })
  })

  test('gives the lead to a replica in sync whose broker is neither down nor shutting down', () => {
    const controller = controllerOf([
      broker(1),
      broker(2, { inControlledShutdown: true }),
      broker(3, { fenced: true }),
      broker(4),
      broker(5),
      ...partition([1, 2, 3, 4, 5], { isr: [1, 2, 3, 5] }),
    ])
    ask(controller, fail(1, 0))
    expect(partitionIn(controller)).toMatchObject({ leader: 5, isr: [2, 3, 5], leaderEpoch: 1 })
  })

  test('with the only replica in sync leaves it there, without a leader', () => {
    const controller = controllerOf([broker(1), broker(2), ...partition([1, 2], { isr: [1] })])
    ask(controller, fail(1, 0))
    expect(partitionIn(controller)).toMatchObject({ leader: -1, isr: [1] })
    expect(controller.image.brokers.get(1)!.logDirs).toEqual([directory(1, 'e')])
  })

  test('is nothing to partitions in another one, nor is the word of a former life', () => {
    const controller = controllerOf([broker(1), broker(2), ...partition([1, 2])])
    expect(ask(controller, fail(1, 0, 'e'))).toMatchObject({ errorCode: 'NONE' })
    expect(partitionIn(controller)).toMatchObject({ leader: 1, isr: [1, 2], partitionEpoch: 0 })
    for (const epoch of [-1, 1]) {
      expect(ask(controller, fail(1, epoch))).toMatchObject({ errorCode: 'STALE_BROKER_EPOCH' })
    }
    expect(ask(controller, fail(7, 0))).toMatchObject({ errorCode: 'STALE_BROKER_EPOCH' })
  })
})

describe('a replica that is found in another directory', () => {
  test('leads again where it is in sync and nobody else leads', () => {
    const controller = controllerOf([
      broker(1),
      broker(2),
      ...partition([1, 2], { leader: -1, isr: [1] }),
    ])
    ask(controller, assign(1, 0, 'e'))
    expect(partitionIn(controller)).toMatchObject({
      leader: 1,
      directories: [directory(1, 'e'), directory(2)],
    })
  })

  test('does not lead where only another one is in sync', () => {
    const controller = controllerOf([
      broker(1),
      broker(2, { fenced: true }),
      ...partition([1, 2], { leader: -1, isr: [2] }),
    ])
    ask(controller, assign(1, 0, 'e'))
    expect(partitionIn(controller)).toMatchObject({ leader: -1, leaderEpoch: 0, isr: [2] })
  })
})

describe('a broker that registers', () => {
  const registered = (
    controller: TestedController,
    id: number,
    previous: number | null = null,
  ): number => {
    const { brokerEpoch, errorCode } = ask(controller, register(id, previous)) as {
      brokerEpoch: number
      errorCode: string
    }
    expect(errorCode).toBe('NONE')
    return brokerEpoch
  }

  test('is fenced, and leads nothing, until it asks to serve and knows of its registration', () => {
    const controller = controllerOf([broker(1), ...partition([1])])
    const epoch = registered(controller, 1)
    expect([epoch, controller.image.brokers.get(1)!.fenced]).toEqual([3, true])
    expect(partitionIn(controller)).toMatchObject({ leader: -1, isr: [1], leaderEpoch: 1 })
    const ready = { currentMetadataOffset: epoch, wantFence: true }
    expect(ask(controller, heartbeat(1, epoch, ready))).toMatchObject({
      isCaughtUp: true,
      isFenced: true,
    })
    const early = { currentMetadataOffset: epoch - 1 }
    expect(ask(controller, heartbeat(1, epoch, early))).toMatchObject({
      isCaughtUp: false,
      isFenced: true,
    })
    const served = { errorCode: 'NONE', isCaughtUp: true, isFenced: false, shouldShutDown: false }
    expect(ask(controller, heartbeat(1, epoch, { currentMetadataOffset: epoch }))).toMatchObject(
      served,
    )
    expect(controller.image.brokers.get(1)!.fenced).toBe(false)
    expect(partitionIn(controller)).toMatchObject({ leader: 1, isr: [1], leaderEpoch: 2 })
    expect(ask(controller, heartbeat(1, epoch))).toMatchObject(served)
    expect(partitionIn(controller)).toMatchObject({ leader: 1, leaderEpoch: 2 })
  })

  // KIP-966: who says the epoch of its former life has flushed all that it had.
  test('is still eligible to lead after an end in order, and not after another one', () => {
    const kept = featureFact('eligible.leader.replicas.version', 1)
    const left = { leader: -1, isr: [], eligibleLeaderReplicas: [1, 2] }
    const both = () =>
      controllerOf([broker(1), broker(2, { fenced: true }), ...partition([1, 2], left), kept])
    const clean = both()
    ask(clean, heartbeat(1, registered(clean, 1, 0)))
    expect(partitionIn(clean)).toMatchObject({
      leader: 1,
      isr: [1],
      eligibleLeaderReplicas: [2],
      leaderRecoveryState: 0,
    })
    for (const previous of [null, 1]) {
      const unclean = both()
      ask(unclean, heartbeat(1, registered(unclean, 1, previous)))
      expect(partitionIn(unclean)).toMatchObject({ leader: -1, eligibleLeaderReplicas: [2] })
    }
  })

  // KIP-966.
  test('leaves the ISR after an end without order, and leads again only as the last that did', () => {
    const kept = featureFact('eligible.leader.replicas.version', 1)
    const controller = controllerOf([
      broker(1),
      broker(2),
      ...partition([1, 2], { isr: [1] }),
      kept,
    ])
    const epoch = registered(controller, 1)
    expect(partitionIn(controller)).toMatchObject({
      leader: -1,
      isr: [],
      eligibleLeaderReplicas: [],
      lastKnownElr: [1],
    })
    ask(controller, heartbeat(1, epoch))
    expect(partitionIn(controller)).toMatchObject({
      leader: 1,
      isr: [1],
      lastKnownElr: [],
      leaderRecoveryState: 1,
    })
  })

  test('has lost what it led to those in sync, and what nobody else has in sync it leads again', () => {
    const controller = controllerOf([broker(1), broker(2), ...partition([1, 2])])
    const epoch = registered(controller, 1)
    expect(epoch).toBe(4)
    expect(partitionIn(controller)).toMatchObject({ leader: 2, isr: [2], leaderEpoch: 1 })
    ask(controller, heartbeat(1, epoch))
    expect(partitionIn(controller)).toMatchObject({ leader: 2, isr: [2], leaderEpoch: 1 })
    ask(controller, heartbeat(2, registered(controller, 2)))
    expect(partitionIn(controller)).toMatchObject({ leader: 2, isr: [2], leaderEpoch: 3 })
  })

  test('does not take the lead from who has it meanwhile', () => {
    const led = partition([1, 2], { leader: 2 })
    const controller = controllerOf([broker(1, { fenced: true }), broker(2), ...led])
    expect(ask(controller, heartbeat(1, 0))).toMatchObject({ isFenced: false })
    expect(partitionIn(controller)).toMatchObject({ leader: 2, isr: [1, 2], leaderEpoch: 0 })
  })

  test('does not lead what is in a directory that failed meanwhile', () => {
    const controller = controllerOf([broker(1), ...partition([1])])
    const epoch = registered(controller, 1)
    ask(controller, fail(1, epoch))
    expect(controller.image.brokers.get(1)).toMatchObject({
      fenced: false,
      logDirs: [directory(1, 'e')],
    })
    expect(partitionIn(controller)).toMatchObject({ leader: -1, isr: [1] })
  })

  test('repeats that it does, without another epoch; another process of the same id does not while it is alive', () => {
    const controller = controllerOf([broker(1), ...partition([1])])
    const epoch = registered(controller, 1)
    ask(controller, heartbeat(1, epoch))
    expect(registered(controller, 1)).toBe(epoch)
    expect(controller.image.brokers.get(1)!.fenced).toBe(false)
    expect(partitionIn(controller)).toMatchObject({ leader: 1, leaderEpoch: 2 })
    const other = { ...register(1), incarnationId: 'k'.repeat(22) } as ControllerCommand
    expect(ask(controller, other)).toMatchObject({ errorCode: 'DUPLICATE_BROKER_REGISTRATION' })
    // Heard of last at 0, and for 9 seconds.
    expect(ask(controller, other, 9000)).toMatchObject({
      errorCode: 'DUPLICATE_BROKER_REGISTRATION',
    })
    expect(ask(controller, other, 9001)).toMatchObject({ errorCode: 'NONE' })
    expect(ask(controller, heartbeat(1, epoch))).toMatchObject({ errorCode: 'STALE_BROKER_EPOCH' })
  })
})

describe('a controlled shutdown', () => {
  // How far it is itself is nothing to others.
  const shutDown = { wantShutDown: true, currentMetadataOffset: 0 }

  test('is granted when others lead, and all that go on know it', () => {
    const controller = controllerOf([broker(1), broker(2), broker(3), ...partition([1, 2])])
    const beat = (id: number, parts = {}) => ask(controller, heartbeat(id, id - 1, parts))
    for (const id of [1, 2, 3]) beat(id, { currentMetadataOffset: 4 })
    expect(beat(1, shutDown)).toMatchObject({ isFenced: false, shouldShutDown: false })
    expect(partitionIn(controller)).toMatchObject({ leader: 2, isr: [2] })
    expect(controller.image.brokers.get(1)).toMatchObject({
      fenced: false,
      inControlledShutdown: true,
    })
    const { nextOffset } = controller
    beat(2, { currentMetadataOffset: nextOffset - 1 })
    expect(beat(1, shutDown)).toMatchObject({ shouldShutDown: false })
    beat(3, { currentMetadataOffset: nextOffset - 2 })
    expect(beat(1, shutDown)).toMatchObject({ shouldShutDown: false })
    // It said so before, and is not asked to begin anew.
    expect(controller.nextOffset).toBe(nextOffset)
    beat(3, { currentMetadataOffset: nextOffset - 1 })
    expect(beat(1, shutDown)).toMatchObject({ isFenced: true, shouldShutDown: true })
    expect(controller.image.brokers.get(1)).toMatchObject({ fenced: true })
    // The answer was lost.
    expect(beat(1, shutDown)).toMatchObject({ isFenced: true, shouldShutDown: true })
  })

  test('is granted at once to a broker that leads nothing', () => {
    const controller = controllerOf([broker(1), broker(2), ...partition([2, 1])])
    expect(ask(controller, heartbeat(1, 0, shutDown))).toMatchObject({
      isFenced: true,
      shouldShutDown: true,
    })
    expect(partitionIn(controller)).toMatchObject({ leader: 2, isr: [2], leaderEpoch: 0 })
  })

  test('of the only broker leaves its partitions without a leader, and the broker in sync', () => {
    const controller = controllerOf([broker(1), ...partition([1])])
    expect(ask(controller, heartbeat(1, 0, shutDown))).toMatchObject({ shouldShutDown: false })
    expect(ask(controller, heartbeat(1, 0, shutDown))).toMatchObject({ shouldShutDown: true })
    expect(partitionIn(controller)).toMatchObject({ leader: -1, isr: [1], leaderEpoch: 1 })
  })
})

describe('a broker that is heard of no more', () => {
  test('is fenced when its session is over, and others lead', () => {
    const controller = controllerOf([broker(1), broker(2), ...partition([1, 2])])
    const beat = (id: number, now: number) =>
      decide(controller, heartbeat(id, id - 1), now).alarms ?? []
    expect(beat(1, 0)).toEqual([{ name: 'session 1', at: 9000 }])
    expect(beat(1, 500)).toEqual([{ name: 'session 1', at: 9500 }])
    beat(2, 500)
    decide(controller, { alarm: 'session 1' }, 9500)
    expect(controller.image.brokers.get(1)).toMatchObject({ fenced: true })
    expect(partitionIn(controller)).toMatchObject({ leader: 2, isr: [2] })
    const { nextOffset } = controller
    decide(controller, { alarm: 'session 1' }, 9600)
    expect(controller.nextOffset).toBe(nextOffset)
    // It was only slow.
    expect(ask(controller, heartbeat(1, 0))).toMatchObject({ isFenced: false })
  })

  test('and wishes to be fenced is, and nobody waits for it', () => {
    const controller = controllerOf([broker(1), broker(2), ...partition([1, 2])])
    ask(controller, heartbeat(1, 0))
    const { alarms, replies } = decide(controller, heartbeat(1, 0, { wantFence: true }))
    expect(replies![0]!.reply).toMatchObject({ isFenced: true, shouldShutDown: false })
    expect(alarms).toEqual([{ name: 'session 1', at: 9000 }])
    expect(partitionIn(controller)).toMatchObject({ leader: 2, isr: [2] })
    const leaving = heartbeat(2, 1, { wantShutDown: true, currentMetadataOffset: 100 })
    expect(ask(controller, leaving)).toMatchObject({ shouldShutDown: false })
    expect(ask(controller, leaving)).toMatchObject({ shouldShutDown: true })
  })

  test('is protected from another one of its id as long as it lives, fenced or not', () => {
    const controller = controllerOf([broker(7)])
    const another = { ...register(1), incarnationId: 'k'.repeat(22) } as ControllerCommand
    const refused = { errorCode: 'DUPLICATE_BROKER_REGISTRATION' }
    const { alarms, replies } = decide(controller, register(1), 0)
    expect(alarms).toEqual([{ name: 'session 1', at: 9000 }])
    const { brokerEpoch } = replies![0]!.reply as { brokerEpoch: number }
    expect(ask(controller, another, 9000)).toMatchObject(refused)
    // The same one once more, as no answer came, and a sign of life while it recovers its logs.
    expect(ask(controller, register(1), 5000)).toMatchObject({ errorCode: 'NONE', brokerEpoch })
    expect(ask(controller, another, 14_000)).toMatchObject(refused)
    const starting = heartbeat(1, brokerEpoch, { wantFence: true })
    expect(ask(controller, starting, 10_000)).toMatchObject({ isFenced: true })
    expect(ask(controller, another, 19_000)).toMatchObject(refused)
    expect(ask(controller, another, 19_001)).toMatchObject({ errorCode: 'NONE' })
  })

  test('is forgotten when it says nothing while it is fenced, and lets its next life begin when it has stopped', () => {
    const controller = controllerOf([broker(7)])
    const another = { ...register(1), incarnationId: 'k'.repeat(22) } as ControllerCommand
    const { brokerEpoch } = ask(controller, register(1) as ControllerCommand, 0) as {
      brokerEpoch: number
    }
    const { facts } = decide(controller, { alarm: 'session 1' }, 9000)
    expect(facts).toEqual([{ type: 'BrokerSession', brokerId: 1, session: null }])
    const stopping = heartbeat(1, brokerEpoch, { wantShutDown: true })
    expect(ask(controller, stopping, 9001)).toMatchObject({ shouldShutDown: true })
    expect(ask(controller, another, 9002)).toMatchObject({ errorCode: 'NONE' })
  })

  test('has a whole session when another controller takes office, but for the former life of its own broker', () => {
    const controller = controllerOf([broker(1), broker(2), broker(3, { fenced: true })])
    const activate = { type: 'activate', bootstrap: [], openTransaction: false } as const
    const { alarms } = decide(controller, activate, 100)
    expect(alarms).toEqual([
      { name: 'session 1', at: 9100 },
      { name: 'session 2', at: 9100 },
      // It may have been fenced on evidence just now.
      { name: 'awaited 3', at: 9100 },
      { name: 'preferred leaders', at: 300_100 },
      { name: 'unclean leaders', at: 200_100 },
    ])
    const reply = (id: number) => decide(controller, register(id), 200).replies![0]!.reply
    expect(reply(2)).toMatchObject({ errorCode: 'DUPLICATE_BROKER_REGISTRATION' })
    expect(reply(1)).toMatchObject({ errorCode: 'NONE' })
    expect(reply(3)).toMatchObject({ errorCode: 'NONE' })
  })
})

describe('a controller that is gone for good', () => {
  const registered = (id: number, newest: number): MetadataFact => ({
    type: 'RegisterControllerRecord',
    version: 0,
    value: {
      controllerId: id,
      incarnationId: `${id}`.repeat(22),
      zkMigrationReady: false,
      endPoints: [],
      features: [{ name: 'metadata.version', minSupportedVersion: 7, maxSupportedVersion: newest }],
    },
  })
  const forget = (controller: TestedController, controllerId: number) =>
    ask(controller, { type: 'unregisterController', controllerId })

  test('is forgotten, and holds up no upgrade any more', () => {
    const controller = controllerOf([
      featureFact('metadata.version', 33),
      registered(1, 33),
      registered(2, 32),
    ])
    const upgrade = () =>
      ask(controller, {
        type: 'updateFeatures',
        featureUpdates: [{ feature: 'metadata.version', maxVersionLevel: 33, upgradeType: 1 }],
        validateOnly: true,
      })
    expect(upgrade()).toMatchObject({ errorCode: 'INVALID_UPDATE_VERSION' })
    expect(forget(controller, 2)).toMatchObject({ errorCode: 'NONE' })
    expect([...controller.image.controllers.keys()]).toEqual([1])
    expect(upgrade()).toMatchObject({ errorCode: 'NONE' })
    expect(forget(controller, 2)).toMatchObject({ errorCode: 'CONTROLLER_ID_NOT_REGISTERED' })
  })

  test('is not the active one, and not where others would not know of its end', () => {
    const controller = controllerOf([
      featureFact('metadata.version', 32),
      registered(1, 33),
      registered(2, 33),
    ])
    const { nextOffset } = controller
    expect(forget(controller, 1)).toMatchObject({ errorCode: 'INVALID_REQUEST' })
    expect(forget(controller, 2)).toMatchObject({ errorCode: 'UNSUPPORTED_VERSION' })
    expect(controller.nextOffset).toBe(nextOffset)
  })
})

describe('replicas are reassigned', () => {
  const reassign = (controller: TestedController, replicas: number[] | null, allow = true) =>
    ask(controller, {
      type: 'alterPartitionReassignments',
      topics: [{ name: 't', partitions: [{ partitionIndex: 0, replicas }] }],
      allowReplicationFactorChange: allow,
    })[0]!.partitions[0]!

  const three = (parts: Partial<PartitionImage> = {}, settings = {}) =>
    controllerOf(
      [broker(1), broker(2), broker(3), ...partition([1, 2, 3], parts)],
      NO_RULES,
      settings,
    )

  test('to fewer, in a new epoch that tells those who are left out', () => {
    const controller = three()
    expect(reassign(controller, [3, 1])).toMatchObject({ errorCode: 'NONE' })
    expect(partitionIn(controller)).toMatchObject({
      replicas: [3, 1],
      directories: [directory(3), directory(1)],
      isr: [1, 3],
      leader: 1,
      leaderEpoch: 1,
    })
  })

  test('to others, which come in before any goes', () => {
    const controller = controllerOf([broker(1), broker(2), broker(3), ...partition([1, 2])])
    expect(reassign(controller, [3, 1])).toMatchObject({ errorCode: 'NONE' })
    expect(partitionIn(controller)).toMatchObject({
      replicas: [3, 1, 2],
      addingReplicas: [3],
      removingReplicas: [2],
      isr: [1, 2],
      leader: 1,
      leaderEpoch: 0,
    })
    expect(reassign(controller, [1, 2], false)).toMatchObject({ errorCode: 'NONE' })
    expect(partitionIn(controller)).toMatchObject({
      replicas: [1, 2],
      addingReplicas: [],
      removingReplicas: [],
      isr: [1, 2],
      leader: 1,
    })
  })

  test('back to those before, unless they would have lost records', () => {
    const directories = [3, 1, 2].map((id) => directory(id))
    const replicas = [3, 1, 2]
    const moving = { replicas, directories, addingReplicas: [3], removingReplicas: [2] }
    const controller = three({ ...moving, isr: [1, 3] })
    expect(reassign(controller, null)).toMatchObject({ errorCode: 'NONE' })
    expect(partitionIn(controller)).toMatchObject({
      replicas: [1, 2],
      addingReplicas: [],
      removingReplicas: [],
      isr: [1],
      leader: 1,
      leaderEpoch: 1,
    })
    expect(reassign(controller, null)).toMatchObject({
      errorCode: 'NO_REASSIGNMENT_IN_PROGRESS',
      errorMessage: null,
    })
    const alone = { ...moving, isr: [3], leader: 3 }
    expect(reassign(three(alone), null)).toMatchObject({ errorCode: 'INVALID_REPLICA_ASSIGNMENT' })
    const topicDefaults = { minInsyncReplicas: 1, isUncleanAllowed: true }
    const brave = three(alone, { topicDefaults })
    expect(reassign(brave, null)).toMatchObject({ errorCode: 'NONE' })
    expect(partitionIn(brave)).toMatchObject({ replicas: [1, 2], isr: [1], leader: 1 })
  })

  test('to another number only where the request allows it', () => {
    const controller = three()
    const refused = { errorCode: 'INVALID_REPLICATION_FACTOR' }
    expect(reassign(controller, [1, 2], false)).toMatchObject(refused)
    expect(reassign(controller, [3, 2, 1], false)).toMatchObject({ errorCode: 'NONE' })
    expect(partitionIn(controller)).toMatchObject({ replicas: [3, 2, 1], leader: 1 })
  })
})

describe('topics', () => {
  const create = (controller: TestedController, parts: object) =>
    ask(controller, {
      type: 'createTopics',
      topics: [{ ...topic('n'), ...parts }],
      validateOnly: false,
    })[0]!
  const grow = (controller: TestedController, count: number) =>
    ask(controller, {
      type: 'createPartitions',
      topics: [{ name: 'n', count, assignments: null }],
      validateOnly: false,
    })[0]!

  test('with more partitions than one operation may make are refused, each in the words of its limit', () => {
    const controller = controllerOf([broker(1)])
    expect(create(controller, { numPartitions: 10_001 })).toMatchObject({
      errorCode: 'POLICY_VIOLATION',
      errorMessage: 'Excessively large number of partitions per request.',
    })
    expect(create(controller, { numPartitions: 10_000 })).toMatchObject({
      errorCode: 'POLICY_VIOLATION',
      errorMessage: 'Unable to perform excessively large batch operation.',
    })
    expect(create(controller, { numPartitions: 9_999 })).toMatchObject({ errorCode: 'NONE' })
  })

  test('grow, never shrink', () => {
    const controller = controllerOf([broker(1)])
    create(controller, { numPartitions: 3 })
    for (const count of [-1, 0, 1, 2, 3]) {
      expect(grow(controller, count)).toMatchObject({ errorCode: 'INVALID_PARTITIONS' })
    }
    expect(grow(controller, 4)).toMatchObject({ errorCode: 'NONE' })
    expect(controller.image.topics.byName.get('n')!.partitions.length).toBe(4)
  })

  test('are led by brokers that are alive, which are their first in sync', () => {
    const controller = controllerOf([
      broker(1, { fenced: true }),
      broker(2, { inControlledShutdown: true }),
      broker(3),
    ])
    const assignments = [{ partitionIndex: 0, brokerIds: [1, 2, 3] }]
    const created = create(controller, { assignments, numPartitions: -1 })
    expect(created).toMatchObject({ errorCode: 'NONE' })
    expect(partitionOf(controller.image, 'n', 0)).toMatchObject({ leader: 3, isr: [3] })
    const none = [{ partitionIndex: 0, brokerIds: [1, 2] }]
    expect(create(controller, { name: 'm', assignments: none, numPartitions: -1 })).toMatchObject({
      errorCode: 'INVALID_REPLICA_ASSIGNMENT',
    })
  })
})

describe('settings', () => {
  const change = (...names: string[]): ControllerCommand => ({
    type: 'incrementalAlterConfigs',
    validateOnly: false,
    resources: names.map((resourceName) => ({
      resourceType: 2,
      resourceName,
      configs: [{ name: 'retention.ms', configOperation: 0, value: '1' }],
    })),
  })

  test('of a resource that is named twice are left as they are', () => {
    const controller = controllerOf([broker(1), ...partition([1])])
    expect(ask(controller, change('t', 't'))).toMatchObject([{ errorCode: 'INVALID_REQUEST' }])
    expect(controller.image.configs.size).toBe(0)
    expect(ask(controller, change('t'))).toMatchObject([{ errorCode: 'NONE' }])
    expect(controller.image.configs.size).toBe(1)
  })

  test.each([
    [[], false],
    [[featureFact('eligible.leader.replicas.version', 1)], true],
  ])('are judged by whether eligible leaders are kept (%#)', (facts, expected) => {
    const asked: AlteredResource[] = []
    const controller = controllerOf([...partition([1]), ...facts], {
      ...NO_RULES,
      incremental: (resource) => {
        asked.push(resource)
        return { ok: true, changes: new Map() }
      },
    })
    ask(controller, change('t'))
    expect(asked.map(({ eligibleLeaderReplicas }) => eligibleLeaderReplicas)).toEqual([expected])
  })
})
