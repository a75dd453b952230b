import type { ErrorName } from '../../../protocol/errors.ts'
import type {
  ControllerCommands,
  DirectoryAssignmentOutcomes,
  DirectoryAssignments,
} from './commands.ts'
import type { ControllerView } from './view.ts'
import type { MetadataFact } from '../facts.ts'
import { directoryOf, hasOnlineDirectory } from '../image.ts'
import type { BrokerImage, MetadataImage, PartitionImage } from '../image.ts'
import { partitionChangeFact } from '../partition-change.ts'
import { outcomeOf, Refusal, SUCCESS } from './outcome.ts'
import type { Decided } from './outcome.ts'
import { changeOf } from './partition/change.ts'
import type { WantedChange } from './partition/change.ts'
import { withoutReplica } from './partition/of-brokers.ts'
import { rulesOf } from './partition/rules.ts'
import type { PartitionRules } from './partition/rules.ts'

/** @throws Refusal when this isn't the broker's present life */
export function requireBroker(image: MetadataImage, id: number, epoch: number): BrokerImage {
  const broker = image.brokers.get(id)
  if (broker === undefined) {
    throw new Refusal('STALE_BROKER_EPOCH', `No broker registration found for broker id ${id}`)
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
      assignDirectory(view, broker, assigned, facts),
    )
    return { ...SUCCESS, directories }
  })
  return { facts, reply: 'directories' in outcome ? outcome : { ...outcome, directories: [] } }
}

function assignDirectory(
  view: ControllerView,
  broker: BrokerImage,
  { id, topics }: DirectoryAssignments,
  facts: MetadataFact[],
): DirectoryAssignmentOutcomes {
  const { brokers, topics: known } = view.image
  const assign = (topicId: string, index: number): ErrorName => {
    const topic = known.byId.get(topicId)
    if (topic === undefined) return 'UNKNOWN_TOPIC_ID'
    const partition = topic.partitions[index]
    if (partition === undefined) return 'UNKNOWN_TOPIC_OR_PARTITION'
    if (!partition.replicas.includes(broker.id)) return 'NOT_LEADER_OR_FOLLOWER'
    const rules = rulesOf(view, topic)
    const change = changeOf(partition, assignment(partition, broker, id, rules), { rules, brokers })
    if (change !== null) facts.push(partitionChangeFact(topicId, index, change))
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

/** What was found again in another directory may be led again; what is in one that has failed can't be used. */
function assignment(
  partition: PartitionImage,
  broker: BrokerImage,
  directoryId: string,
  rules: PartitionRules,
): WantedChange {
  const directories = partition.replicas.map((id) =>
    id === broker.id ? directoryId : directoryOf(partition, id),
  )
  if (hasOnlineDirectory(broker.logDirs, directoryId)) return { directories }
  return { directories, ...withoutReplica(partition, broker.id, rules) }
}
