import type { PartitionToAlter } from '../../../src/metadata/controller/commands.ts'
import { featureFact } from '../../../src/metadata/facts.ts'
import type { PartitionImage } from '../../../src/metadata/image.ts'
import type { TestedController } from './tested-controller.ts'
import { ask, broker, controllerOf, partition, partitionIn, TOPIC_ID } from './tested-controller.ts'

/** Broker n has the epoch n - 1; 4 is fenced, 5 is to stop, and all but 6 have a replica. */
function controllerWith(
  parts: Partial<PartitionImage> = {},
  facts = [] as const,
): TestedController {
  return controllerOf([
    broker(1),
    broker(2),
    broker(3),
    broker(4, { fenced: true }),
    broker(5, { inControlledShutdown: true }),
    broker(6),
    ...partition([1, 2, 3, 4, 5], { leaderEpoch: 7, partitionEpoch: 9, isr: [1, 2], ...parts }),
    ...facts,
  ])
}

const replicas = (ids: readonly number[], epochOf = (id: number) => id - 1) =>
  ids.map((brokerId) => ({ brokerId, brokerEpoch: epochOf(brokerId) }))

function alter(
  controller: TestedController,
  parts: Partial<PartitionToAlter>,
  from = { brokerId: 1, brokerEpoch: 0, topicId: TOPIC_ID },
) {
  const { topicId, ...identity } = from
  const wanted = {
    partitionIndex: 0,
    leaderEpoch: 7,
    newIsr: replicas([1, 2, 3]),
    leaderRecoveryState: 0,
    partitionEpoch: 9,
    ...parts,
  }
  const topics = [{ topicId, partitions: [wanted] }]
  return ask(controller, { type: 'alterPartition', ...identity, topics })
}

const errorOf = (controller: TestedController, ...rest: [Partial<PartitionToAlter>, never?]) =>
  alter(controller, ...rest).topics[0]!.partitions[0]!.errorCode

describe('a leader that says who is in sync', () => {
  test('has the ISR changed, and is told the partition as it is then', () => {
    const controller = controllerWith()
    expect(alter(controller, {})).toEqual({
      errorCode: 'NONE',
      errorMessage: null,
      topics: [
        {
          topicId: TOPIC_ID,
          partitions: [
            {
              partitionIndex: 0,
              errorCode: 'NONE',
              leaderId: 1,
              leaderEpoch: 7,
              isr: [1, 2, 3],
              leaderRecoveryState: 0,
              partitionEpoch: 10,
            },
          ],
        },
      ],
    })
    expect(partitionIn(controller)).toMatchObject({ isr: [1, 2, 3], leaderEpoch: 7 })
  })

  test('is told the same where it is so already, and nothing is written', () => {
    const controller = controllerWith()
    const { nextOffset } = controller
    const { partitions } = alter(controller, { newIsr: replicas([1, 2]) }).topics[0]!
    expect(partitions[0]).toMatchObject({ errorCode: 'NONE', isr: [1, 2], partitionEpoch: 9 })
    expect(controller.nextOffset).toBe(nextOffset)
  })

  test('of a former life is refused as a whole', () => {
    const controller = controllerWith()
    const from = { brokerId: 1, brokerEpoch: 3, topicId: TOPIC_ID }
    const refused = { errorCode: 'STALE_BROKER_EPOCH', topics: [] }
    expect(alter(controller, {}, from)).toMatchObject(refused)
    expect(alter(controller, {}, { ...from, brokerId: 9 })).toMatchObject(refused)
  })

  test('is told of what is unknown, topic by topic and partition by partition', () => {
    const topicId = 'x'.repeat(22)
    const answer = alter(controllerWith(), {}, { brokerId: 1, brokerEpoch: 0, topicId })
    expect(answer.topics).toEqual([
      {
        topicId,
        partitions: [
          {
            partitionIndex: 0,
            errorCode: 'UNKNOWN_TOPIC_ID',
            leaderId: 0,
            leaderEpoch: 0,
            isr: [],
            leaderRecoveryState: 0,
            partitionEpoch: 0,
          },
        ],
      },
    ])
    expect(errorOf(controllerWith(), { partitionIndex: 1 })).toBe('UNKNOWN_TOPIC_OR_PARTITION')
  })

  test.each<[string, Partial<PartitionToAlter>, string, Partial<PartitionImage>?]>([
    ['knows a later leader epoch', { leaderEpoch: 8 }, 'NOT_CONTROLLER'],
    ['knows a later partition epoch', { partitionEpoch: 10, leaderEpoch: 6 }, 'NOT_CONTROLLER'],
    ['led an earlier epoch', { leaderEpoch: 6 }, 'FENCED_LEADER_EPOCH', { leader: 2 }],
    ['does not lead', { partitionEpoch: 8 }, 'INVALID_REQUEST', { leader: 2 }],
    ['knows an earlier partition epoch', { partitionEpoch: 8 }, 'INVALID_UPDATE_VERSION'],
    ['leaves itself out', { newIsr: replicas([2, 3]) }, 'INVALID_REQUEST'],
    ['leaves out everybody', { newIsr: [] }, 'INVALID_REQUEST'],
    ['names one twice', { newIsr: replicas([1, 2, 2]) }, 'INVALID_REQUEST'],
    ['names one without a replica', { newIsr: replicas([1, 6]) }, 'INVALID_REQUEST'],
    ['names one that is fenced', { newIsr: replicas([1, 4]) }, 'INELIGIBLE_REPLICA'],
    ['names one that is to stop', { newIsr: replicas([1, 5]) }, 'INELIGIBLE_REPLICA'],
    [
      'names the former life of one',
      { newIsr: replicas([1, 2], (id) => (id === 2 ? 0 : id - 1)) },
      'INELIGIBLE_REPLICA',
    ],
    ['has to recover, and did not', { leaderRecoveryState: 1 }, 'INVALID_REQUEST'],
    [
      'has to recover, and is not alone in sync',
      { leaderRecoveryState: 1, newIsr: replicas([1, 2]) },
      'INVALID_REQUEST',
      { leaderRecoveryState: 1, isr: [1] },
    ],
    ['is in a state that nobody knows', { leaderRecoveryState: 2 }, 'INVALID_REQUEST'],
  ])('is refused where it %s', (_, wanted, error, parts = {}) => {
    const controller = controllerWith(parts)
    const before = partitionIn(controller)
    expect(errorOf(controller, wanted)).toBe(error)
    expect(partitionIn(controller)).toEqual(before)
  })

  // KIP-903 came with v3.
  test('may leave the epochs of the replicas open', () => {
    const controller = controllerWith()
    expect(errorOf(controller, { newIsr: replicas([1, 2, 3], () => -1) })).toBe('NONE')
    expect(errorOf(controllerWith(), { newIsr: replicas([1, 4], () => -1) })).toBe(
      'INELIGIBLE_REPLICA',
    )
  })

  // KIP-704.
  test('says when it is whole after an unclean election', () => {
    const controller = controllerWith({ leaderRecoveryState: 1, isr: [1] })
    expect(errorOf(controller, { leaderRecoveryState: 1, newIsr: replicas([1]) })).toBe('NONE')
    expect(errorOf(controller, { newIsr: replicas([1]) })).toBe('NONE')
    expect(partitionIn(controller)).toMatchObject({ leaderRecoveryState: 0, isr: [1] })
  })

  // KIP-455.
  test('completes a reassignment, and is told to look for the new leader where it goes', () => {
    const moving = {
      replicas: [3, 6, 1, 2],
      directories: [],
      addingReplicas: [3, 6],
      isr: [1, 2, 3],
    }
    const staying = controllerWith({ ...moving, removingReplicas: [2] })
    expect(errorOf(staying, { newIsr: replicas([1, 2, 3, 6]) })).toBe('NONE')
    expect(partitionIn(staying)).toMatchObject({
      replicas: [3, 6, 1],
      isr: [1, 3, 6],
      leader: 1,
      leaderEpoch: 8,
      addingReplicas: [],
      removingReplicas: [],
    })
    const going = controllerWith({ ...moving, removingReplicas: [1, 2] })
    expect(errorOf(going, { newIsr: replicas([1, 2, 3, 6]) })).toBe('NEW_LEADER_ELECTED')
    expect(partitionIn(going)).toMatchObject({ replicas: [3, 6], leader: 3, leaderEpoch: 8 })
  })

  // KIP-966.
  test('makes those that leave eligible to lead where too few stay in sync', () => {
    const facts = [
      featureFact('eligible.leader.replicas.version', 1),
      {
        type: 'ConfigRecord',
        version: 0,
        value: { resourceType: 2, resourceName: 't', name: 'min.insync.replicas', value: '2' },
      },
    ] as const
    const controller = controllerWith({}, facts as never)
    expect(errorOf(controller, { newIsr: replicas([1]) })).toBe('NONE')
    expect(partitionIn(controller)).toMatchObject({ isr: [1], eligibleLeaderReplicas: [2] })
    expect(errorOf(controller, { partitionEpoch: 10 })).toBe('NONE')
    expect(partitionIn(controller)).toMatchObject({ isr: [1, 2, 3], eligibleLeaderReplicas: [] })
  })
})
