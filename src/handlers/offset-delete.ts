import type { ErrorName } from '../../protocol/errors.ts'
import { OffsetDelete } from '../../protocol/messages/offset-delete.ts'
import type { OffsetDeleteResponse } from '../../protocol/messages/offset-delete.ts'
import { all, each, one } from './access.ts'
import { coordinated } from './coordinated.ts'
import { handle } from './handler.ts'

/** OffsetDelete: of partitions that exist and that no member of the group reads. */
export const offsetDelete = handle(OffsetDelete, {
  access: all(
    one(
      'GROUP',
      'DELETE',
      ({ groupId }) => groupId,
      (_request, { errorCode }) => refuse(errorCode),
    ),
    each('TOPIC', 'READ', {
      items: 'topics',
      nameOf: ({ name }) => name,
      answers: 'topics',
      refuse: ({ name, partitions }, { errorCode }) => ({
        name,
        partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode })),
      }),
    }),
  ),
}).by(async (request, { services: { groups, cluster } }) => {
  const { groupId } = request
  if (groupId === '') return refuse('INVALID_GROUP_ID')
  const topics = request.topics.map(({ name, partitions }) => {
    const topic = cluster().topic(name)
    const exists = (index: number): boolean => topic?.partitions[index] !== undefined
    const asked = partitions.map(({ partitionIndex }) => partitionIndex)
    return {
      name,
      partitions: asked.filter(exists),
      unknown: asked.filter((index) => !exists(index)),
    }
  })
  const results = await coordinated(
    groups.ask<'DeleteOffsets'>(groupId, { type: 'DeleteOffsets', groupId, topics }),
    (error) => error,
  )
  if (typeof results === 'string') return refuse(results)
  return {
    errorCode: 'NONE',
    topics: topics.map(({ name, unknown }, index) => ({
      name,
      partitions: [
        ...unknown.map((partitionIndex) => ({
          partitionIndex,
          errorCode: 'UNKNOWN_TOPIC_OR_PARTITION' as const,
        })),
        ...results[index]!,
      ],
    })),
  }
})

function refuse(errorCode: ErrorName): OffsetDeleteResponse {
  return { errorCode, topics: [] }
}
