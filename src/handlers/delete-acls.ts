import { DeleteAcls } from '../../protocol/messages/delete-acls.ts'
import { cluster } from './access.ts'
import { MAX_CHANGES_COST_BYTES, handle } from './handler.ts'

/** DeleteAcls: v1-3. Without an authorizer there are none. */
export const deleteAcls = handle(DeleteAcls, {
  access: cluster('ALTER', ({ filters }, refusal) => ({
    filterResults: filters.map(() => ({ ...refusal, matchingAcls: [] })),
  })),
  at: 'controller',
  maxCostBytes: MAX_CHANGES_COST_BYTES,
}).by(({ filters }) => ({
  filterResults: filters.map(() => ({
    errorCode: 'SECURITY_DISABLED',
    errorMessage: 'No Authorizer is configured.',
    matchingAcls: [],
  })),
}))
