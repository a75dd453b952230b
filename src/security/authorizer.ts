import { ACL_OPERATIONS, ACL_RESOURCE_TYPES, aclNumber } from '../../protocol/acls.ts'
import type { AclOperationName, AclResourceTypeName } from '../../protocol/acls.ts'
import type { Acl } from '../metadata/acls.ts'
import type { Principal } from './authentication.ts'

/** What may be done to a resource, in the words of ACLs. */
export type AclOperation = Exclude<AclOperationName, 'UNKNOWN' | 'ANY' | 'ALL'>

export type AclResourceType = Exclude<AclResourceTypeName, 'UNKNOWN' | 'ANY'>

export interface AclResource {
  readonly type: AclResourceType
  /** Null: any one of its type will do (KIP-679). */
  readonly name: string | null
}

/** The name that the cluster has as a resource. */
export const CLUSTER_NAME = 'kafka-cluster'

/** The numbers of operations and of types in the ACL vocabulary. */
export const OPERATION_NUMBERS = numbersOf<AclOperation>(ACL_OPERATIONS)
export const RESOURCE_NUMBERS = numbersOf<AclResourceType>(ACL_RESOURCE_TYPES)

function numbersOf<Name extends string>(names: readonly string[]): Readonly<Record<Name, number>> {
  const entries = names.map((name) => [name, aclNumber(names, name)] as const)
  return Object.fromEntries(entries) as Record<Name, number>
}

/** What is asked of an authorizer. */
export interface Question {
  readonly principal: Principal
  /** The address that the request came from. */
  readonly host: string
  readonly operation: AclOperation
  readonly resource: AclResource
  /** The name of the request's API; for a log line. */
  readonly api: string
  /** A no refuses nothing that was asked for: something is left out of a list, or another right may do. */
  readonly isQuiet: boolean
}

/** Decides who may do what. */
export interface Authorizer {
  authorize(question: Question): boolean
  /** The rules that it decides by, in no particular order. */
  acls(): Iterable<Acl>
}

/** It is asked before it knows the ACLs: nobody but super users can be answered. */
export class AuthorizerNotReadyError extends Error {
  override readonly name = 'AuthorizerNotReadyError'
  readonly code = 'ERR_AUTHORIZER_NOT_READY'
}
