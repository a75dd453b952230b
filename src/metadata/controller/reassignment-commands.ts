import type { ControllerCommands, PartitionToReassign } from './commands.ts'
import type { ControllerView } from './view.ts'
import { canLead } from './leadership.ts'
import type { MetadataFact, PartitionChange } from '../facts.ts'
import { partitionChangeFact } from '../facts.ts'
import { directoryOf, NO_LEADER } from '../image.ts'
import type { MetadataImage, PartitionImage } from '../image.ts'
import { outcomeOf, Refusal, SUCCESS } from './outcome.ts'
import type { Decided } from './outcome.ts'
import { checkAssignment } from './topic-commands.ts'

type Command = ControllerCommands['alterPartitionReassignments']['command']

/**
 * AlterPartitionReassignments: another order of a partition's replicas, or fewer of them, which both are done at once.
 * More of them would have to be filled from the leader: no other broker can join this one yet, so none is taken.
 */
export function alterPartitionReassignments(
  view: ControllerView,
  { topics, allowReplicationFactorChange }: Command,
): Decided<ControllerCommands['alterPartitionReassignments']['reply']> {
  const facts: MetadataFact[] = []
  const reply = topics.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map((target) => {
      const { partitionIndex } = target
      const outcome = outcomeOf(() => {
        const topic = view.image.topics.byName.get(name)
        if (topic === undefined) unknown(`Unable to find a topic named ${name}.`)
        const partition = topic.partitions[partitionIndex]
        if (partition === undefined) unknown(`Unable to find partition ${name}:${partitionIndex}.`)
        const change = reassigned(view, partition, target, allowReplicationFactorChange)
        if (Object.keys(change).length > 0) {
          facts.push(partitionChangeFact(topic.id, partitionIndex, change))
        }
        return SUCCESS
      })
      // Kafka leaves the message out where the error says it all.
      const isPlain = outcome.errorCode === 'NO_REASSIGNMENT_IN_PROGRESS'
      return { partitionIndex, ...outcome, ...(isPlain ? { errorMessage: null } : {}) }
    }),
  }))
  return { facts, reply }
}

function unknown(what: string): never {
  throw new Refusal('UNKNOWN_TOPIC_OR_PARTITION', what)
}

function reassigned(
  view: ControllerView,
  partition: PartitionImage,
  { partitionIndex, replicas }: PartitionToReassign,
  allowReplicationFactorChange: boolean,
): PartitionChange {
  const { addingReplicas, removingReplicas } = partition
  const isMoving = addingReplicas.length + removingReplicas.length > 0
  if (replicas === null) {
    if (!isMoving) {
      throw new Refusal('NO_REASSIGNMENT_IN_PROGRESS', 'No partition reassignment is in progress.')
    }
    // One that a cluster of Apache Kafka's had begun.
    const before = partition.replicas.filter((id) => !addingReplicas.includes(id))
    return reassigned(view, partition, { partitionIndex, replicas: before }, true)
  }
  checkAssignment(view, replicas, null)
  if (!allowReplicationFactorChange && replicas.length !== partition.replicas.length) {
    const what = `The replication factor is ${partition.replicas.length} and would be ${replicas.length}, which the request does not allow.`
    throw new Refusal('INVALID_REPLICATION_FACTOR', what)
  }
  const added = replicas.filter((id) => !partition.replicas.includes(id))
  const isr = partition.isr.filter((id) => replicas.includes(id))
  if (added.length > 0) {
    const what = `Replicas can't be added on ${added.join()} yet: this version replicates to no other broker.`
    throw new Refusal('INVALID_REPLICA_ASSIGNMENT', what)
  }
  if (isr.length === 0) {
    const what = `None of the replicas ${replicas.join()} is in sync: without the others the records would be lost.`
    throw new Refusal('INVALID_REPLICA_ASSIGNMENT', what)
  }
  return {
    ...change(view.image, partition, replicas, isr),
    ...(isMoving ? { endsReassignment: true } : {}),
  }
}

function change(
  image: MetadataImage,
  partition: PartitionImage,
  replicas: readonly number[],
  isr: readonly number[],
): PartitionChange {
  const hasOrder = replicas.every((id, index) => partition.replicas[index] === id)
  const shrinks = replicas.length < partition.replicas.length
  if (hasOrder && !shrinks) return {}
  const directories = replicas.map((id) => directoryOf(partition, id))
  const target = { ...partition, replicas, directories }
  const candidates = [partition.leader, ...replicas]
  const leader =
    candidates.find((id) => isr.includes(id) && canLead(image, target, id)) ?? NO_LEADER
  return {
    replicas,
    directories,
    ...(isr.length < partition.isr.length ? { isr } : {}),
    // Replicas that are left out are told by a new epoch.
    ...(shrinks || leader !== partition.leader ? { leader } : {}),
  }
}
