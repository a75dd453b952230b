import {
  ACL_PATTERN_TYPES,
  ACL_PERMISSIONS,
  ACL_RESOURCE_TYPES,
  aclNumber,
} from '../../protocol/acls.ts'
import type { MetadataRecord } from '../../protocol/state/metadata-records.ts'
import type { MetadataImage } from './image.ts'

type Record = Extract<MetadataRecord, { type: 'AccessControlEntryRecord' }>['value']

/** One rule: who may do what to what, or may not. The numbers are those of the ACL vocabulary. */
export type Acl = Readonly<Omit<Record, 'id'>>

/** The resource that stands for all of its type, as a literal pattern; the host and the user that stand for all. */
export const WILDCARD = '*'

export const PatternType = {
  ANY: aclNumber(ACL_PATTERN_TYPES, 'ANY'),
  MATCH: aclNumber(ACL_PATTERN_TYPES, 'MATCH'),
  LITERAL: aclNumber(ACL_PATTERN_TYPES, 'LITERAL'),
  PREFIXED: aclNumber(ACL_PATTERN_TYPES, 'PREFIXED'),
}
export const Permission = {
  DENY: aclNumber(ACL_PERMISSIONS, 'DENY'),
  ALLOW: aclNumber(ACL_PERMISSIONS, 'ALLOW'),
}

const ANY = 1
const ANY_TYPE = aclNumber(ACL_RESOURCE_TYPES, 'ANY')

/** Which ACLs are meant. Null stands for any name, principal or host. */
export interface AclFilter {
  readonly resourceTypeFilter: number
  readonly resourceNameFilter: string | null
  readonly patternTypeFilter: number
  readonly principalFilter: string | null
  readonly hostFilter: string | null
  readonly operation: number
  readonly permissionType: number
}

/** Whether an ACL is one of those that are meant (KIP-290). */
export function isMeant(acl: Acl, filter: AclFilter): boolean {
  return (
    isPatternMeant(acl, filter) &&
    (filter.principalFilter === null || filter.principalFilter === acl.principal) &&
    (filter.hostFilter === null || filter.hostFilter === acl.host) &&
    (filter.operation === ANY || filter.operation === acl.operation) &&
    (filter.permissionType === ANY || filter.permissionType === acl.permissionType)
  )
}

function isPatternMeant(
  { resourceType, resourceName, patternType }: Acl,
  { resourceTypeFilter: type, resourceNameFilter: name, patternTypeFilter: pattern }: AclFilter,
): boolean {
  if (type !== ANY_TYPE && type !== resourceType) return false
  const { MATCH, PREFIXED } = PatternType
  if (pattern !== PatternType.ANY && pattern !== MATCH && pattern !== patternType) return false
  if (name === null) return true
  if (pattern !== MATCH) return name === resourceName
  if (patternType === PREFIXED) return name.startsWith(resourceName)
  return name === resourceName || resourceName === WILDCARD
}

/** The same for the same rule, whatever its id: no rule is kept twice. */
export function contentOf(acl: Acl): string {
  const { resourceType, resourceName, patternType, principal, host, operation } = acl
  return JSON.stringify([
    resourceType,
    resourceName,
    patternType,
    principal,
    host,
    operation,
    acl.permissionType,
  ])
}

const KEY_PREFIX = 'acl '

/** Where the image keeps an ACL among what else it keeps. */
export const aclKey = (id: string): string => KEY_PREFIX + id

/** The ids of the ACLs among these keys. */
export function aclIds(keys: Iterable<string>): string[] {
  const ids: string[] = []
  for (const key of keys) if (key.startsWith(KEY_PREFIX)) ids.push(key.slice(KEY_PREFIX.length))
  return ids
}

/** All ACLs of an image, with their ids. */
export function* aclsOf(image: MetadataImage): IterableIterator<Record> {
  for (const record of image.others.values()) {
    if (record.type === 'AccessControlEntryRecord') yield record.value
  }
}

/** The ACL of an id, if there is one. */
export function aclOf(image: MetadataImage, id: string): Acl | undefined {
  const record = image.others.get(aclKey(id))
  return record?.type === 'AccessControlEntryRecord' ? record.value : undefined
}
