import { DeleteTopics } from '../../protocol/messages/delete-topics.ts'
import { ZERO_UUID } from '../../protocol/schema.ts'
import type { ErrorOutcome } from '../metadata/commands.ts'
import { askController } from './ask-controller.ts'
import { handle } from './handler.ts'

const FIRST_VERSION_WITH_DELETION_DISABLED = 3

/**
 * DeleteTopics: v1-6, by name, from v6 on by name or id (KIP-516). A name that was taken by a new topic since doesn't
 * stand for the id of the old one.
 */
export const deleteTopics = handle(DeleteTopics).by(async (request, context) => {
  const topics = [
    ...request.topicNames.map((name) => ({ name, topicId: ZERO_UUID })),
    ...request.topics,
  ]
  const answerAll = (outcome: ErrorOutcome) => ({
    throttleTimeMs: 0,
    responses: topics.map(({ name, topicId }) => ({ name, topicId, ...outcome })),
  })
  if (!context.config.get('delete.topic.enable')) {
    return answerAll({
      errorCode:
        context.version < FIRST_VERSION_WITH_DELETION_DISABLED
          ? 'INVALID_REQUEST'
          : 'TOPIC_DELETION_DISABLED',
      errorMessage: 'Topic deletion is disabled.',
    })
  }
  const asked = await askController(context, { type: 'deleteTopics', topics }, request.timeoutMs)
  if (asked.failed !== null) return answerAll(asked.failed)
  await context.replicas.settled()
  return { throttleTimeMs: 0, responses: asked.reply }
})
