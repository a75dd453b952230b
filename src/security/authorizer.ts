import type { Principal } from './authentication.ts'

/** What may be done to a resource, in the words of ACLs. */
export type AclOperation =
  | 'READ'
  | 'WRITE'
  | 'CREATE'
  | 'DELETE'
  | 'ALTER'
  | 'DESCRIBE'
  | 'CLUSTER_ACTION'
  | 'DESCRIBE_CONFIGS'
  | 'ALTER_CONFIGS'
  | 'IDEMPOTENT_WRITE'

export type AclResourceType = 'TOPIC' | 'GROUP' | 'CLUSTER' | 'TRANSACTIONAL_ID'

export interface AclResource {
  readonly type: AclResourceType
  /** Null: any one of its type will do (KIP-679). */
  readonly name: string | null
}

/** The name that the cluster has as a resource. */
export const CLUSTER_NAME = 'kafka-cluster'

/** Decides who may do what. */
export interface Authorizer {
  /** @param host the address that the request came from */
  authorize(
    principal: Principal,
    host: string,
    operation: AclOperation,
    resource: AclResource,
  ): boolean
}
