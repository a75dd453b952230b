import { CLUSTER_NAME } from '../security/authorizer.ts'
import type { AclOperation } from '../security/authorizer.ts'
import type { RequestContext } from './context.ts'
import type { NodeServices } from './services.ts'

/** KIP-430: the operations that a client may do on a resource, a bit for each by its number in the ACL vocabulary. */
const NUMBERS: Readonly<Record<AclOperation, number>> = {
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
}

/** All that there are for a resource. */
const OPERATIONS = {
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
} as const satisfies Record<string, readonly AclOperation[]>
type Kind = keyof typeof OPERATIONS

const bits = (operations: readonly AclOperation[]): number =>
  operations.reduce((sum, operation) => sum | (1 << NUMBERS[operation]), 0)

/** Nobody has asked. */
const NOT_ASKED = -0x8000_0000
const ALL = {
  TOPIC: bits(OPERATIONS.TOPIC),
  GROUP: bits(OPERATIONS.GROUP),
  CLUSTER: bits(OPERATIONS.CLUSTER),
}

/** What the client may do to a resource, where it has asked for that. */
export function authorizedOperations(
  isAsked: boolean,
  context: RequestContext<NodeServices>,
  type: Kind,
  name: string,
): number {
  if (!isAsked) return NOT_ASKED
  if (context.services.authorizer === null) return ALL[type]
  return bits(OPERATIONS[type].filter((operation) => context.may(operation, type, name)))
}

/** The same for the cluster: none for who may not look at it. */
export function operationsOnCluster(
  isAsked: boolean,
  context: RequestContext<NodeServices>,
): number {
  if (isAsked && !context.may('DESCRIBE', 'CLUSTER', CLUSTER_NAME)) return 0
  return authorizedOperations(isAsked, context, 'CLUSTER', CLUSTER_NAME)
}
