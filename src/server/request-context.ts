import type { ConnectionContext, RequestContext, RequestQuota } from '../handlers/context.ts'
import type { NodeServices } from '../handlers/services.ts'
import type { MutationAllowance } from '../metadata/controller/commands.ts'
import type { ClientQuotas } from '../quota/client-quotas.ts'
import { MutationQuota } from '../quota/mutation-quota.ts'
import type { Principal } from '../security/authentication.ts'
import type { AclOperation, AclResource, AclResourceType } from '../security/authorizer.ts'
import { takeTime } from './throttle.ts'

/** A request and its answer may cost so much together: an answer has more than its request where that asks for all of something. */
export const MAX_ANSWER_COST_BYTES = 128 << 20

/** A request that would cost more than one may. */
export class CostError extends Error {
  override readonly name = 'CostError'
  readonly code = 'ERR_COST'
}

/** The context of a request, with what its handler wants to be told of. */
export class Context implements RequestContext<NodeServices>, RequestQuota {
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
  /** Bytes of the request. */
  readonly sizeBytes: number
  /** Somebody may not do what the request asks for. */
  isRefused = false
  readonly #quotas: ClientQuotas | null
  /** When the event loop began with it; null where its time isn't counted, or was. */
  #begunMs: number | null = null
  /** For so long it was busy with it, until the handler has returned; null before. */
  #ranMs: number | null = null
  #throttleMs = 0
  #mutations: MutationQuota | null = null

  constructor(
    services: NodeServices,
    api: string,
    version: number,
    clientId: string,
    connection: ConnectionContext,
    costBytes: number,
    sizeBytes = 0,
    quotas: ClientQuotas | null = null,
  ) {
    this.services = services
    this.api = api
    this.version = version
    this.clientId = clientId
    this.principal = connection.authentication.principal
    this.connection = connection
    this.costBytes = costBytes
    this.sizeBytes = sizeBytes
    this.#quotas = quotas
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

  get quota(): RequestQuota | null {
    return this.#quotas?.isActive === true ? this : null
  }

  /** As quotas are measured: in whole milliseconds. */
  get nowMs(): number {
    return Math.floor(this.services.clock.monotonic())
  }

  /** For how long the client has to keep quiet, as far as that was found out before the answer. */
  get throttleTimeMs(): number {
    return Math.max(this.#throttleMs, this.#mutations?.throttleTimeMs ?? 0)
  }

  /** The client has to keep quiet for so long at least. */
  throttle(ms: number): void {
    this.#throttleMs = Math.max(this.#throttleMs, ms)
  }

  /** Its time is counted from then on. */
  begin(nowMs: number): void {
    this.#begunMs = nowMs
  }

  /** What comes after this is not the handler's own turn. */
  ran(): void {
    if (this.#begunMs !== null) this.#ranMs = this.services.clock.monotonic() - this.#begunMs
  }

  /** Whether its time is counted. */
  get isTimed(): boolean {
    return this.#begunMs !== null || this.#ranMs !== null
  }

  /** The time that the event loop was busy with it, to be counted now; null where it isn't counted, or was. */
  takeSpentMs(): number | null {
    if (this.#begunMs === null) return null
    const spentMs = this.#ranMs ?? this.services.clock.monotonic() - this.#begunMs
    this.#begunMs = null
    this.#ranMs ??= spentMs
    return spentMs
  }

  get mostFetchedBytes(): number {
    const { fetch } = this.#quotas!
    if (!fetch.shares.isSet) return Infinity
    return fetch.mostAtOnce(this.principal.name, this.clientId, this.nowMs)
  }

  /**
   * [KIP-219] What was fetched is not counted where the answer doesn't have it.
   * @param sizeOf the answer: asked only where bytes are limited, for it goes over all partitions
   */
  takeFetched(sizeOf: () => number): boolean {
    const quotas = this.#quotas!
    const timeMs = takeTime(quotas, this)
    this.throttle(timeMs)
    const { fetch } = quotas
    if (!fetch.shares.isSet) return timeMs === 0
    const { nowMs, clientId } = this
    const { name } = this.principal
    const sizeBytes = sizeOf()
    const isUnused = fetch.isUnused(name, clientId, nowMs)
    const ms = fetch.take(name, clientId, sizeBytes, nowMs)
    this.throttle(ms)
    if (ms === 0 && timeMs === 0) return true
    // A batch that is more than the quota allows at once would never be fetched: who has taken nothing else gets it.
    if (timeMs === 0 && isUnused) return true
    fetch.add(name, clientId, -sizeBytes, nowMs)
    return false
  }

  exempt(): void {
    this.#begunMs = null
    this.#ranMs = null
  }

  mutations(strictSince: number): MutationAllowance | undefined {
    const quotas = this.#quotas!
    if (!quotas.mutations.shares.isSet) return undefined
    const client = { user: this.principal.name, clientId: this.clientId }
    const isStrict = this.version >= strictSince
    this.#mutations ??= new MutationQuota(quotas, client, isStrict, () => this.nowMs)
    return this.#mutations.allowance()
  }
}
