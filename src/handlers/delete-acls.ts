import { DeleteAcls } from '../../protocol/messages/delete-acls.ts'
import { cluster } from './access.ts'
import { hasUnknown } from './acl-numbers.ts'
import { closeConnection } from './answer.ts'
import { askController } from './ask-controller.ts'
import { MAX_CHANGES_COST_BYTES, handle } from './handler.ts'
import { inPieces } from './in-pieces.ts'

/** A filter is held against all ACLs that there are. */
const CHANGES_OF_FILTER = 10

/** The memory that an ACL takes in an answer, about. */
const ACL_COST_BYTES = 200

/**
 * DeleteAcls: v1-3. Each filter is told the rules that it meant; all of them are gone then. Without an authorizer there are
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
  let next = 0
  const remove = async (some: Readonly<typeof filters>, leftMs: number) => {
    const command = { type: 'deleteAcls', filters: some } as const
    const asked = await askController(context, command, leftMs)
    if (asked.failed !== null) return some.map(() => ({ ...asked.failed, matchingAcls: [] }))
    return asked.reply.map(({ errorCode, errorMessage, acls }) => ({
      errorCode,
      errorMessage,
      matchingAcls: acls.map((acl) => {
        context.spend(ACL_COST_BYTES)
        return { ...acl, errorCode: 'NONE' as const, errorMessage: null }
      }),
    }))
  }
  const filterResults = await inPieces(
    context.services,
    filters,
    () => String(next++),
    Infinity,
    remove,
    () => CHANGES_OF_FILTER,
  )
  return { filterResults: [...filterResults] }
})
