import type { ErrorName } from '../../protocol/errors.ts'
import type { MutationAllowance } from '../metadata/controller/commands.ts'
import type { Presence } from '../replication/fetch/presence.ts'
import type { Authentication, Principal } from '../security/authentication.ts'
import type { SaslSession } from '../security/sasl/session.ts'
import type { AclOperation, AclResourceType } from '../security/authorizer.ts'
import type { BrokerServices, NodeServices } from './services.ts'

/** What a handler knows of the request besides its content. */
export interface RequestContext<Services extends NodeServices = BrokerServices> {
  /** What the node has for those who serve a kind of its listeners; the same for all requests. */
  readonly services: Services
  readonly version: number
  readonly clientId: string
  readonly principal: Principal
  readonly connection: ConnectionContext
  /**
   * Whether the principal may do this; without an authorizer everybody may do everything.
   * @param name of the resource; null for any one of its type
   */
  may(operation: AclOperation, type: AclResourceType, name: string | null): boolean
  /** The same, where a no refuses nothing that was asked for: it is left out of a list, or another right will do. */
  could(operation: AclOperation, type: AclResourceType, name: string | null): boolean
  /**
   * To be called by a handler whose answer has more than what the request names, before it makes that: it counts against
   * what a request may cost, and costs the connection where that is too much.
   * @param costBytes the memory that it takes, about
   */
  spend(costBytes: number): void
  /** Null where nothing that clients may use of this node is limited. */
  readonly quota: RequestQuota | null
  /** Calls back when the answer was sent, or never will be: what it refers to may be overwritten then. */
  afterSent(callback: () => void): void
}

/** What a handler has to ask, or to say, of the quotas of the request's client. For how long it is throttled is not its affair. */
export interface RequestQuota {
  /** What an answer to Fetch may have, for it not to exceed the quota by itself; Infinity where there is none. */
  readonly mostFetchedBytes: number
  /** Counts an answer to Fetch of this size. False: it has to be answered with nothing. */
  takeFetched(sizeOf: () => number): boolean
  /** The request is of a node, not of a client: it is not counted. */
  exempt(): void
  /**
   * [KIP-599] What one command may change for this request; undefined: anything.
   * @param strictSince the first version of the API that is told of changes which the quota doesn't allow; to older ones none is
   * refused
   */
  mutations(strictSince: number): MutationAllowance | undefined
}

/** What is known of a connection; lives as long as it. */
export interface ConnectionContext {
  /** Unique in the life of the process. */
  readonly id: number
  /** The client's address. */
  readonly host: string
  readonly listener: ListenerContext
  /** Whether the client is there; for those who wait on its behalf. */
  readonly presence: Presence
  /** Another one once the client has proved who it is. */
  authentication: Authentication
  /** How the client says who it is; null on a listener that doesn't ask. */
  readonly sasl: SaslSession | null
  /** Starts nothing more, answers what has started, then closes. */
  end(): void
  /** KIP-511; 'unknown' until the client has said. */
  software: { name: string; version: string }
}

/** The listener that a connection came in by. */
export interface ListenerContext {
  /** Clients are told of the addresses on the same one. */
  readonly name: string
  /** What is served on it, as ApiVersions tells it: in the order of the keys. */
  readonly apis: readonly AdvertisedApi[]
  /**
   * [KIP-590] Answers a client's request that a broker has forwarded, as if it had come by a connection of its own.
   * @param frame header and body of the request, a header's least bytes at least
   * @param connection the client's, with its address and its principal
   */
  answerForwarded(frame: Buffer, connection: ConnectionContext): Promise<ForwardedAnswer>
}

/** Header and body of a response, and the answer where it isn't large; or why there is none. */
export type ForwardedAnswer =
  | { readonly responseData: Uint8Array; readonly answer: object | null }
  | { readonly refused: ErrorName }

export interface AdvertisedApi {
  readonly apiKey: number
  readonly minVersion: number
  readonly maxVersion: number
}
