import type { ConnectionContext, RequestContext } from '../handlers/context.ts'
import type { NodeServices } from '../handlers/services.ts'
import type { Principal } from '../security/authentication.ts'
import type { AclOperation, AclResource, AclResourceType } from '../security/authorizer.ts'

/** A request and its answer may cost so much together: an answer has more than its request where that asks for all of something. */
export const MAX_ANSWER_COST_BYTES = 128 << 20

/** A request that would cost more than one may. */
export class CostError extends Error {
  override readonly name = 'CostError'
  readonly code = 'ERR_COST'
}

/** The context of a request, with what its handler wants to be told of. */
export class Context implements RequestContext<NodeServices> {
  services: NodeServices
  /** The API's name. */
  readonly api: string
  readonly version: number
  readonly clientId: string
  readonly principal: Principal
  readonly connection: ConnectionContext
  /** Of the request and, where it is larger, of its answer. */
  costBytes: number
  sent: (() => void) | undefined = undefined
  /** 0 where nobody asks how long it takes. */
  startedMs = 0

  constructor(
    services: NodeServices,
    api: string,
    version: number,
    clientId: string,
    connection: ConnectionContext,
    costBytes: number,
  ) {
    this.services = services
    this.api = api
    this.version = version
    this.clientId = clientId
    this.principal = connection.authentication.principal
    this.connection = connection
    this.costBytes = costBytes
  }

  may(operation: AclOperation, type: AclResourceType, name: string | null): boolean {
    return this.#isAllowed(operation, { type, name }, false)
  }

  could(operation: AclOperation, type: AclResourceType, name: string | null): boolean {
    return this.#isAllowed(operation, { type, name }, true)
  }

  #isAllowed(operation: AclOperation, resource: AclResource, isQuiet: boolean): boolean {
    const { authorizer } = this.services
    if (authorizer === null) return true
    const { principal, api } = this
    const { host } = this.connection
    return authorizer.authorize({ principal, host, operation, resource, api, isQuiet })
  }

  spend(costBytes: number): void {
    this.costBytes += costBytes
    if (this.costBytes <= MAX_ANSWER_COST_BYTES) return
    throw new CostError(`its answer would take more than ${MAX_ANSWER_COST_BYTES} bytes of memory`)
  }

  afterSent(callback: () => void): void {
    this.sent = callback
  }
}
