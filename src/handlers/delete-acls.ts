import { DeleteAcls } from '../../protocol/messages/delete-acls.ts'
import { cluster } from './access.ts'
import { hasUnknown } from './acl-numbers.ts'
import { closeConnection } from './answer.ts'
import { askController } from './ask-controller.ts'
import { MAX_CHANGES_COST_BYTES, handle } from './handler.ts'

/** The memory that an ACL takes in an answer, about. */
const ACL_COST_BYTES = 200

/**
 * DeleteAcls: v1-3. Each filter is told the rules that it meant; all of them are gone then, by one change. Without an authorizer there are
 * none. As in Kafka, numbers that mean nothing cost the connection.
 */
export const deleteAcls = handle(DeleteAcls, {
  access: cluster('ALTER', ({ filters }, refusal) => ({
    filterResults: filters.map(() => ({ ...refusal, matchingAcls: [] })),
  })),
  at: 'controller',
  maxCostBytes: MAX_CHANGES_COST_BYTES,
}).by(async ({ filters }, context) => {
  if (filters.some((filter) => hasUnknown(filter, filter.patternTypeFilter))) {
    return closeConnection
  }
  if (context.services.authorizer === null) {
    const refused = {
      errorCode: 'SECURITY_DISABLED',
      errorMessage: 'No Authorizer is configured.',
      matchingAcls: [],
    } as const
    return { filterResults: filters.map(() => refused) }
  }
  const asked = await askController(context, { type: 'deleteAcls', filters })
  if (asked.failed !== null) {
    return { filterResults: filters.map(() => ({ ...asked.failed, matchingAcls: [] })) }
  }
  const filterResults = asked.reply.map(({ errorCode, errorMessage, acls }) => ({
    errorCode,
    errorMessage,
    matchingAcls: acls.map((acl) => {
      context.spend(ACL_COST_BYTES)
      return { ...acl, errorCode: 'NONE' as const, errorMessage: null }
    }),
  }))
  return { filterResults }
})
