import type { ErrorName } from '../../protocol/errors.ts'
import { KnownStrings } from '../../protocol/known-strings.ts'
import { ApiVersions } from '../../protocol/messages/api-versions.ts'
import type { AnyApi } from '../../protocol/schema.ts'
import { DecodeError, Reader } from '../../protocol/wire/reader.ts'
import { Writer } from '../../protocol/wire/writer.ts'
import { answerAllowed } from './authorize.ts'
import { isAnswer, tell } from '../handlers/answer.ts'
import type { AdvertisedApi, ConnectionContext, ForwardedAnswer } from '../handlers/context.ts'
import type { Handler } from '../handlers/handler.ts'
import { LostController } from '../handlers/lost-controller.ts'
import type { NodeServices } from '../handlers/services.ts'
import { NotForwarded } from './forward.ts'
import type { Forwarder } from './forward.ts'
import { failure } from './outcome.ts'
import type { ConnectionFault, Outcome, Requester } from './outcome.ts'
import { answerToken } from './raw-token.ts'
import { Reply } from './reply.ts'
import { Context } from './request-context.ts'
import { Routes, routeOf } from './routes.ts'
import { NO_STAGES } from './stages.ts'
import type { Stages } from './stages.ts'

/** Of key, version and correlation id. */
const LEAST_HEADER_BYTES = 8

/**
 * The way of every request from its frame to its answer, on the listeners of one kind. A handler only answers; all else that
 * is the same for all of them is done here, in this order: header, barrier before authentication, decode, forward, or authorize
 * and answer, throttle, observe, encode. Who answers authorizes, as in Kafka: what is forwarded goes on as it came.
 */
export class Pipeline<Services extends NodeServices = NodeServices> {
  readonly #apis: readonly AdvertisedApi[]
  /** The keys of what only the controller can do. */
  readonly #controllers: ReadonlySet<number>
  readonly #routes: Routes
  readonly #services: Services
  readonly #stages: Stages
  readonly #known = new KnownStrings()

  /** @param handlers they get these services, and no others */
  constructor(handlers: readonly Handler<Services>[], services: Services, stages = NO_STAGES) {
    this.#apis = handlers
      .map(({ api, advertised: [minVersion, maxVersion] }) => ({
        apiKey: api.key,
        minVersion,
        maxVersion,
      }))
      .sort((a, b) => a.apiKey - b.apiKey)
    const ofControllers = handlers.filter(({ at }) => at !== 'broker')
    this.#controllers = new Set(ofControllers.map(({ api }) => api.key))
    this.#routes = new Routes(handlers as readonly Handler<NodeServices>[], stages)
    this.#services = services
    this.#stages = stages
  }

  /**
   * What is served, as ApiVersions tells it: in the order of the keys; of what the controller answers the versions that it
   * serves, too.
   */
  get apis(): readonly AdvertisedApi[] {
    const theirs = this.#stages.forwarder?.controllerApis ?? null
    return theirs === null ? this.#apis : inCommon(this.#apis, theirs, this.#controllers)
  }

  /** Whether the memory of a request to this API may be reused once it was answered. */
  isPooled(apiKey: number): boolean {
    return this.#routes.handler(apiKey)?.pooled ?? false
  }

  /**
   * Whether this request may start before earlier ones of its kind were answered. While bytes of producers are limited each waits
   * for the one before, as in Kafka: else all that a client has sent would be through before its first answer throttles it.
   */
  isPipelined(frame: Buffer): boolean {
    const { quotas } = this.#stages
    if (quotas !== null && (quotas.produce.shares.isSet || quotas.request.shares.isSet))
      return false
    return this.#routes.handler(frame.readInt16BE(0))?.pipelined ?? false
  }

  /** Starts a request. All that the handler does before its first await has happened when this returns. */
  start(frame: Buffer, connection: ConnectionContext, requester: Requester): void {
    if (connection.sasl !== null && connection.sasl.isRaw) {
      return answerToken(frame, connection, this.#services, requester)
    }
    if (frame.length < LEAST_HEADER_BYTES) {
      return requester.settle({ fault: `a request header of ${frame.length} bytes` })
    }
    const key = frame.readInt16BE(0)
    const version = frame.readInt16BE(2)
    const handler = this.#routes.handler(key)
    if (handler === undefined) {
      return requester.settle({ fault: `API key ${key}, which is not served here` })
    }
    const { api, versions } = handler
    if (version < versions[0] || version > versions[1]) {
      if (key === ApiVersions.key) {
        return this.#answerUnknown(frame.readInt32BE(4), connection, requester)
      }
      const served = `versions ${versions[0]} to ${versions[1]} are served here`
      return requester.settle({ fault: `${api.name} v${version}: ${served}` })
    }
    const { isPending, expiresAtMs } = connection.authentication
    if ((isPending || expiresAtMs !== undefined) && !handler.beforeAuthentication) {
      if (isPending) {
        return requester.settle({ fault: `${api.name} from a client that has yet to authenticate` })
      }
      // [KIP-368] It was told for how long it was let in.
      if (this.#services.clock.monotonic() >= expiresAtMs!) {
        return requester.settle({ fault: `${api.name} from a client whose session has expired` })
      }
    }
    const route = this.#routes.route(handler, version)
    const { quotas, observer } = this.#stages
    // Who has yet to say who it is has no quota; nor has what it says to do so.
    const isTimed =
      quotas !== null && quotas.request.shares.isSet && isOfClient(handler, connection)
    const begunMs = isTimed ? this.#services.clock.monotonic() : 0
    let request: object
    let context: Context
    let reply: Reply
    try {
      const reader = new Reader(frame, 0, frame.length, this.#known, handler.maxCostBytes)
      const { clientId, correlationId } = route.requestHeader.read(reader)
      request = route.request.read(reader)
      context = new Context(
        this.#services,
        api.name,
        version,
        clientId ?? '',
        connection,
        reader.cost,
        frame.length,
        quotas,
      )
      if (isTimed) context.begin(begunMs)
      if (observer !== null) context.startedMs = this.#services.clock.monotonic()
      reply = new Reply(route, correlationId, context, requester)
    } catch (error) {
      const isUnreadable = error instanceof DecodeError
      return requester.settle(isUnreadable ? { fault: error.message } : failure(route.name, error))
    }
    try {
      const forwarded = this.#forwarded(frame, request, handler, context)
      if (forwarded !== null) this.#whenForwarded(forwarded, handler, request, context, reply)
      else if (this.#services.authorizer === null) tell(handler.answer(request, context), reply)
      else answerAllowed(handler, request, context, reply)
    } catch (error) {
      reply.failed(error)
    }
    if (isTimed) context.ran()
  }

  /**
   * [KIP-590] Answers a client's request that came within a broker's: one that brokers serve, and the controller answers.
   * @param connection the client's, as it were
   */
  answerForwarded(frame: Buffer, connection: ConnectionContext): Promise<ForwardedAnswer> {
    const handler = this.#routes.handler(frame.readInt16BE(0))
    if (handler === undefined) return Promise.resolve({ refused: 'UNSUPPORTED_VERSION' })
    const { at, api } = handler
    if (at === 'broker' || !api.listeners.includes('broker')) {
      return Promise.resolve({ refused: 'INVALID_REQUEST' })
    }
    return new Promise((resolve) => {
      const settle = (outcome: Outcome): void => resolve(this.#inBytes(outcome))
      this.start(frame, connection, { settle })
    })
  }

  #inBytes(outcome: Outcome): ForwardedAnswer {
    if (outcome instanceof Reply) {
      const writer = new Writer()
      const fault = outcome.writeTo(writer)
      outcome.sent()
      if (fault !== null) return { refused: this.#refusal(fault) }
      return { responseData: writer.toBuffer().subarray(4), answer: outcome.answer }
    }
    return { refused: outcome === null ? 'INVALID_REQUEST' : this.#refusal(outcome) }
  }

  /** For what costs a client of its own its connection: this error has the broker close it. */
  #refusal({ fault, cause }: ConnectionFault): ErrorName {
    if (cause !== undefined) this.#services.log.error({ err: cause }, fault)
    return 'UNSUPPORTED_VERSION'
  }

  /** The controller's answer, where it is the controller that answers and this node isn't it. */
  #forwarded(
    frame: Buffer,
    request: object,
    handler: Handler<NodeServices>,
    context: Context,
  ): ReturnType<Forwarder['forward']> {
    const { forwarder } = this.#stages
    if (forwarder === null || handler.at !== 'controller') return null
    return forwarder.forward(frame, request, handler, context)
  }

  /** Where the controller has not answered, the handler says so: it knows how its answer tells an error. */
  #whenForwarded(
    forwarded: NonNullable<ReturnType<Forwarder['forward']>>,
    handler: Handler<NodeServices>,
    request: object,
    context: Context,
    reply: Reply,
  ): void {
    forwarded
      .then((answer) => {
        if (!(answer instanceof NotForwarded)) {
          if (isAnswer(answer)) context.throttle((answer as Throttled).throttleTimeMs ?? 0)
          return reply.given(answer)
        }
        const { services } = context
        const controller = new LostController(services.controller, answer.outcome)
        context.services = { ...services, controller }
        if (services.authorizer === null) tell(handler.answer(request, context), reply)
        else answerAllowed(handler, request, context, reply)
      })
      .catch((error: unknown) => reply.failed(error))
  }

  /** [KIP-511] A client newer than this broker is told of the versions of ApiVersions, in the form all clients read. */
  #answerUnknown(correlationId: number, connection: ConnectionContext, requester: Requester): void {
    const apiKeys = this.#apis.filter(({ apiKey }) => apiKey === ApiVersions.key)
    const route = routeOf(ApiVersions as unknown as AnyApi, 0, this.#stages)
    const context = new Context(this.#services, ApiVersions.name, 0, '', connection, 0)
    const reply = new Reply(route, correlationId, context, requester)
    reply.given({ errorCode: 'UNSUPPORTED_VERSION', apiKeys })
  }
}

/** What the controller says of how long the client has to keep quiet. */
interface Throttled {
  readonly throttleTimeMs?: number
}

/** Whether a request comes from somebody who is known, and not to become known. */
function isOfClient(
  { beforeAuthentication }: Handler<NodeServices>,
  { authentication, sasl }: ConnectionContext,
): boolean {
  return !authentication.isPending && !(beforeAuthentication && sasl !== null)
}

/** Of what `theirs` has to serve, too, the versions that both do. */
function inCommon(
  own: readonly AdvertisedApi[],
  theirs: readonly AdvertisedApi[],
  isTheirs: ReadonlySet<number>,
): AdvertisedApi[] {
  return own.flatMap((api) => {
    if (!isTheirs.has(api.apiKey)) return [api]
    const other = theirs.find(({ apiKey }) => apiKey === api.apiKey)
    if (other === undefined) return []
    const minVersion = Math.max(api.minVersion, other.minVersion)
    const maxVersion = Math.min(api.maxVersion, other.maxVersion)
    return minVersion <= maxVersion ? [{ ...api, minVersion, maxVersion }] : []
  })
}
