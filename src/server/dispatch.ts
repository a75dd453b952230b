import { codecOf } from '../../protocol/codec.ts'
import type { Codec } from '../../protocol/codec.ts'
import { ApiVersions } from '../../protocol/messages/api-versions.ts'
import { RequestHeader, ResponseHeader } from '../../protocol/messages/headers.ts'
import { requestHeaderVersion, responseHeaderVersion } from '../../protocol/messages/headers.ts'
import { KnownStrings } from '../../protocol/known-strings.ts'
import type { AnyApi } from '../../protocol/schema.ts'
import { DecodeError, Reader, Writer } from '../../protocol/wire.ts'
import { closeConnection, Later } from '../handlers/handler.ts'
import type {
  Answer,
  AnswerListener,
  ConnectionContext,
  Handler,
  RequestContext,
} from '../handlers/handler.ts'
import type { Services } from '../handlers/services.ts'

/** What a request comes to: the answer, null for none, or why the connection must end. */
export type Outcome = Reply | null | ConnectionFault

/** Who has sent a request, and is told once what it came to: before `start` returns, or later. */
export interface Requester {
  settle(outcome: Outcome): void
}

/** Why a connection can't go on, in words for the log. */
export interface ConnectionFault {
  readonly fault: string
  readonly cause?: unknown
}

/** How the messages of an API are read and written in one version. */
interface Route {
  /** `Fetch v17` */
  readonly name: string
  readonly requestHeader: Codec<RequestHeader, unknown>
  readonly request: Codec<object, unknown>
  readonly responseHeader: Codec<unknown, { correlationId: number }>
  readonly response: Codec<unknown, object>
}

function routeOf(api: AnyApi, version: number): Route {
  return {
    name: `${api.name} v${version}`,
    requestHeader: codecOf(RequestHeader, requestHeaderVersion(api, version)),
    request: codecOf(api.request, version),
    responseHeader: codecOf(ResponseHeader, responseHeaderVersion(api, version)),
    response: codecOf(api.response, version),
  }
}

/** A request that is being answered, and then its answer. */
export class Reply implements AnswerListener<object> {
  readonly correlationId: number
  readonly #route: Route
  readonly #context: ContextOfReply
  readonly #requester: Requester
  #answer: object | null = null
  /** The whole frame, where it was encoded before. */
  #encoded: Uint8Array[] | null = null

  constructor(route: Route, correlationId: number, context: ContextOfReply, requester: Requester) {
    this.correlationId = correlationId
    this.#route = route
    this.#context = context
    this.#requester = requester
  }

  given(answer: Answer<object>): void {
    if (answer === null) return this.#requester.settle(null)
    if (answer === closeConnection) {
      return this.#requester.settle({ fault: `${this.#route.name} failed and has no answer` })
    }
    this.#answer = answer
    const { costBytes, clock } = this.#context
    if (costBytes > LARGE_COST_BYTES) this.#encodeInTurns(clock)
    else this.#requester.settle(this)
  }

  /** Encodes a large answer before its place in the row of the connection has come, a piece in each turn. */
  #encodeInTurns(clock: Context['clock']): void {
    const { responseHeader, response, name } = this.#route
    const writer = new Writer(Buffer.allocUnsafe(PIECE_BYTES))
    const writing = response.writeInTurns(writer, this.#answer!)
    const end = (outcome: Outcome): void => {
      // It won't be sent, so nobody else will say so.
      if (outcome !== this) this.sent()
      this.#answer = null
      this.#requester.settle(outcome)
    }
    const goOn = (): void => {
      writer.turnEnd = writer.size + TURN_BYTES
      try {
        const isDone = writing.next().done === true
        if (writer.size > MAX_ANSWER_BYTES) {
          return end({ fault: `${name}: the answer has more than ${MAX_ANSWER_BYTES} bytes` })
        }
        if (!isDone) {
          writer.cut(PIECE_BYTES)
          return clock.endOfTurn(goOn)
        }
        writer.setInt32(0, writer.size - 4)
        this.#encoded = writer.chunks()
      } catch (cause) {
        return end(failure(name, cause))
      }
      end(this)
    }
    writer.int32(0)
    responseHeader.write(writer, this)
    // What made the answer has had its turn.
    clock.endOfTurn(goOn)
  }

  failed(cause: unknown): void {
    this.#requester.settle(failure(this.#route.name, cause))
  }

  /** Whether somebody wants to know when it was sent. */
  get isAwaited(): boolean {
    return this.#context.sent !== undefined
  }

  /**
   * Writes the frame: its length, the header, the answer.
   * @returns why the connection must end when that can't be done; the writer has a part of it then
   */
  writeTo(writer: Writer): ConnectionFault | null {
    if (this.#encoded !== null) {
      writer.pieces(this.#encoded)
      return null
    }
    const { responseHeader, response, name } = this.#route
    const begin = writer.size
    try {
      writer.int32(0)
      responseHeader.write(writer, this)
      response.write(writer, this.#answer!)
      writer.setInt32(begin, writer.size - begin - 4)
      return null
    } catch (cause) {
      // What a client has named may be longer in the answer than a string can be: it was no UTF-8.
      return failure(name, cause)
    }
  }

  /** To be called when it was sent, or never will be. */
  sent(): void {
    this.#context.sent?.()
  }
}

/** A request's context, and what its handler wants to be told of. */
type Context = RequestContext & {
  readonly sent: (() => void) | undefined
  /** Of the request and, where it is larger, of its answer. */
  readonly costBytes: number
}
type ContextOfReply = Pick<Context, 'sent' | 'costBytes' | 'clock'>
type ContextConstructor = new (
  version: number,
  clientId: string,
  connection: ConnectionContext,
  costBytes: number,
) => Context

/**
 * The services are reached through the prototype: copying some twenty of them for each request takes a tenth of the time
 * of a small one.
 */
function contextOf(services: Services): ContextConstructor {
  class RequestContextOfServices {
    readonly version: number
    readonly clientId: string
    readonly connection: ConnectionContext
    sent: (() => void) | undefined = undefined

    costBytes: number

    constructor(
      version: number,
      clientId: string,
      connection: ConnectionContext,
      costBytes: number,
    ) {
      this.version = version
      this.clientId = clientId
      this.connection = connection
      this.costBytes = costBytes
    }

    spend(costBytes: number): void {
      this.costBytes += costBytes
      if (this.costBytes <= MAX_ANSWER_COST_BYTES) return
      throw new CostError(
        `its answer would take more than ${MAX_ANSWER_COST_BYTES} bytes of memory`,
      )
    }

    afterSent(callback: () => void): void {
      this.sent = callback
    }
  }
  Object.setPrototypeOf(RequestContextOfServices.prototype, services)
  return RequestContextOfServices as unknown as ContextConstructor
}

/** A request and its answer may cost so much together: an answer has more than its request where that asks for all of something. */
export const MAX_ANSWER_COST_BYTES = 128 << 20
/** What costs more is encoded in turns of the event loop. */
const LARGE_COST_BYTES = 512 << 10
/** Of such an answer so much is encoded in a turn. */
export const TURN_BYTES = 64 << 10
/** The last element of a piece passes its end. */
const PIECE_BYTES = TURN_BYTES + (64 << 10)
/** No answer is larger: what waits to be sent is memory that a client holds. */
export const MAX_ANSWER_BYTES = 100 << 20

/** A request that would cost more than one may. */
class CostError extends Error {
  override readonly name = 'CostError'
  readonly code = 'ERR_COST'
}

/** Finds the handler of a request, decodes it, and has it answered. */
export class Dispatcher {
  readonly #handlers: (Handler | undefined)[] = []
  /** By API key and version, as they were first asked for. */
  readonly #routes: (Route | undefined)[][] = []
  readonly #known = new KnownStrings()
  readonly #services: Services
  readonly #Context: ContextConstructor

  constructor(handlers: readonly Handler[], services: Services) {
    for (const handler of handlers) {
      this.#handlers[handler.api.key] = handler
      this.#routes[handler.api.key] = []
    }
    this.#services = services
    this.#Context = contextOf(services)
  }

  /** Whether the memory of a request to this API may be reused once it was answered. */
  isPooled(apiKey: number): boolean {
    return this.#handlers[apiKey]?.pooled ?? false
  }

  /** Whether this request may start before earlier ones of its kind were answered. */
  isPipelined(frame: Buffer): boolean {
    return this.#handlers[frame.readInt16BE(0)]?.pipelined ?? false
  }

  /** Starts a request. All that the handler does before its first await has happened when this returns. */
  start(frame: Buffer, connection: ConnectionContext, requester: Requester): void {
    if (frame.length < 8) {
      return requester.settle({ fault: `a request header of ${frame.length} bytes` })
    }
    const key = frame.readInt16BE(0)
    const version = frame.readInt16BE(2)
    const handler = this.#handlers[key]
    if (handler === undefined) {
      return requester.settle({ fault: `API key ${key}, which is not served here` })
    }
    const { api, versions } = handler
    if (version < versions[0] || version > versions[1]) {
      if (key === ApiVersions.key) {
        return this.#answerUnknown(frame.readInt32BE(4), requester)
      }
      const served = `versions ${versions[0]} to ${versions[1]} are served here`
      return requester.settle({ fault: `${api.name} v${version}: ${served}` })
    }
    const route = (this.#routes[key]![version] ??= routeOf(api, version))
    try {
      const reader = new Reader(frame, 0, frame.length, this.#known, handler.maxCostBytes)
      const { clientId, correlationId } = route.requestHeader.read(reader)
      const request = route.request.read(reader)
      const context = new this.#Context(version, clientId ?? '', connection, reader.cost)
      const reply = new Reply(route, correlationId, context, requester)
      const answered = handler.answer(request, context)
      if (answered instanceof Later) answered.tell(reply)
      else if (answered instanceof Promise) {
        answered.then(
          (answer) => reply.given(answer),
          (error: unknown) => reply.failed(error),
        )
      } else reply.given(answered)
    } catch (error) {
      const isUnreadable = error instanceof DecodeError
      requester.settle(isUnreadable ? { fault: error.message } : failure(route.name, error))
    }
  }

  /** [KIP-511] A client newer than this broker is told of the versions of ApiVersions, in the form all clients read. */
  #answerUnknown(correlationId: number, requester: Requester): void {
    const apiKeys = this.#services.apis().filter(({ apiKey }) => apiKey === ApiVersions.key)
    const route = routeOf(ApiVersions as unknown as AnyApi, 0)
    const { clock } = this.#services
    const context = { sent: undefined, costBytes: 0, clock }
    const reply = new Reply(route, correlationId, context, requester)
    reply.given({ errorCode: 'UNSUPPORTED_VERSION', apiKeys })
  }
}

function failure(name: string, cause: unknown): ConnectionFault {
  // The client has asked for too much; that is no bug of ours.
  if (cause instanceof CostError) return { fault: `${name}: ${cause.message}` }
  return { fault: `${name} could not be answered`, cause }
}
