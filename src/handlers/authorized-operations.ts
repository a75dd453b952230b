/** KIP-430: the operations that a client may do on a resource, a bit for each by its number in the ACL vocabulary. */
const OPERATIONS = {
  READ: 3,
  WRITE: 4,
  CREATE: 5,
  DELETE: 6,
  ALTER: 7,
  DESCRIBE: 8,
  CLUSTER_ACTION: 9,
  DESCRIBE_CONFIGS: 10,
  ALTER_CONFIGS: 11,
  IDEMPOTENT_WRITE: 12,
} as const

type Operation = keyof typeof OPERATIONS

const bits = (...operations: readonly Operation[]): number =>
  operations.reduce((sum, operation) => sum | (1 << OPERATIONS[operation]), 0)

/** Nobody has asked. */
export const OPERATIONS_NOT_ASKED = -0x8000_0000

/** Without an authorizer everybody may do all that there is for a kind of resource. */
export const ALL_OPERATIONS = {
  topic: bits(
    'READ',
    'WRITE',
    'CREATE',
    'DELETE',
    'ALTER',
    'DESCRIBE',
    'DESCRIBE_CONFIGS',
    'ALTER_CONFIGS',
  ),
  group: bits('READ', 'DELETE', 'DESCRIBE', 'DESCRIBE_CONFIGS', 'ALTER_CONFIGS'),
  cluster: bits(
    'CREATE',
    'ALTER',
    'DESCRIBE',
    'CLUSTER_ACTION',
    'DESCRIBE_CONFIGS',
    'ALTER_CONFIGS',
    'IDEMPOTENT_WRITE',
  ),
} as const
