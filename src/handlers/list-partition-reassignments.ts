import { ListPartitionReassignments } from '../../protocol/messages/list-partition-reassignments.ts'
import type { TopicImage } from '../metadata/image.ts'
import { cluster } from './access.ts'
import type { RequestContext } from './context.ts'
import type { NodeServices } from './services.ts'
import { handle } from './handler.ts'
import { inTurnsOfStored } from './turns.ts'

/** What a partition takes in an answer, about. */
const PARTITION_BYTES = 150

/** ListPartitionReassignments: v0. The partitions that are on their way to other replicas; topics without any are left out. */
export const listPartitionReassignments = handle(ListPartitionReassignments, {
  access: cluster('DESCRIBE', ({ topics }, refusal) => ({
    ...refusal,
    topics: (topics ?? []).map(({ name, partitionIndexes }) => ({
      name,
      partitions: partitionIndexes.map((partitionIndex) => ({
        partitionIndex,
        replicas: [],
        addingReplicas: [],
        removingReplicas: [],
      })),
    })),
  })),
  at: 'controller',
}).by(async ({ topics: asked }, context) => {
  const { services } = context
  const cluster = services.cluster()
  const topics =
    asked === null
      ? await inTurnsOfStored(
          services,
          cluster.topics(),
          (topic) => moving(topic, topic.partitions.keys(), context),
          ({ partitions }) => 1 + partitions.length,
        )
      : await inTurnsOfStored(
          services,
          asked,
          ({ name, partitionIndexes }) => {
            const topic = cluster.topic(name)
            return topic === undefined ? null : moving(topic, partitionIndexes, context)
          },
          ({ partitionIndexes }) => 1 + partitionIndexes.length,
        )
  return { errorCode: 'NONE', errorMessage: null, topics }
})

/** Null where none is. */
function moving(
  { name, partitions }: TopicImage,
  indexes: Iterable<number>,
  context: RequestContext<NodeServices>,
) {
  const found = []
  for (const partitionIndex of indexes) {
    const partition = partitions[partitionIndex]
    if (partition === undefined) continue
    const { replicas, addingReplicas, removingReplicas } = partition
    if (addingReplicas.length + removingReplicas.length === 0) continue
    found.push({ partitionIndex, replicas, addingReplicas, removingReplicas })
  }
  context.spend(found.length * PARTITION_BYTES)
  return found.length === 0 ? null : { name, partitions: found }
}
