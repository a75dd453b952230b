import { OPERATIONS_BY_TYPE } from '../../protocol/acls.ts'
import { CLUSTER_NAME, OPERATION_NUMBERS } from '../security/authorizer.ts'
import type { AclOperation } from '../security/authorizer.ts'
import type { RequestContext } from './context.ts'
import type { NodeServices } from './services.ts'

type Kind = 'TOPIC' | 'GROUP' | 'CLUSTER'

/** [KIP-430] A bit for each operation by its number in the ACL vocabulary. */
const bits = (operations: readonly AclOperation[]): number =>
  operations.reduce((sum, operation) => sum | (1 << OPERATION_NUMBERS[operation]), 0)

/** Nobody has asked. */
const NOT_ASKED = -0x8000_0000
const ALL = {
  TOPIC: bits(OPERATIONS_BY_TYPE.TOPIC),
  GROUP: bits(OPERATIONS_BY_TYPE.GROUP),
  CLUSTER: bits(OPERATIONS_BY_TYPE.CLUSTER),
}

const operationsOf = (type: Kind): readonly AclOperation[] => OPERATIONS_BY_TYPE[type]

/** What the client may do to a resource, where it has asked for that. */
export function authorizedOperations(
  isAsked: boolean,
  context: RequestContext<NodeServices>,
  type: Kind,
  name: string,
): number {
  if (!isAsked) return NOT_ASKED
  if (context.services.authorizer === null) return ALL[type]
  return bits(operationsOf(type).filter((operation) => context.could(operation, type, name)))
}

/** The same for the cluster: none for who may not look at it. */
export function operationsOnCluster(
  isAsked: boolean,
  context: RequestContext<NodeServices>,
): number {
  if (isAsked && !context.could('DESCRIBE', 'CLUSTER', CLUSTER_NAME)) return 0
  return authorizedOperations(isAsked, context, 'CLUSTER', CLUSTER_NAME)
}
