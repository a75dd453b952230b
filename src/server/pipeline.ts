import { KnownStrings } from '../../protocol/known-strings.ts'
import { ApiVersions } from '../../protocol/messages/api-versions.ts'
import type { AnyApi } from '../../protocol/schema.ts'
import { DecodeError, Reader } from '../../protocol/wire.ts'
import { answerAllowed } from './authorize.ts'
import { tell } from '../handlers/answer.ts'
import type { Answered } from '../handlers/answer.ts'
import type { AdvertisedApi, ConnectionContext } from '../handlers/context.ts'
import type { Handler } from '../handlers/handler.ts'
import type { NodeServices } from '../handlers/services.ts'
import { failure } from './outcome.ts'
import type { Requester } from './outcome.ts'
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
  /** What is served, as ApiVersions tells it: in the order of the keys. */
  readonly apis: readonly AdvertisedApi[]
  readonly #routes: Routes
  readonly #services: Services
  readonly #stages: Stages
  readonly #known = new KnownStrings()

  /** @param handlers they get these services, and no others */
  constructor(handlers: readonly Handler<Services>[], services: Services, stages = NO_STAGES) {
    this.apis = handlers
      .map(({ api, advertised: [minVersion, maxVersion] }) => ({
        apiKey: api.key,
        minVersion,
        maxVersion,
      }))
      .sort((a, b) => a.apiKey - b.apiKey)
    this.#routes = new Routes(handlers as readonly Handler<NodeServices>[], stages)
    this.#services = services
    this.#stages = stages
  }

  /** Whether the memory of a request to this API may be reused once it was answered. */
  isPooled(apiKey: number): boolean {
    return this.#routes.handler(apiKey)?.pooled ?? false
  }

  /** Whether this request may start before earlier ones of its kind were answered. */
  isPipelined(frame: Buffer): boolean {
    return this.#routes.handler(frame.readInt16BE(0))?.pipelined ?? false
  }

  /** Starts a request. All that the handler does before its first await has happened when this returns. */
  start(frame: Buffer, connection: ConnectionContext, requester: Requester): void {
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
    if (connection.authentication.isPending && !handler.beforeAuthentication) {
      return requester.settle({ fault: `${api.name} from a client that has yet to authenticate` })
    }
    const route = this.#routes.route(handler, version)
    let request: object
    let context: Context
    let reply: Reply
    try {
      const reader = new Reader(frame, 0, frame.length, this.#known, handler.maxCostBytes)
      const { clientId, correlationId } = route.requestHeader.read(reader)
      request = route.request.read(reader)
      context = new Context(this.#services, version, clientId ?? '', connection, reader.cost)
      if (this.#stages.observer !== null) context.startedMs = this.#services.clock.monotonic()
      reply = new Reply(route, correlationId, context, requester)
    } catch (error) {
      const isUnreadable = error instanceof DecodeError
      return requester.settle(isUnreadable ? { fault: error.message } : failure(route.name, error))
    }
    try {
      const forwarded = this.#forwarded(frame, handler, context)
      if (forwarded !== null) tell(forwarded, reply)
      else if (this.#services.authorizer === null) tell(handler.answer(request, context), reply)
      else answerAllowed(handler, request, context, reply)
    } catch (error) {
      reply.failed(error)
    }
  }

  /** The controller's answer, where it is the controller that answers and this node isn't it. */
  #forwarded(frame: Buffer, handler: Handler<NodeServices>, context: Context): Answered<object> {
    const { forwarder } = this.#stages
    if (forwarder === null || handler.at === 'broker') return null
    return forwarder.forward(frame, handler, context)
  }

  /** [KIP-511] A client newer than this broker is told of the versions of ApiVersions, in the form all clients read. */
  #answerUnknown(correlationId: number, connection: ConnectionContext, requester: Requester): void {
    const apiKeys = this.apis.filter(({ apiKey }) => apiKey === ApiVersions.key)
    const route = routeOf(ApiVersions as unknown as AnyApi, 0, this.#stages)
    const context = new Context(this.#services, 0, '', connection, 0)
    const reply = new Reply(route, correlationId, context, requester)
    reply.given({ errorCode: 'UNSUPPORTED_VERSION', apiKeys })
  }
}
