import { CreateAcls } from '../../protocol/messages/create-acls.ts'
import type { CreateAclsRequest } from '../../protocol/messages/create-acls.ts'
import type { Acl } from '../metadata/acls.ts'
import type { ErrorOutcome } from '../metadata/controller/commands.ts'
import { CLUSTER_NAME, RESOURCE_NUMBERS } from '../security/authorizer.ts'
import { cluster } from './access.ts'
import { hasUnknown } from './acl-numbers.ts'
import { closeConnection } from './answer.ts'
import { askController } from './ask-controller.ts'
import { MAX_CHANGES_COST_BYTES, handle } from './handler.ts'
import { inPieces } from './in-pieces.ts'

type Creation = CreateAclsRequest['creations'][number]

/**
 * CreateAcls: v1-3. Each rule by itself is made or refused; one that is there already is made no second time. Without an
 * authorizer nobody would follow an ACL, so none is taken. As in Kafka, numbers that mean nothing cost the connection.
 */
export const createAcls = handle(CreateAcls, {
  access: cluster('ALTER', ({ creations }, refusal) => ({ results: creations.map(() => refusal) })),
  at: 'controller',
  maxCostBytes: MAX_CHANGES_COST_BYTES,
}).by(async ({ creations }, context) => {
  if (creations.some((creation) => hasUnknown(creation, creation.resourcePatternType))) {
    return closeConnection
  }
  if (context.services.authorizer === null) {
    const refused = {
      errorCode: 'SECURITY_DISABLED',
      errorMessage: 'No Authorizer is configured.',
    } as const
    return { results: creations.map(() => refused) }
  }
  const results: ErrorOutcome[] = creations.map(
    (creation) => problemOf(creation) ?? { errorCode: 'NONE', errorMessage: null },
  )
  const valid = [...results.keys()].filter((index) => results[index]!.errorCode === 'NONE')
  const make = async (some: readonly number[], leftMs: number) => {
    const acls = some.map((index) => aclOf(creations[index]!))
    const asked = await askController(context, { type: 'createAcls', acls }, leftMs)
    return asked.failed === null ? asked.reply : some.map(() => asked.failed)
  }
  const made = await inPieces(context.services, valid, String, Infinity, make)
  valid.forEach((index, at) => (results[index] = made[at]!))
  return { results }
})

/** What a broker says before it asks the controller, as Kafka's does. */
function problemOf({ resourceType, resourceName }: Creation): ErrorOutcome | null {
  if (resourceType === RESOURCE_NUMBERS.CLUSTER && resourceName !== CLUSTER_NAME) {
    const errorMessage = `The only valid name for the CLUSTER resource is ${CLUSTER_NAME}`
    return { errorCode: 'INVALID_REQUEST', errorMessage }
  }
  if (resourceName !== '') return null
  return { errorCode: 'INVALID_REQUEST', errorMessage: 'Invalid empty resource name' }
}

const aclOf = ({ resourcePatternType: patternType, ...creation }: Creation): Acl => ({
  resourceType: creation.resourceType,
  resourceName: creation.resourceName,
  patternType,
  principal: creation.principal,
  host: creation.host,
  operation: creation.operation,
  permissionType: creation.permissionType,
})
