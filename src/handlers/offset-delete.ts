import type { ErrorName } from '../../protocol/errors.ts'
import { OffsetDelete } from '../../protocol/messages/offset-delete.ts'
import type { OffsetDeleteResponse } from '../../protocol/messages/offset-delete.ts'
import { coordinated } from './coordinated.ts'
import { handle } from './handler.ts'

/** OffsetDelete: of topics that exist and that no member of the group reads. */
export const offsetDelete = handle(OffsetDelete).by(async (request, { groups, cluster }) => {
  const { groupId } = request
  if (groupId === '') return refuse('INVALID_GROUP_ID')
  const view = cluster()
  const topics = request.topics.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map(({ partitionIndex }) => partitionIndex),
    isKnown: view.topic(name) !== undefined,
  }))
  const known = topics.filter(({ isKnown }) => isKnown)
  const results = await coordinated(
    groups.ask<'DeleteOffsets'>(groupId, { type: 'DeleteOffsets', groupId, topics: known }),
    (error) => error,
  )
  if (typeof results === 'string') return refuse(results)
  let next = 0
  return {
    errorCode: 'NONE',
    throttleTimeMs: 0,
    topics: topics.map(({ name, partitions, isKnown }) => ({
      name,
      partitions: isKnown
        ? results[next++]!
        : partitions.map((partitionIndex) => ({
            partitionIndex,
            errorCode: 'UNKNOWN_TOPIC_OR_PARTITION' as const,
          })),
    })),
  }
})

function refuse(errorCode: ErrorName): OffsetDeleteResponse {
  return { errorCode, throttleTimeMs: 0, topics: [] }
}
