import type { ControllerCommands, PartitionToReassign } from './commands.ts'
import type { ControllerView } from './view.ts'
import type { MetadataFact } from '../facts.ts'
import type { PartitionImage, TopicImage } from '../image.ts'
import { partitionChangeFact } from '../partition-change.ts'
import { outcomeOf, Refusal, SUCCESS } from './outcome.ts'
import type { Decided } from './outcome.ts'
import { changeOf } from './partition/change.ts'
import type { WantedChange } from './partition/change.ts'
import { electionBy } from './partition/of-brokers.ts'
import { isReassigning, replicationFactorOf, reverted, towards } from './partition/reassignment.ts'
import { rulesOf } from './partition/rules.ts'
import type { PartitionRules } from './partition/rules.ts'
import { checkAssignment } from './placement/new-partitions.ts'

type Command = ControllerCommands['alterPartitionReassignments']['command']

/**
 * AlterPartitionReassignments (KIP-455): each partition by itself begins to move, or goes back. The new replicas come in, and
 * as soon as the ISR has all that are to stay, which may be at once, the others go: that is decided with the leader's
 * AlterPartition.
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
        const rules = rulesOf(view, topic)
        const wanted =
          target.replicas === null
            ? cancelled(topic, target, partition, rules)
            : begun(view, partition, target.replicas, allowReplicationFactorChange)
        const change = changeOf(partition, wanted, { rules, brokers: view.image.brokers })
        if (change !== null) facts.push(partitionChangeFact(topic.id, partitionIndex, change))
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

function begun(
  view: ControllerView,
  partition: PartitionImage,
  replicas: readonly number[],
  allowReplicationFactorChange: boolean,
): WantedChange {
  checkAssignment(view, replicas, null)
  const factor = replicationFactorOf(partition)
  if (!allowReplicationFactorChange && replicas.length !== factor) {
    const what = `The replication factor is changed from ${factor} to ${replicas.length}`
    throw new Refusal('INVALID_REPLICATION_FACTOR', what)
  }
  return { assignment: towards(partition, replicas) }
}

function cancelled(
  topic: TopicImage,
  { partitionIndex }: PartitionToReassign,
  partition: PartitionImage,
  rules: PartitionRules,
): WantedChange {
  if (!isReassigning(partition)) {
    throw new Refusal('NO_REASSIGNMENT_IN_PROGRESS', 'No partition reassignment is in progress.')
  }
  const { assignment, isr, isUnclean } = reverted(partition)
  if (isUnclean && !rules.isUncleanAllowed) {
    const what = `Unable to revert partition assignment for ${topic.name}:${partitionIndex} because it would require an unclean leader election.`
    throw new Refusal('INVALID_REPLICA_ASSIGNMENT', what)
  }
  return { assignment, isr, election: electionBy(rules) }
}
