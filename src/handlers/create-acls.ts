import { CreateAcls } from '../../protocol/messages/create-acls.ts'
import { cluster } from './access.ts'
import { MAX_CHANGES_COST_BYTES, handle } from './handler.ts'

/** CreateAcls: v1-3. Without an authorizer nobody would follow an ACL, so none is taken. */
export const createAcls = handle(CreateAcls, {
  access: cluster('ALTER', ({ creations }, refusal) => ({ results: creations.map(() => refusal) })),
  at: 'controller',
  maxCostBytes: MAX_CHANGES_COST_BYTES,
}).by(({ creations }) => ({
  results: creations.map(() => ({
    errorCode: 'SECURITY_DISABLED',
    errorMessage: 'No Authorizer is configured.',
  })),
}))
