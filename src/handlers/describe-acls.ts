import { DescribeAcls } from '../../protocol/messages/describe-acls.ts'
import { cluster } from './access.ts'
import { handle } from './handler.ts'

/**
 * DescribeAcls: v1-3. A node without an authorizer has no ACLs and says so, which tools and user interfaces expect and tell
 * from a broker that can't be asked. One with an authorizer does not start yet.
 */
export const describeAcls = handle(DescribeAcls, {
  access: cluster('DESCRIBE', (_request, refusal) => ({ ...refusal, resources: [] })),
}).by(() => ({
  errorCode: 'SECURITY_DISABLED',
  errorMessage: 'No Authorizer is configured on the broker',
  resources: [],
}))
