import { DeleteTopics } from '../../protocol/messages/delete-topics.ts'
import { ZERO_UUID } from '../../protocol/schema.ts'
import type { ErrorOutcome, TopicToDelete } from '../metadata/controller/commands.ts'
import { CLUSTER_NAME } from '../security/authorizer.ts'
import { custom } from './access.ts'
import { askController } from './ask-controller.ts'
import type { RequestContext } from './context.ts'
import type { NodeServices } from './services.ts'
import { handle } from './handler.ts'
import { changesOfTopic, inPieces } from './in-pieces.ts'

type TopicResponse = (typeof DeleteTopics)['response']['encoded']['responses'][number]

const FIRST_VERSION_WITH_DELETION_DISABLED = 3
/** [KIP-599] Older clients wait, but are refused nothing. */
const FIRST_VERSION_WITH_QUOTA = 5
/** Some 10,000 topics, as many as Kafka's controller deletes in one operation. */
const MAX_COST_BYTES = 6 << 20

/**
 * DeleteTopics: v1-6, by name, from v6 on by name or id (KIP-516). A name that was taken by a new topic since doesn't
 * stand for the id of the old one.
 */
export const deleteTopics = handle(DeleteTopics, {
  access: custom(['DELETE', 'CLUSTER'], ['DESCRIBE', 'TOPIC'], ['DELETE', 'TOPIC']),
  at: 'controller',
  maxCostBytes: MAX_COST_BYTES,
}).by(async (request, context) => {
  const topics = [
    ...request.topicNames.map((name) => ({ name, topicId: ZERO_UUID })),
    ...request.topics,
  ]
  const answerAll = (outcome: ErrorOutcome) => ({
    responses: topics.map(({ name, topicId }) => ({ name, topicId, ...outcome })),
  })
  if (!context.services.config.get('delete.topic.enable')) {
    return answerAll({
      errorCode:
        context.version < FIRST_VERSION_WITH_DELETION_DISABLED
          ? 'INVALID_REQUEST'
          : 'TOPIC_DELETION_DISABLED',
      errorMessage: 'Topic deletion is disabled.',
    })
  }
  const make = async (some: readonly TopicToDelete[], leftMs: number) => {
    const allowance = context.quota?.mutations(FIRST_VERSION_WITH_QUOTA)
    const command = { type: 'deleteTopics', topics: some, allowance } as const
    const asked = await askController(context, command, leftMs)
    return asked.failed === null
      ? asked.reply
      : some.map(({ name, topicId }) => ({ name, topicId, ...asked.failed }))
  }
  const { allowed, refused } = authorized(topics, context)
  // A topic may be named by its id and by its name.
  const view = context.services.cluster()
  const find = ({ name, topicId }: TopicToDelete) =>
    name === null ? view.topicById(topicId) : view.topic(name)
  const responses = await inPieces(
    context.services,
    allowed,
    (topic) => topic.name ?? find(topic)?.name ?? topic.topicId,
    request.timeoutMs,
    make,
    (topic) => changesOfTopic(find(topic)?.partitions.length ?? 0),
  )
  await context.services.settled()
  return { responses: [...responses, ...refused] }
})

/** The topics that may be deleted, and the answers for the others: what may not be described has no name for an id. */
function authorized(
  topics: readonly TopicToDelete[],
  context: RequestContext<NodeServices>,
): { allowed: readonly TopicToDelete[]; refused: TopicResponse[] } {
  if (context.could('DELETE', 'CLUSTER', CLUSTER_NAME)) return { allowed: topics, refused: [] }
  const view = context.services.cluster()
  const refused: TopicResponse[] = []
  const allowed = topics.filter(({ name: given, topicId }) => {
    const name = given ?? view.topicById(topicId)?.name
    if (name === undefined) return true
    const mayDescribe = context.may('DESCRIBE', 'TOPIC', name)
    const isUnknown = view.topic(name) === undefined
    const mayDelete = isUnknown || context.may('DELETE', 'TOPIC', name)
    if (mayDelete && (mayDescribe || given === null)) return true
    refused.push({
      name: mayDescribe ? name : given,
      topicId,
      errorCode: 'TOPIC_AUTHORIZATION_FAILED',
      errorMessage: null,
    })
    return false
  })
  return { allowed, refused }
}
