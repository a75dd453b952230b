import { newPartition } from '../../facts.ts'
import type { PartitionImage } from '../../image.ts'
import { isCordoned } from '../../image.ts'
import type { TopicToCreate } from '../commands.ts'
import { Refusal } from '../outcome.ts'
import { directoryForNew } from '../partition/change.ts'
import type { ControllerView } from '../view.ts'
import { placeReplicas, PlacementError } from './stripes.ts'

/**
 * The partitions of a new topic, on the brokers that it names or where there is room.
 * @throws Refusal
 */
export function partitionsOf(view: ControllerView, topic: TopicToCreate): PartitionImage[] {
  return topic.assignments.length > 0
    ? assignedPartitions(view, topic)
    : placedPartitions(view, topic)
}

function assignedPartitions(view: ControllerView, topic: TopicToCreate): PartitionImage[] {
  const what = 'A manual partition assignment was specified, but'
  if (topic.replicationFactor !== -1) {
    throw new Refusal('INVALID_REQUEST', `${what} replication factor was not set to -1.`)
  }
  if (topic.numPartitions !== -1) {
    throw new Refusal('INVALID_REQUEST', `${what} numPartitions was not set to -1.`)
  }
  const partitions = new Map<number, PartitionImage>()
  let replicationFactor: number | null = null
  for (const { partitionIndex, brokerIds } of topic.assignments) {
    if (partitions.has(partitionIndex)) {
      throw new Refusal(
        'INVALID_REPLICA_ASSIGNMENT',
        `Found multiple manual partition assignments for partition ${partitionIndex}`,
      )
    }
    checkAssignment(view, brokerIds, replicationFactor)
    replicationFactor = brokerIds.length
    partitions.set(partitionIndex, assigned(view, brokerIds, partitionIndex))
  }
  return Array.from({ length: partitions.size }, (_, index) => {
    const partition = partitions.get(index)
    if (partition !== undefined) return partition
    throw new Refusal(
      'INVALID_REPLICA_ASSIGNMENT',
      'partitions should be a consecutive 0-based integer sequence',
    )
  })
}

/** @throws Refusal where a new partition can't be led by any of these */
export function assigned(
  view: ControllerView,
  brokerIds: readonly number[],
  partition: number,
): PartitionImage {
  const isr = brokerIds.filter((id) => isActive(view, id))
  if (isr.length > 0) return newPartition(brokerIds, isr, directoriesOf(view, brokerIds))
  throw new Refusal(
    'INVALID_REPLICA_ASSIGNMENT',
    `All brokers specified in the manual partition assignment for partition ${partition} are fenced or in controlled shutdown.`,
  )
}

/** @throws Refusal where a partition can't have these replicas */
export function checkAssignment(
  view: ControllerView,
  brokerIds: readonly number[],
  replicationFactor: number | null,
): void {
  const refuse = (what: string): never => {
    throw new Refusal('INVALID_REPLICA_ASSIGNMENT', `The manual partition assignment ${what}`)
  }
  if (brokerIds.length === 0) refuse('includes an empty replica list.')
  const sorted = [...brokerIds].sort((left, right) => left - right)
  sorted.forEach((id, index) => {
    const broker = view.image.brokers.get(id)
    if (broker === undefined) {
      return refuse(`includes broker ${id}, but no such broker is registered.`)
    }
    if (isCordoned(broker)) {
      refuse(`includes broker ${id}, but all log directories on that broker are cordoned.`)
    }
    if (id === sorted[index - 1]) refuse(`includes the broker ${id} more than once.`)
  })
  if (replicationFactor === null || sorted.length === replicationFactor) return
  refuse(
    `includes a partition with ${sorted.length} replica(s), but this is not consistent with previous partitions, which have ${replicationFactor} replica(s).`,
  )
}

function placedPartitions(view: ControllerView, topic: TopicToCreate): PartitionImage[] {
  const { numPartitions, replicationFactor } = topic
  if (replicationFactor < -1 || replicationFactor === 0) {
    throw new Refusal(
      'INVALID_REPLICATION_FACTOR',
      'Replication factor must be larger than 0, or -1 to use the default value.',
    )
  }
  if (numPartitions < -1 || numPartitions === 0) {
    throw new Refusal(
      'INVALID_PARTITIONS',
      'Number of partitions was set to an invalid non-positive value.',
    )
  }
  const count = numPartitions === -1 ? view.defaults.numPartitions : numPartitions
  const factor = replicationFactor === -1 ? view.defaults.replicationFactor : replicationFactor
  return place(view, count, factor, `Unable to replicate the partition ${factor} time(s): `)
}

/**
 * @param prefix of the message
 * @throws Refusal where there are not enough brokers
 */
export function place(
  view: ControllerView,
  count: number,
  factor: number,
  prefix: string,
): PartitionImage[] {
  try {
    const placed = placeReplicas(view.image.brokers.values(), count, factor, view.random)
    return placed.map((replicas) =>
      newPartition(
        replicas,
        replicas.filter((id) => isActive(view, id)),
        directoriesOf(view, replicas),
      ),
    )
  } catch (error) {
    if (!(error instanceof PlacementError)) throw error
    throw new Refusal('INVALID_REPLICATION_FACTOR', prefix + error.message)
  }
}

function isActive(view: ControllerView, id: number): boolean {
  const broker = view.image.brokers.get(id)
  return broker !== undefined && !broker.fenced && !broker.inControlledShutdown
}

function directoriesOf({ image }: ControllerView, brokerIds: readonly number[]): string[] {
  return brokerIds.map((id) => directoryForNew(image.brokers, id))
}
