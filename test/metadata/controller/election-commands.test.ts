import { atOnce } from '../../../src/machine/steps.ts'
import type { ControllerView } from '../../../src/metadata/controller/view.ts'
import { electLeaders } from '../../../src/metadata/controller/election-commands.ts'
import { ImageBuilder } from '../../../src/metadata/image-builder.ts'
import { EMPTY_IMAGE } from '../../../src/metadata/image.ts'
import type { MetadataImage, PartitionImage } from '../../../src/metadata/image.ts'
import { LOST_DIRECTORY } from '../../../src/metadata/ids.ts'
import { newPartition, partitionFact, topicFact } from '../../../src/metadata/facts.ts'

const TOPIC_ID = 'BBBBBBBBBBBBBBBBBBBBBA'
const UNASSIGNED = 'AAAAAAAAAAAAAAAAAAAAAA'

/** Brokers 1 and 2 are alive and 3 is fenced; the topic has one partition on all three. */
function imageWith(partition: Partial<PartitionImage>): MetadataImage {
  const builder = new ImageBuilder(EMPTY_IMAGE)
  builder.apply(topicFact('orders', TOPIC_ID))
  const whole = {
    ...newPartition([1, 2, 3], [1, 2, 3], [UNASSIGNED, UNASSIGNED, UNASSIGNED]),
    ...partition,
  }
  builder.apply(partitionFact(TOPIC_ID, 0, whole))
  const { image } = builder.build(1, 1)
  const brokers = new Map(
    [1, 2, 3].map((id) => [
      id,
      {
        id,
        epoch: 1,
        incarnationId: UNASSIGNED,
        endPoints: [],
        features: [],
        rack: null,
        fenced: id === 3,
        inControlledShutdown: false,
        logDirs: [],
        cordonedLogDirs: null,
      },
    ]),
  )
  return { ...image, brokers }
}

function viewOf(image: MetadataImage, awaited = new Set<number>()): ControllerView {
  const topicDefaults = { minInsyncReplicas: 1, isUncleanAllowed: false }
  return { image, nodeId: 1, topicDefaults, awaited } as unknown as ControllerView
}

const ALL = [{ topic: 'orders', partitions: [0] }]

/** The error, and of the partition what an election changed. */
function elected(partition: Partial<PartitionImage>, electionType: number, asked = ALL) {
  const image = imageWith(partition)
  const { facts, reply } = atOnce(
    electLeaders(viewOf(image), { electionType, topicPartitions: asked }),
  )
  const builder = new ImageBuilder(image)
  for (const fact of facts) builder.apply(fact)
  const after = builder.build(2, 1).image.topics.byName.get('orders')!.partitions[0]!
  const { leader, leaderEpoch, isr, leaderRecoveryState } = after
  return {
    errors: reply.flatMap((each) => each.partitionResult.map(({ errorCode }) => errorCode)),
    records: facts.length,
    leader,
    leaderEpoch,
    isr,
    leaderRecoveryState,
  }
}

const unchanged = { records: 0, leaderEpoch: 0, leaderRecoveryState: 0 }

describe('the preferred election', () => {
  test('gives the lead back to the first replica, in a new epoch', () => {
    expect(elected({ leader: 2 }, 0)).toEqual({
      errors: ['NONE'],
      records: 1,
      leader: 1,
      leaderEpoch: 1,
      isr: [1, 2, 3],
      leaderRecoveryState: 0,
    })
  })

  test('is not needed where the first replica leads', () => {
    expect(elected({ leader: 1 }, 0)).toMatchObject({
      ...unchanged,
      errors: ['ELECTION_NOT_NEEDED'],
      leader: 1,
    })
  })

  test.each([
    ['is not in sync', { leader: 2, isr: [2, 3] }],
    ['is not alive', { leader: 2, replicas: [3, 2, 1] }],
    [
      'is in a directory that is lost',
      { leader: 2, directories: [LOST_DIRECTORY, UNASSIGNED, UNASSIGNED] },
    ],
  ])('leaves the leader where the first replica %s', (_, partition) => {
    expect(elected(partition, 0)).toMatchObject({
      ...unchanged,
      errors: ['PREFERRED_LEADER_NOT_AVAILABLE'],
      leader: 2,
    })
  })

  test('takes another one in sync where nobody leads', () => {
    expect(elected({ leader: -1, replicas: [3, 2, 1] }, 0)).toMatchObject({
      errors: ['NONE'],
      leader: 2,
    })
  })
})

describe('the unclean election', () => {
  test('is not needed where anybody leads', () => {
    expect(elected({ leader: 2 }, 1)).toMatchObject({
      ...unchanged,
      errors: ['ELECTION_NOT_NEEDED'],
      leader: 2,
    })
  })

  test('takes one in sync first, which loses nothing', () => {
    expect(elected({ leader: -1, isr: [2] }, 1)).toMatchObject({
      errors: ['NONE'],
      leader: 2,
      isr: [2],
      leaderRecoveryState: 0,
    })
  })

  test('takes one that is not in sync where none is alive, alone in the ISR and recovering', () => {
    expect(elected({ leader: -1, isr: [3] }, 1)).toMatchObject({
      errors: ['NONE'],
      leader: 1,
      isr: [1],
      leaderRecoveryState: 1,
    })
  })

  test('waits for nobody who was fenced a moment ago', () => {
    const view = viewOf(imageWith({ leader: -1, isr: [3] }), new Set([3]))
    const { facts } = atOnce(electLeaders(view, { electionType: 1, topicPartitions: ALL }))
    expect(facts).toMatchObject([{ value: { leader: 1, isr: [1] } }])
  })

  test('is refused where no replica is alive', () => {
    expect(elected({ leader: -1, isr: [3], replicas: [3] }, 1)).toMatchObject({
      ...unchanged,
      errors: ['ELIGIBLE_LEADERS_NOT_AVAILABLE'],
      leader: -1,
    })
  })
})

test('partitions and topics that there are not are told so, and what is named twice is elected once', () => {
  const asked = [
    { topic: 'orders', partitions: [0, 0, 7] },
    { topic: 'nowhere', partitions: [0] },
  ]
  expect(elected({ leader: 2 }, 0, asked)).toMatchObject({
    errors: ['NONE', 'NONE', 'UNKNOWN_TOPIC_OR_PARTITION', 'UNKNOWN_TOPIC_OR_PARTITION'],
    records: 1,
    leaderEpoch: 1,
  })
})

test('of all partitions those that need no election are not told', () => {
  const told = (leader: number) =>
    atOnce(electLeaders(viewOf(imageWith({ leader })), { electionType: 0, topicPartitions: null }))
      .reply
  expect(told(1)).toEqual([{ topic: 'orders', partitionResult: [] }])
  expect(told(2)).toEqual([
    {
      topic: 'orders',
      partitionResult: [{ partitionId: 0, errorCode: 'NONE', errorMessage: null }],
    },
  ])
})
