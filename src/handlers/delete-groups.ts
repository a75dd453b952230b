import { DeleteGroups } from '../../protocol/messages/delete-groups.ts'
import { coordinated } from './coordinated.ts'
import { handle } from './handler.ts'

/** DeleteGroups: empty groups, with all that they have committed. */
export const deleteGroups = handle(DeleteGroups).by(async ({ groupsNames }, { groups }) => ({
  throttleTimeMs: 0,
  results: await Promise.all(
    [...new Set(groupsNames)].map(async (groupId) => ({
      groupId,
      errorCode: await coordinated(
        groups.ask<'Delete'>(groupId, { type: 'Delete', groupId }),
        (error) => error,
      ),
    })),
  ),
}))
