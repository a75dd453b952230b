import { codecOf } from '../../protocol/codec.ts'
import { ApiVersions } from '../../protocol/messages/api-versions.ts'
import { RequestHeader, ResponseHeader } from '../../protocol/messages/headers.ts'
import { requestHeaderVersion, responseHeaderVersion } from '../../protocol/messages/headers.ts'
import { DecodeError, Reader, Writer } from '../../protocol/wire.ts'
import { closeConnection } from '../handlers/handler.ts'
import type { Answer, ConnectionContext, Handler, RequestContext } from '../handlers/handler.ts'
import type { Services } from '../handlers/services.ts'

/** What a request comes to: the answer, null for none, or why the connection must end. */
export type Outcome = ResponseFrame | null | ConnectionFault

/** A response as it goes out, length included. */
export interface ResponseFrame {
  readonly chunks: Uint8Array[]
  /** To be called when the chunks were sent, or never will be. */
  readonly sent: (() => void) | undefined
}

/** Why a connection can't go on, in words for the log. */
export interface ConnectionFault {
  readonly fault: string
  readonly cause?: unknown
}

/** A request's context, and what its handler wants to be told of. */
type Context = RequestContext & { readonly sent: (() => void) | undefined }
type ContextConstructor = new (
  version: number,
  clientId: string,
  connection: ConnectionContext,
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

    constructor(version: number, clientId: string, connection: ConnectionContext) {
      this.version = version
      this.clientId = clientId
      this.connection = connection
    }

    afterSent(callback: () => void): void {
      this.sent = callback
    }
  }
  Object.setPrototypeOf(RequestContextOfServices.prototype, services)
  return RequestContextOfServices as unknown as ContextConstructor
}

/** Finds the handler of a request, decodes it, has it answered and encodes the answer. */
export class Dispatcher {
  readonly #handlers: (Handler | undefined)[] = []
  readonly #services: Services
  readonly #Context: ContextConstructor

  constructor(handlers: readonly Handler[], services: Services) {
    for (const handler of handlers) this.#handlers[handler.api.key] = handler
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
  start(frame: Buffer, connection: ConnectionContext): Outcome | Promise<Outcome> {
    if (frame.length < 8) return { fault: `a request header of ${frame.length} bytes` }
    const key = frame.readInt16BE(0)
    const version = frame.readInt16BE(2)
    const handler = this.#handlers[key]
    if (handler === undefined) return { fault: `API key ${key}, which is not served here` }
    const { api, versions } = handler
    if (version < versions[0] || version > versions[1]) {
      if (key === ApiVersions.key) return this.#unknownApiVersions(frame.readInt32BE(4))
      return {
        fault: `${api.name} v${version}: versions ${versions[0]} to ${versions[1]} are served here`,
      }
    }
    try {
      const reader = new Reader(frame)
      const header = codecOf(RequestHeader, requestHeaderVersion(api, version)).read(reader)
      const request = codecOf(api.request, version).read(reader)
      const context = new this.#Context(version, header.clientId ?? '', connection)
      const answer = handler.answer(request, context)
      const { correlationId } = header
      if (answer instanceof Promise) {
        return answer.then(
          (response) => this.#encode(handler, version, correlationId, response, context.sent),
          (error: unknown) => this.#failed(handler, version, error),
        )
      }
      return this.#encode(handler, version, correlationId, answer, context.sent)
    } catch (error) {
      if (error instanceof DecodeError) return { fault: error.message }
      return this.#failed(handler, version, error)
    }
  }

  #failed(handler: Handler, version: number, cause: unknown): ConnectionFault {
    return { fault: `${handler.api.name} v${version} could not be answered`, cause }
  }

  #encode(
    handler: Handler,
    version: number,
    correlationId: number,
    answer: Answer<object>,
    sent: (() => void) | undefined,
  ): Outcome {
    if (answer === null) return null
    const { api } = handler
    if (answer === closeConnection)
      return { fault: `${api.name} v${version} failed and has no answer` }
    try {
      const writer = new Writer()
      // The length comes first, and is known last.
      writer.int32(0)
      codecOf(ResponseHeader, responseHeaderVersion(api, version)).write(writer, { correlationId })
      codecOf(api.response, version).write(writer, answer)
      return asFrame(writer, sent)
    } catch (error) {
      // What a client has named may be longer in the answer than a string can be: it was no UTF-8.
      sent?.()
      return this.#failed(handler, version, error)
    }
  }

  /** [KIP-511] A client newer than this broker is told of the versions of ApiVersions, in the form all clients read. */
  #unknownApiVersions(correlationId: number): Outcome {
    const apiKeys = this.#services.apis().filter(({ apiKey }) => apiKey === ApiVersions.key)
    const writer = new Writer()
    writer.int32(0)
    writer.int32(correlationId)
    codecOf(ApiVersions.response, 0).write(writer, { errorCode: 'UNSUPPORTED_VERSION', apiKeys })
    return asFrame(writer)
  }
}

function asFrame(writer: Writer, sent?: () => void): ResponseFrame {
  const size = writer.size
  const chunks = writer.chunks()
  const first = chunks[0] as Buffer
  first.writeInt32BE(size - 4, 0)
  return { chunks, sent }
}
