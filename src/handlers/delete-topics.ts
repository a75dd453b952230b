import { DeleteTopics } from '../../protocol/messages/delete-topics.ts'
import { ZERO_UUID } from '../../protocol/schema.ts'
import type { ErrorOutcome, TopicToDelete } from '../metadata/controller/commands.ts'
import { askController } from './ask-controller.ts'
import { MAX_CHANGES_COST_BYTES, handle } from './handler.ts'
import { inPieces } from './in-pieces.ts'

const FIRST_VERSION_WITH_DELETION_DISABLED = 3

/**
 * DeleteTopics: v1-6, by name, from v6 on by name or id (KIP-516). A name that was taken by a new topic since doesn't
 * stand for the id of the old one.
 */
export const deleteTopics = handle(DeleteTopics, {
  at: 'controller',
  maxCostBytes: MAX_CHANGES_COST_BYTES,
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
    const command = { type: 'deleteTopics', topics: some } as const
    const asked = await askController(context, command, leftMs)
    return asked.failed === null
      ? asked.reply
      : some.map(({ name, topicId }) => ({ name, topicId, ...asked.failed }))
  }
  // A topic may be named by its id and by its name.
  const view = context.services.cluster()
  const keyOf = ({ name, topicId }: TopicToDelete): string =>
    name ?? view.topicById(topicId)?.name ?? topicId
  const responses = await inPieces(context.services, topics, keyOf, request.timeoutMs, make)
  await context.services.replicas.settled()
  return { responses }
})
