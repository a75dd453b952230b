import type { ErrorName } from '../../protocol/errors.ts'
import { Metadata } from '../../protocol/messages/metadata.ts'
import type { MetadataRequest } from '../../protocol/messages/metadata.ts'
import { ZERO_UUID } from '../../protocol/schema.ts'
import type { TopicImage } from '../metadata/image.ts'
import { isInternalTopic } from '../metadata/internal-topics.ts'
import { topicNameProblem } from '../metadata/topic-names.ts'
import { CLUSTER_NAME } from '../security/authorizer.ts'
import { custom } from './access.ts'
import { authorizedOperations, operationsOnCluster } from './authorized-operations.ts'
import type { RequestContext } from './context.ts'
import { handle } from './handler.ts'
import { heardOfLeaders, partitionsOf } from './heard-of-leaders.ts'
import { inTurnsOfStored } from './turns.ts'

type TopicResponse = (typeof Metadata)['response']['encoded']['topics'][number]
type TopicRequest = NonNullable<MetadataRequest['topics']>[number]

/** What a partition takes in an answer, about. */
const PARTITION_BYTES = 150

/** A topic's name is looked up and checked. */
const STEPS_OF_NAME = 5

const FIRST_VERSION_WITH_NULL = 1
const FIRST_VERSION_BY_ID = 12

/**
 * Metadata: v0-13. The brokers, and the topics asked for: all with an empty array in v0 and with null from v1 on.
 *
 * A topic that doesn't exist is made if the request and `auto.create.topics.enable` both say so, and answered when it is
 * there. v12 finds topics by id and never makes them.
 */
export const metadata = handle(Metadata, {
  access: custom(
    ['DESCRIBE', 'TOPIC'],
    ['CREATE', 'CLUSTER'],
    ['CREATE', 'TOPIC'],
    ['DESCRIBE', 'CLUSTER'],
  ),
}).by(async (request, context) => {
  const { services, version, connection } = context
  const wantsAll =
    request.topics === null || (version < FIRST_VERSION_WITH_NULL && request.topics.length === 0)
  const topics = wantsAll ? await allTopics(request, context) : await namedTopics(request, context)
  const view = services.cluster()
  return {
    brokers: view.brokers(connection.listener.name).map(({ id, host, port, rack }) => ({
      nodeId: id,
      host,
      port,
      rack,
    })),
    clusterId: view.clusterId,
    controllerId: view.controllerId,
    topics,
    clusterAuthorizedOperations: operationsOnCluster(
      request.includeClusterAuthorizedOperations,
      context,
    ),
    errorCode: 'NONE',
  }
})

/** Those that the client may see. */
async function allTopics(
  request: MetadataRequest,
  context: RequestContext,
): Promise<TopicResponse[]> {
  const { services } = context
  await heardOfLeaders(null, context)
  return inTurnsOfStored(
    services,
    services.cluster().topics(),
    (topic) =>
      context.could('DESCRIBE', 'TOPIC', topic.name) ? known(topic, request, context) : null,
    stepsOf,
  )
}

async function namedTopics(
  request: MetadataRequest,
  context: RequestContext,
): Promise<TopicResponse[]> {
  const asked = once(request.topics ?? [])
  const missing = asked.flatMap(({ name, topicId }) =>
    name !== null &&
    topicId === ZERO_UUID &&
    context.services.cluster().topic(name) === undefined &&
    topicNameProblem(name) === null &&
    context.could('DESCRIBE', 'TOPIC', name)
      ? [name]
      : [],
  )
  const createsThem =
    request.allowAutoTopicCreation && context.services.config.get('auto.create.topics.enable')
  const refused =
    missing.length > 0 && createsThem
      ? await create(missing, context)
      : new Map<string, ErrorName>()
  const imageOf = ({ name, topicId }: TopicRequest): TopicImage | undefined => {
    const { topic, topicById } = context.services.cluster()
    return name === null ? topicById(topicId) : topic(name)
  }
  await heardOfLeaders(partitionsOf(asked.map(imageOf)), context)
  return inTurnsOfStored(
    context.services,
    asked,
    (topic) => answerFor(topic, request, context, refused),
    (topic) => stepsOf(imageOf(topic)),
  )
}

/** What it takes to tell of a topic. */
function stepsOf(topic: TopicImage | undefined): number {
  return STEPS_OF_NAME + (topic?.partitions.length ?? 0)
}

/** Those that were not made, with their errors. */
async function create(
  names: readonly string[],
  context: RequestContext,
): Promise<ReadonlyMap<string, ErrorName>> {
  const mayAll = context.could('CREATE', 'CLUSTER', CLUSTER_NAME)
  const refused = new Map<string, ErrorName>()
  const allowed = names.filter((name) => {
    const isAllowed = mayAll || context.may('CREATE', 'TOPIC', name)
    if (!isAllowed) refused.set(name, 'TOPIC_AUTHORIZATION_FAILED')
    return isAllowed
  })
  if (allowed.length === 0) return refused
  const notMade = await context.services.createTopicsAutomatically(allowed, context)
  return new Map([...refused, ...notMade])
}

/** As in Kafka, a topic that is named more than once is answered once. */
function once(topics: readonly TopicRequest[]): readonly TopicRequest[] {
  if (topics.length < 2) return topics
  return [...new Map(topics.map((topic) => [`${topic.topicId}${topic.name}`, topic])).values()]
}

function answerFor(
  { name, topicId }: TopicRequest,
  request: MetadataRequest,
  context: RequestContext,
  refused: ReadonlyMap<string, ErrorName>,
): TopicResponse {
  const {
    services: { cluster },
    version,
  } = context
  if (name === null || topicId !== ZERO_UUID) {
    if (version < FIRST_VERSION_BY_ID) return unknown(name ?? '', topicId, 'INVALID_REQUEST')
    const topic = cluster().topicById(topicId)
    if (topic === undefined) return unknown(null, topicId, 'UNKNOWN_TOPIC_ID')
    return context.may('DESCRIBE', 'TOPIC', topic.name)
      ? known(topic, request, context)
      : unknown(null, topicId, 'TOPIC_AUTHORIZATION_FAILED')
  }
  if (!context.may('DESCRIBE', 'TOPIC', name)) {
    // Whether there is such a topic isn't told.
    return { ...unknown(name, ZERO_UUID, 'TOPIC_AUTHORIZATION_FAILED'), isInternal: false }
  }
  const topic = cluster().topic(name)
  if (topic !== undefined) return known(topic, request, context)
  const errorCode =
    refused.get(name) ??
    (topicNameProblem(name) === null ? 'UNKNOWN_TOPIC_OR_PARTITION' : 'INVALID_TOPIC_EXCEPTION')
  const answer = unknown(name, ZERO_UUID, errorCode)
  // What the client may do to a topic doesn't depend on whether it is there.
  return errorCode === 'TOPIC_AUTHORIZATION_FAILED'
    ? answer
    : { ...answer, topicAuthorizedOperations: operationsOn(name, request, context) }
}

function unknown(name: string | null, topicId: string, errorCode: ErrorName): TopicResponse {
  return {
    errorCode,
    name,
    topicId,
    isInternal: name !== null && isInternalTopic(name),
    partitions: [],
  }
}

function known(
  topic: TopicImage,
  request: MetadataRequest,
  context: RequestContext,
): TopicResponse {
  const { services, connection } = context
  const view = services.cluster()
  context.spend(topic.partitions.length * PARTITION_BYTES)
  return {
    errorCode: 'NONE',
    name: topic.name,
    topicId: topic.id,
    isInternal: isInternalTopic(topic.name),
    topicAuthorizedOperations: operationsOn(topic.name, request, context),
    partitions: topic.partitions.map((partition, partitionIndex) => {
      const leaderId = view.leaderOf(partition)
      return {
        // [RP#27629] Without a leader clients must not take an old epoch for the current one.
        errorCode: leaderId < 0 ? 'LEADER_NOT_AVAILABLE' : 'NONE',
        partitionIndex,
        leaderId,
        leaderEpoch: partition.leaderEpoch,
        replicaNodes: partition.replicas,
        isrNodes: partition.isr,
        offlineReplicas: view.offlineReplicas(partition, connection.listener.name),
      }
    }),
  }
}

function operationsOn(
  topic: string,
  { includeTopicAuthorizedOperations: isAsked }: MetadataRequest,
  context: RequestContext,
): number {
  return authorizedOperations(isAsked, context, 'TOPIC', topic)
}
