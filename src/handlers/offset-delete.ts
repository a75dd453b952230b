import type { ErrorName } from '../../protocol/errors.ts'
import { OffsetDelete } from '../../protocol/messages/offset-delete.ts'
import type { OffsetDeleteResponse } from '../../protocol/messages/offset-delete.ts'
import { coordinated } from './coordinated.ts'
import { handle } from './handler.ts'

/** OffsetDelete: of partitions that exist and that no member of the group reads. */
export const offsetDelete = handle(OffsetDelete).by(
  async (request, { services: { groups, cluster } }) => {
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
  },
)

function refuse(errorCode: ErrorName): OffsetDeleteResponse {
  return { errorCode, topics: [] }
}
