import type { ErrorName } from '../../../protocol/errors.ts'
import type {
  AlteredPartition,
  ControllerCommands,
  InSyncReplica,
  PartitionToAlter,
} from './commands.ts'
import type { ControllerView } from './view.ts'
import type { MetadataFact } from '../facts.ts'
import type { MetadataImage, PartitionImage, TopicImage } from '../image.ts'
import { partitionAfter, partitionChangeFact, RecoveryState } from '../partition-change.ts'
import { outcomeOf, Refusal, SUCCESS } from './outcome.ts'
import type { Decided } from './outcome.ts'
import { changeOf } from './partition/change.ts'
import { electionBy } from './partition/of-brokers.ts'
import { rulesOf } from './partition/rules.ts'

type Command = ControllerCommands['alterPartition']['command']
type Reply = ControllerCommands['alterPartition']['reply']

/** What the answer says of a partition beside an error. */
const NOTHING = { leaderId: 0, leaderEpoch: 0, isr: [], leaderRecoveryState: 0, partitionEpoch: 0 }
const UNCHECKED_EPOCH = -1

/**
 * AlterPartition (KIP-497): a leader says who is in sync with it, and whether it is whole (KIP-704). Each partition by itself
 * changes, or is refused; with the ISR that a reassignment waits for, that is done.
 */
export function alterPartition(view: ControllerView, command: Command): Decided<Reply> {
  const facts: MetadataFact[] = []
  const outcome = outcomeOf(() => {
    checkBrokerEpoch(view.image, command)
    const topics = command.topics.map(({ topicId, partitions }) => {
      const topic = view.image.topics.byId.get(topicId)
      return {
        topicId,
        partitions: partitions.map((wanted): AlteredPartition => {
          const { partitionIndex } = wanted
          if (topic === undefined) return refused(partitionIndex, 'UNKNOWN_TOPIC_ID')
          return alterOne(view, command.brokerId, topic, wanted, facts)
        }),
      }
    })
    return { ...SUCCESS, topics }
  })
  return { facts, reply: 'topics' in outcome ? outcome : { ...outcome, topics: [] } }
}

function checkBrokerEpoch({ brokers }: MetadataImage, { brokerId, brokerEpoch }: Command): void {
  const epoch = brokers.get(brokerId)?.epoch
  if (epoch === brokerEpoch) return
  throw new Refusal(
    'STALE_BROKER_EPOCH',
    epoch === undefined
      ? `No broker registration found for broker id ${brokerId}`
      : `Expected broker epoch ${epoch}, but got broker epoch ${brokerEpoch}`,
  )
}

function refused(partitionIndex: number, errorCode: ErrorName): AlteredPartition {
  return { partitionIndex, errorCode, ...NOTHING }
}

function alterOne(
  view: ControllerView,
  leader: number,
  topic: TopicImage,
  wanted: PartitionToAlter,
  facts: MetadataFact[],
): AlteredPartition {
  const { partitionIndex, leaderRecoveryState } = wanted
  const before = topic.partitions[partitionIndex]
  if (before === undefined) return refused(partitionIndex, 'UNKNOWN_TOPIC_OR_PARTITION')
  const problem =
    leadershipProblem(before, leader, wanted) ?? isrProblem(view.image, before, wanted)
  if (problem !== null) return refused(partitionIndex, problem)
  const { brokers } = view.image
  const rules = rulesOf(view, topic)
  const isr = wanted.newIsr.map(({ brokerId }) => brokerId)
  const election = electionBy(rules)
  const change = changeOf(before, { isr, leaderRecoveryState, election }, { rules, brokers })
  let after = before
  if (change !== null) {
    const fact = partitionChangeFact(topic.id, partitionIndex, change)
    facts.push(fact)
    after = partitionAfter(before, fact.value)
  }
  // A reassignment that this completes may leave out the leader: it has to look for the new one.
  if (after.leader !== leader) return refused(partitionIndex, 'NEW_LEADER_ELECTED')
  return {
    partitionIndex,
    errorCode: 'NONE',
    leaderId: after.leader,
    leaderEpoch: after.leaderEpoch,
    isr: after.isr,
    leaderRecoveryState: after.leaderRecoveryState,
    partitionEpoch: after.partitionEpoch,
  }
}

/** Whether who asks leads, and knows the partition as it is. */
function leadershipProblem(
  partition: PartitionImage,
  leader: number,
  { leaderEpoch, partitionEpoch }: PartitionToAlter,
): ErrorName | null {
  // Who knows more than this controller has heard of another one.
  if (leaderEpoch > partition.leaderEpoch || partitionEpoch > partition.partitionEpoch) {
    return 'NOT_CONTROLLER'
  }
  if (leaderEpoch < partition.leaderEpoch) return 'FENCED_LEADER_EPOCH'
  if (leader !== partition.leader) return 'INVALID_REQUEST'
  return partitionEpoch < partition.partitionEpoch ? 'INVALID_UPDATE_VERSION' : null
}

function isrProblem(
  image: MetadataImage,
  partition: PartitionImage,
  { newIsr, leaderRecoveryState }: PartitionToAlter,
): ErrorName | null {
  const ids = new Set(newIsr.map(({ brokerId }) => brokerId))
  const isValid =
    ids.size === newIsr.length &&
    ids.has(partition.leader) &&
    newIsr.every(({ brokerId }) => partition.replicas.includes(brokerId))
  if (!isValid) return 'INVALID_REQUEST'
  if (!isRecovery(partition, leaderRecoveryState, newIsr.length)) return 'INVALID_REQUEST'
  return newIsr.every((replica) => isInService(image, replica)) ? null : 'INELIGIBLE_REPLICA'
}

/** [KIP-704] A leader that may lack records is alone in sync until it says that it is whole; it never is less so than it was. */
function isRecovery({ leaderRecoveryState: before }: PartitionImage, after: number, size: number) {
  if (after === RecoveryState.RECOVERED) return true
  return after === RecoveryState.RECOVERING && before === RecoveryState.RECOVERING && size === 1
}

/** [KIP-841] Who is fenced, or is to stop, comes into no ISR; [KIP-903] nor who has restarted since the leader heard of it. */
function isInService({ brokers }: MetadataImage, { brokerId, brokerEpoch }: InSyncReplica) {
  const broker = brokers.get(brokerId)
  if (broker === undefined || broker.fenced || broker.inControlledShutdown) return false
  return brokerEpoch === UNCHECKED_EPOCH || brokerEpoch === broker.epoch
}
