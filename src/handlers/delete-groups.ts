import { DeleteGroups } from '../../protocol/messages/delete-groups.ts'
import { each } from './access.ts'
import { coordinated } from './coordinated.ts'
import { handle } from './handler.ts'
import { inTurns } from './turns.ts'

/** DeleteGroups: empty groups, with all that they have committed. */
export const deleteGroups = handle(DeleteGroups, {
  access: each('GROUP', 'DELETE', {
    items: 'groupsNames',
    nameOf: (groupId) => groupId,
    answers: 'results',
    refuse: (groupId, { errorCode }) => ({ groupId, errorCode }),
  }),
}).by(async ({ groupsNames }, context) => ({
  results: await inTurns(context.services, [...new Set(groupsNames)], async (groupId) => ({
    groupId,
    errorCode: await coordinated(
      context.services.groups.ask<'Delete'>(groupId, { type: 'Delete', groupId }),
      (error) => error,
    ),
  })),
}))
