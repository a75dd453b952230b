import { DescribeTopicPartitions } from '../../protocol/messages/describe-topic-partitions.ts'
import { ZERO_UUID } from '../../protocol/schema.ts'
import type { ClusterView } from '../metadata/cluster-view.ts'
import type { TopicImage } from '../metadata/image.ts'
import { isInternalTopic } from '../metadata/internal-topics.ts'
import { ALL_OPERATIONS } from './authorized-operations.ts'
import type { RequestContext } from './context.ts'
import { handle } from './handler.ts'

type Response = (typeof DescribeTopicPartitions)['response']['encoded']
type TopicResponse = Response['topics'][number]
interface Cursor {
  readonly topicName: string
  readonly partitionIndex: number
}

/**
 * DescribeTopicPartitions: v0. Topics in the order of their names, page by page (KIP-966).
 *
 * A page ends after so many partitions as the client or `max.request.partition.size.limit` allows; `nextCursor` says
 * where the next one begins.
 */
export const describeTopicPartitions = handle(DescribeTopicPartitions).by((request, context) => {
  const { cursor } = request
  const cluster = context.services.cluster()
  if (cursor !== null && cursor.partitionIndex < 0) {
    return {
      topics: namesOf(request.topics, cluster, cursor).map(refused),
      nextCursor: null,
    }
  }
  let left = Math.min(
    Math.max(request.responsePartitionLimit, 1),
    context.services.config.get('max.request.partition.size.limit'),
  )
  const topics: TopicResponse[] = []
  for (const name of namesOf(request.topics, cluster, cursor)) {
    if (left === 0) return page(topics, { topicName: name, partitionIndex: 0 })
    const topic = cluster.topic(name)
    if (topic === undefined) {
      topics.push(unknown(name))
      continue
    }
    const first = cursor?.topicName === name ? cursor.partitionIndex : 0
    const end = Math.min(first + left, topic.partitions.length)
    topics.push(known(topic, first, end, context))
    if (end < topic.partitions.length) return page(topics, { topicName: name, partitionIndex: end })
    left -= Math.max(end - first, 0)
  }
  return page(topics, null)
})

function page(topics: TopicResponse[], nextCursor: Cursor | null): Response {
  return { topics, nextCursor }
}

/** Those asked for, or all, from the cursor's on; a name that only the cursor has isn't listed as missing. */
function namesOf(
  asked: readonly { name: string }[],
  cluster: ClusterView,
  cursor: Cursor | null,
): string[] {
  const names =
    asked.length > 0
      ? asked.map(({ name }) => name)
      : Array.from(cluster.topics(), ({ name }) => name)
  return [...new Set(names)].filter((name) => cursor === null || name >= cursor.topicName).sort()
}

function refused(name: string): TopicResponse {
  return { ...unknown(name), errorCode: 'INVALID_REQUEST' }
}

function unknown(name: string): TopicResponse {
  return {
    errorCode: 'UNKNOWN_TOPIC_OR_PARTITION',
    name,
    topicId: ZERO_UUID,
    isInternal: isInternalTopic(name),
    topicAuthorizedOperations: ALL_OPERATIONS.topic,
    partitions: [],
  }
}

function known(
  topic: TopicImage,
  first: number,
  end: number,
  { services, connection: { listener } }: RequestContext,
): TopicResponse {
  const view = services.cluster()
  return {
    errorCode: 'NONE',
    name: topic.name,
    topicId: topic.id,
    isInternal: isInternalTopic(topic.name),
    topicAuthorizedOperations: ALL_OPERATIONS.topic,
    partitions: topic.partitions.slice(first, end).map((partition, i) => ({
      errorCode: partition.leader < 0 ? 'LEADER_NOT_AVAILABLE' : 'NONE',
      partitionIndex: first + i,
      leaderId: partition.leader,
      leaderEpoch: partition.leaderEpoch,
      replicaNodes: partition.replicas,
      isrNodes: partition.isr,
      eligibleLeaderReplicas: partition.eligibleLeaderReplicas,
      lastKnownElr: partition.lastKnownElr,
      offlineReplicas: view.offlineReplicas(partition, listener.name),
    })),
  }
}
