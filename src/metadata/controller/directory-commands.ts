import type { ErrorName } from '../../../protocol/errors.ts'
import type {
  ControllerCommands,
  DirectoryAssignmentOutcomes,
  DirectoryAssignments,
} from './commands.ts'
import type { ControllerView } from './view.ts'
import type { MetadataFact, PartitionChange } from '../facts.ts'
import { partitionChangeFact } from '../facts.ts'
import { directoryOf, hasOnlineDirectory, NO_LEADER } from '../image.ts'
import type { BrokerImage, MetadataImage, PartitionImage } from '../image.ts'
import { canLead, isChange, withoutReplica } from './leadership.ts'
import { outcomeOf, Refusal, SUCCESS } from './outcome.ts'
import type { Decided } from './outcome.ts'

/** @throws Refusal when this isn't the broker's present life */
export function requireBroker(image: MetadataImage, id: number, epoch: number): BrokerImage {
  const broker = image.brokers.get(id)
  if (broker === undefined) {
    throw new Refusal('BROKER_ID_NOT_REGISTERED', `Broker ${id} is not registered.`)
  }
  if (broker.epoch === epoch) return broker
  const what = `Expected broker epoch ${broker.epoch}, but got broker epoch ${epoch}`
  throw new Refusal('STALE_BROKER_EPOCH', what)
}

/** AssignReplicasToDirs: remembers where a broker has put its replicas. */
export function assignReplicasToDirs(
  view: ControllerView,
  command: ControllerCommands['assignReplicasToDirs']['command'],
): Decided<ControllerCommands['assignReplicasToDirs']['reply']> {
  const facts: MetadataFact[] = []
  const outcome = outcomeOf(() => {
    const broker = requireBroker(view.image, command.brokerId, command.brokerEpoch)
    const directories = command.directories.map((assigned) =>
      assignDirectory(view.image, broker, assigned, facts),
    )
    return { ...SUCCESS, directories }
  })
  return { facts, reply: 'directories' in outcome ? outcome : { ...outcome, directories: [] } }
}

function assignDirectory(
  image: MetadataImage,
  broker: BrokerImage,
  { id, topics }: DirectoryAssignments,
  facts: MetadataFact[],
): DirectoryAssignmentOutcomes {
  const assign = (topicId: string, index: number): ErrorName => {
    const topic = image.topics.byId.get(topicId)
    if (topic === undefined) return 'UNKNOWN_TOPIC_ID'
    const partition = topic.partitions[index]
    if (partition === undefined) return 'UNKNOWN_TOPIC_OR_PARTITION'
    if (!partition.replicas.includes(broker.id)) return 'NOT_LEADER_OR_FOLLOWER'
    const change = assignment(image, partition, broker, id)
    if (isChange(change)) facts.push(partitionChangeFact(topicId, index, change))
    return 'NONE'
  }
  return {
    id,
    topics: topics.map(({ topicId, partitions }) => ({
      topicId,
      partitions: partitions.map(({ partitionIndex }) => ({
        partitionIndex,
        errorCode: assign(topicId, partitionIndex),
      })),
    })),
  }
}

function assignment(
  image: MetadataImage,
  partition: PartitionImage,
  broker: BrokerImage,
  directoryId: string,
): PartitionChange {
  const directories = partition.replicas.map((id) =>
    id === broker.id ? directoryId : directoryOf(partition, id),
  )
  const isMoved = directoryOf(partition, broker.id) !== directoryId
  const moved = isMoved ? { directories } : {}
  if (!hasOnlineDirectory(broker.logDirs, directoryId)) {
    return { ...moved, ...withoutReplica(image, partition, broker.id) }
  }
  const { leader, isr } = partition
  // What was found again in another directory has a leader again.
  const isFound = leader === NO_LEADER && isr.includes(broker.id)
  const canLeadAgain = isFound && canLead(image, { ...partition, directories }, broker.id)
  return { ...moved, ...(canLeadAgain ? { leader: broker.id } : {}) }
}
