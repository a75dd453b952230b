import { OffsetCommit } from '../../protocol/messages/offset-commit.ts'
import { all, each, one } from './access.ts'
import { handle } from './handler.ts'
import { commitKnown, refusedTopic, topicNameOf } from './offsets-to-commit.ts'

const FIRST_VERSION_WITH_IDS = 10

/** OffsetCommit: what doesn't exist gets its error, and the group stores the offsets of the other partitions. */
export const offsetCommit = handle(OffsetCommit, {
  access: all(
    one(
      'GROUP',
      'READ',
      ({ groupId }) => groupId,
      ({ topics }, { errorCode }) => ({
        topics: topics.map((topic) => refusedTopic(topic, errorCode)),
      }),
    ),
    each('TOPIC', 'READ', {
      items: 'topics',
      nameOf: (topic, context) =>
        topicNameOf(topic, context.version >= FIRST_VERSION_WITH_IDS, context),
      answers: 'topics',
      refuse: (topic, { errorCode }) => refusedTopic(topic, errorCode),
    }),
  ),
}).by(async (request, context) => {
  const { services, version } = context
  const { groupId } = request
  const isById = version >= FIRST_VERSION_WITH_IDS
  const topics = await commitKnown(request.topics, isById, context, (known) =>
    services.groups.ask<'CommitOffsets'>(groupId, {
      type: 'CommitOffsets',
      version,
      groupId,
      generation: request.generationIdOrMemberEpoch,
      memberId: request.memberId,
      groupInstanceId: request.groupInstanceId,
      retentionTimeMs: request.retentionTimeMs,
      topics: known,
    }),
  )
  return { topics }
})
