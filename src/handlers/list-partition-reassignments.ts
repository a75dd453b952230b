import { ListPartitionReassignments } from '../../protocol/messages/list-partition-reassignments.ts'
import type { TopicImage } from '../metadata/image.ts'
import { handle } from './handler.ts'

/** ListPartitionReassignments: v0. The partitions that are on their way to other replicas; topics without any are left out. */
export const listPartitionReassignments = handle(ListPartitionReassignments, {
  at: 'controller',
}).by((request, context) => {
  const cluster = context.services.cluster()
  const topics =
    request.topics === null
      ? Array.from(cluster.topics(), (topic) => moving(topic, topic.partitions.keys()))
      : request.topics.flatMap(({ name, partitionIndexes }) => {
          const topic = cluster.topic(name)
          return topic === undefined ? [] : [moving(topic, partitionIndexes)]
        })
  return {
    errorCode: 'NONE',
    errorMessage: null,
    topics: topics.filter(({ partitions }) => partitions.length > 0),
  }
})

function moving({ name, partitions }: TopicImage, indexes: Iterable<number>) {
  const found = []
  for (const partitionIndex of indexes) {
    const partition = partitions[partitionIndex]
    if (partition === undefined) continue
    const { replicas, addingReplicas, removingReplicas } = partition
    if (addingReplicas.length + removingReplicas.length === 0) continue
    found.push({ partitionIndex, replicas, addingReplicas, removingReplicas })
  }
  return { name, partitions: found }
}
