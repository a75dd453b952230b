import { DescribeAcls } from '../../protocol/messages/describe-acls.ts'
import type { DescribeAclsResponse } from '../../protocol/messages/describe-acls.ts'
import { isMeant } from '../metadata/acls.ts'
import { cluster } from './access.ts'
import { hasUnknown } from './acl-numbers.ts'
import { closeConnection } from './answer.ts'
import { handle } from './handler.ts'
import { inTurnsOfStored } from './turns.ts'

type Resource = DescribeAclsResponse['resources'][number]
type Rule = Resource['acls'][number]

/** The memory that an ACL takes in an answer, about. */
const ACL_COST_BYTES = 200

/**
 * DescribeAcls: v1-3. The rules that a filter means, by resource, as this node knows them. A node without an authorizer has
 * none and says so, which tools and user interfaces expect and tell from a broker that can't be asked. As in Kafka, numbers
 * that mean nothing cost the connection.
 */
export const describeAcls = handle(DescribeAcls, {
  access: cluster('DESCRIBE', (_request, refusal) => ({ ...refusal, resources: [] })),
  listeners: ['broker', 'controller'],
}).by(async (filter, context) => {
  if (hasUnknown(filter, filter.patternTypeFilter)) return closeConnection
  const { authorizer } = context.services
  if (authorizer === null) {
    return {
      errorCode: 'SECURITY_DISABLED',
      errorMessage: 'No Authorizer is configured on the broker',
      resources: [],
    }
  }
  const meant = await inTurnsOfStored(context.services, authorizer.acls(), (acl) => {
    if (!isMeant(acl, filter)) return null
    context.spend(ACL_COST_BYTES)
    return acl
  })
  const resources = new Map<string, Resource & { acls: Rule[] }>()
  for (const { principal, host, operation, permissionType, ...pattern } of meant) {
    const { resourceType, resourceName, patternType } = pattern
    const key = `${resourceType} ${patternType} ${resourceName}`
    let resource = resources.get(key)
    if (resource === undefined) {
      resources.set(key, (resource = { resourceType, resourceName, patternType, acls: [] }))
    }
    resource.acls.push({ principal, host, operation, permissionType })
  }
  return { errorCode: 'NONE', errorMessage: null, resources: [...resources.values()] }
})
