import { DescribeTopicPartitions } from '../../protocol/messages/describe-topic-partitions.ts'
import { ZERO_UUID } from '../../protocol/schema.ts'
import type { TopicImage } from '../metadata/image.ts'
import { isInternalTopic } from '../metadata/internal-topics.ts'
import { custom } from './access.ts'
import { authorizedOperations } from './authorized-operations.ts'
import type { RequestContext } from './context.ts'
import { handle } from './handler.ts'
import { heardOfLeaders, partitionsOf } from './heard-of-leaders.ts'
import { inTurnsOfStored } from './turns.ts'

type Response = (typeof DescribeTopicPartitions)['response']['encoded']
type TopicResponse = Response['topics'][number]
interface Cursor {
  readonly topicName: string
  readonly partitionIndex: number
}

/** What a partition takes in an answer, about. */
const PARTITION_BYTES = 200

/**
 * DescribeTopicPartitions: v0. Topics in the order of their names, page by page (KIP-966).
 *
 * A page ends after so many partitions as the client or `max.request.partition.size.limit` allows; `nextCursor` says
 * where the next one begins.
 */
export const describeTopicPartitions = handle(DescribeTopicPartitions, {
  access: custom(['DESCRIBE', 'TOPIC']),
}).by(async (request, context) => {
  const { cursor } = request
  if (cursor !== null && cursor.partitionIndex < 0) {
    // As in Kafka, those that are named are told so, and no others.
    const names = new Set(request.topics.map(({ name }) => name))
    return { topics: Array.from(names, invalid), nextCursor: null }
  }
  const isNamed = request.topics.length > 0
  const asked = request.topics.map(({ name }) => context.services.cluster().topic(name))
  await heardOfLeaders(isNamed ? partitionsOf(asked) : null, context)
  const cluster = context.services.cluster()
  let left = Math.min(
    Math.max(request.responsePartitionLimit, 1),
    context.services.config.get('max.request.partition.size.limit'),
  )
  const topics: TopicResponse[] = []
  // Besides as many topics as there are partitions: the cursor's, of which none may be left, and that of the next page.
  for (const name of await namesOf(request.topics, left + 2, context, cursor)) {
    if (isNamed && !context.may('DESCRIBE', 'TOPIC', name)) {
      topics.push(refused(name))
      continue
    }
    if (left === 0) return page(topics, { topicName: name, partitionIndex: 0 })
    const topic = cluster.topic(name)
    if (topic === undefined) {
      topics.push({
        ...unknown(name),
        topicAuthorizedOperations: authorizedOperations(true, context, 'TOPIC', name),
      })
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
async function namesOf(
  asked: readonly { name: string }[],
  most: number,
  context: RequestContext,
  cursor: Cursor | null,
): Promise<string[]> {
  const from = cursor?.topicName ?? ''
  if (asked.length > 0) {
    return [...new Set(asked.map(({ name }) => name))].filter((name) => name >= from).sort()
  }
  const first = new FirstNames(most)
  await inTurnsOfStored(context.services, context.services.cluster().topics(), ({ name }) => {
    if (name >= from && context.could('DESCRIBE', 'TOPIC', name)) first.add(name)
    return null
  })
  return first.sorted()
}

/** So many of any number of names as are the first in their order; to sort all of them for each page would take long. */
class FirstNames {
  readonly #most: number
  #names: string[] = []
  /** What comes behind it is not among them. */
  #last: string | null = null

  constructor(most: number) {
    this.#most = most
  }

  add(name: string): void {
    if (this.#last !== null && name > this.#last) return
    this.#names.push(name)
    if (this.#names.length < 2 * this.#most) return
    this.#names = this.sorted()
    this.#last = this.#names.at(-1)!
  }

  sorted(): string[] {
    return this.#names.sort().slice(0, this.#most)
  }
}

function invalid(name: string): TopicResponse {
  return { ...unknown(name), errorCode: 'INVALID_REQUEST' }
}

/** Whether there is such a topic isn't told. */
function refused(name: string): TopicResponse {
  return { ...unknown(name), isInternal: false, errorCode: 'TOPIC_AUTHORIZATION_FAILED' }
}

function unknown(name: string): TopicResponse {
  return {
    errorCode: 'UNKNOWN_TOPIC_OR_PARTITION',
    name,
    topicId: ZERO_UUID,
    isInternal: isInternalTopic(name),
    partitions: [],
  }
}

function known(
  topic: TopicImage,
  first: number,
  end: number,
  context: RequestContext,
): TopicResponse {
  const { services, connection } = context
  context.spend((end - first) * PARTITION_BYTES)
  const view = services.cluster()
  return {
    errorCode: 'NONE',
    name: topic.name,
    topicId: topic.id,
    isInternal: isInternalTopic(topic.name),
    topicAuthorizedOperations: authorizedOperations(true, context, 'TOPIC', topic.name),
    partitions: topic.partitions.slice(first, end).map((partition, i) => {
      const leaderId = view.leaderOf(partition)
      return {
        errorCode: leaderId < 0 ? 'LEADER_NOT_AVAILABLE' : 'NONE',
        partitionIndex: first + i,
        leaderId,
        leaderEpoch: partition.leaderEpoch,
        replicaNodes: partition.replicas,
        isrNodes: partition.isr,
        eligibleLeaderReplicas: partition.eligibleLeaderReplicas,
        lastKnownElr: partition.lastKnownElr,
        offlineReplicas: view.offlineReplicas(partition, connection.listener.name),
      }
    }),
  }
}
