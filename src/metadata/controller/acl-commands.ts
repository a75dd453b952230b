import {
  ACL_OPERATIONS,
  ACL_PATTERN_TYPES,
  ACL_PERMISSIONS,
  ACL_RESOURCE_TYPES,
  aclName,
} from '../../../protocol/acls.ts'
import { ITEMS_IN_STEP } from '../../machine/steps.ts'
import type { Steps } from '../../machine/steps.ts'
import { parseAddressRange } from '../../host/address-range.ts'
import type { Acl, AclFilter } from '../acls.ts'
import { aclsOf, contentOf, isMeant, WILDCARD } from '../acls.ts'
import type { MetadataFact } from '../facts.ts'
import { aclFact, MAX_RECORDS_PER_OPERATION, removeAclFact } from '../facts.ts'
import { ADDRESS_RANGES, METADATA_VERSION } from '../features.ts'
import type { MetadataImage } from '../image.ts'
import type { DeletedAcls, ErrorOutcome } from './commands.ts'
import type { Decided } from './outcome.ts'
import { outcomeOf, Refusal, SUCCESS } from './outcome.ts'
import type { ControllerView } from './view.ts'

const NONE_OR_ANY = ['UNKNOWN', 'ANY']
const TOO_MANY = 'Cannot remove more than 10000 acls in a single delete operation.'

/** CreateAcls: each by itself is made or refused. One that is there already is made no second time. */
export function createAcls(
  view: ControllerView,
  acls: readonly Acl[],
): Decided<readonly ErrorOutcome[]> {
  const facts: MetadataFact[] = []
  const made = new Set<string>()
  const reply = acls.map((acl) =>
    outcomeOf(() => {
      const problem = problemOf(acl, view.image)
      if (problem !== null) return problem
      const content = contentOf(acl)
      if (!view.hasAcl(content) && !made.has(content)) {
        made.add(content)
        facts.push(aclFact(view.newId(), acl))
      }
      return SUCCESS
    }),
  )
  return { facts, reply }
}

/** What is wrong with a new ACL. Resources and principals need not exist; a name may be of any form. */
function problemOf(acl: Acl, image: MetadataImage): Refusal | null {
  const resourceType = aclName(ACL_RESOURCE_TYPES, acl.resourceType)
  if (NONE_OR_ANY.includes(resourceType)) return invalid(`Invalid resourceType ${resourceType}`)
  const patternType = aclName(ACL_PATTERN_TYPES, acl.patternType)
  if (patternType !== 'LITERAL' && patternType !== 'PREFIXED') {
    return invalid(`Invalid patternType ${patternType}`)
  }
  const operation = aclName(ACL_OPERATIONS, acl.operation)
  if (NONE_OR_ANY.includes(operation)) return invalid(`Invalid operation ${operation}`)
  const permission = aclName(ACL_PERMISSIONS, acl.permissionType)
  if (NONE_OR_ANY.includes(permission)) return invalid(`Invalid permissionType ${permission}`)
  if (acl.resourceName === '') return invalid('Resource name should not be empty')
  if (!acl.principal.includes(':')) {
    return invalid(
      `Could not parse principal from \`${acl.principal}\` (no colon is present separating the principal type from the principal name)`,
    )
  }
  return hostProblem(acl.host, image)
}

/** [KIP-1276] A host is an address, a range of addresses in CIDR notation, or all. */
function hostProblem(host: string, image: MetadataImage): Refusal | null {
  if (host === '') return invalid('Host pattern cannot be null or empty')
  if (host === WILDCARD || !host.includes('/')) return null
  if ((image.features.get(METADATA_VERSION) ?? 0) < ADDRESS_RANGES) {
    const what = 'CIDR-based ACL host patterns require metadata version 4.4-IV1 or higher.'
    return new Refusal('UNSUPPORTED_VERSION', what)
  }
  if (parseAddressRange(host) !== null) return null
  return invalid(`Invalid CIDR notation '${host}': Could not parse [${host}]`)
}

const invalid = (message: string): Refusal => new Refusal('INVALID_REQUEST', message)

/**
 * DeleteAcls: one change, however many filters there are. What several of them mean is told for each of them. More than an
 * operation may have is refused as a whole.
 */
export function* deleteAcls(
  view: ControllerView,
  filters: readonly AclFilter[],
): Steps<Decided<readonly DeletedAcls[]>> {
  const removed = new Set<string>()
  const matches = filters.map(() => [] as Acl[])
  let left = ITEMS_IN_STEP
  for (const { id, ...acl } of aclsOf(view.image)) {
    for (let index = 0; index < filters.length; index++) {
      if (--left === 0) {
        left = ITEMS_IN_STEP
        yield
      }
      if (!isMeant(acl, filters[index]!)) continue
      matches[index]!.push(acl)
      removed.add(id)
    }
  }
  if (removed.size > MAX_RECORDS_PER_OPERATION) {
    const failed = { errorCode: 'INVALID_REQUEST', errorMessage: TOO_MANY, acls: [] } as const
    return { facts: [], reply: filters.map(() => failed) }
  }
  const reply = matches.map((acls) => ({ ...SUCCESS, acls }))
  return { facts: Array.from(removed, removeAclFact), reply }
}
