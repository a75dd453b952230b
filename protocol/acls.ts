/** The vocabulary of ACLs: what the small integers of CreateAcls, DescribeAcls, DeleteAcls and the records mean, by number. */
export const ACL_RESOURCE_TYPES = [
  'UNKNOWN',
  'ANY',
  'TOPIC',
  'GROUP',
  'CLUSTER',
  'TRANSACTIONAL_ID',
  'DELEGATION_TOKEN',
  'USER',
] as const
export type AclResourceTypeName = (typeof ACL_RESOURCE_TYPES)[number]

/** [KIP-290] MATCH stands in filters only: all patterns that match a name. */
export const ACL_PATTERN_TYPES = ['UNKNOWN', 'ANY', 'MATCH', 'LITERAL', 'PREFIXED'] as const

export const ACL_OPERATIONS = [
  'UNKNOWN',
  'ANY',
  'ALL',
  'READ',
  'WRITE',
  'CREATE',
  'DELETE',
  'ALTER',
  'DESCRIBE',
  'CLUSTER_ACTION',
  'DESCRIBE_CONFIGS',
  'ALTER_CONFIGS',
  'IDEMPOTENT_WRITE',
  'CREATE_TOKENS',
  'DESCRIBE_TOKENS',
  'TWO_PHASE_COMMIT',
] as const
export type AclOperationName = (typeof ACL_OPERATIONS)[number]

/** What may be done to a resource of each type, as answers tell of it (KIP-430). */
export const OPERATIONS_BY_TYPE = {
  TOPIC: [
    'READ',
    'WRITE',
    'CREATE',
    'DELETE',
    'ALTER',
    'DESCRIBE',
    'DESCRIBE_CONFIGS',
    'ALTER_CONFIGS',
  ],
  GROUP: ['READ', 'DELETE', 'DESCRIBE', 'DESCRIBE_CONFIGS', 'ALTER_CONFIGS'],
  CLUSTER: [
    'CREATE',
    'ALTER',
    'DESCRIBE',
    'CLUSTER_ACTION',
    'DESCRIBE_CONFIGS',
    'ALTER_CONFIGS',
    'IDEMPOTENT_WRITE',
  ],
  TRANSACTIONAL_ID: ['DESCRIBE', 'WRITE', 'TWO_PHASE_COMMIT'],
  DELEGATION_TOKEN: ['DESCRIBE'],
  USER: ['CREATE_TOKENS', 'DESCRIBE_TOKENS'],
} as const satisfies Readonly<
  Record<Exclude<AclResourceTypeName, 'UNKNOWN' | 'ANY'>, readonly AclOperationName[]>
>

export const ACL_PERMISSIONS = ['UNKNOWN', 'ANY', 'DENY', 'ALLOW'] as const

/** The name of a number; UNKNOWN for one that no name has. */
export function aclName<Name extends string>(
  names: readonly Name[],
  number: number,
): Name | 'UNKNOWN' {
  return names[number] ?? 'UNKNOWN'
}

/** The number of a name. */
export function aclNumber<Name extends string>(names: readonly Name[], name: Name): number {
  return names.indexOf(name)
}
