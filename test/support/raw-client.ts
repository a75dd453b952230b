import net from 'node:net'
import { codecOf } from '../../protocol/codec.ts'
import {
  RequestHeader,
  ResponseHeader,
  requestHeaderVersion,
  responseHeaderVersion,
} from '../../protocol/messages/headers.ts'
import type { Api, Decoded, Encoded, Shape } from '../../protocol/schema.ts'
import { Reader } from '../../protocol/wire/reader.ts'
import { Writer } from '../../protocol/wire/writer.ts'

const LIMIT_MS = 60_000

/** Neither an answer nor the end of the connection came. */
export class SilenceError extends Error {
  override readonly name = 'SilenceError'
}

interface Waiting {
  resolve(frame: Buffer | null): void
}

/** A client that knows nothing but frames: what a test says, well formed or not, is what the broker hears. */
export class RawClient {
  readonly #socket: net.Socket
  readonly #limitMs: number
  readonly #frames: Buffer[] = []
  readonly #waiting: Waiting[] = []
  #input: Buffer = Buffer.alloc(0)
  #isClosed = false
  #correlationId = 0
  #answered = 0
  /** Resolves when the connection has ended, by whichever side. */
  readonly closed: Promise<void>

  /** @param limitMs how long one answer may take */
  static connect(at: { host: string; port: number }, limitMs = LIMIT_MS): Promise<RawClient> {
    return new Promise((resolve, reject) => {
      const socket = net.connect({ host: at.host, port: at.port, noDelay: true })
      socket.once('error', reject)
      socket.once('connect', () => {
        socket.off('error', reject)
        resolve(new RawClient(socket, limitMs))
      })
    })
  }

  constructor(socket: net.Socket, limitMs = LIMIT_MS) {
    this.#socket = socket
    this.#limitMs = limitMs
    // A reset is one of the ways in which a broker ends a connection.
    socket.on('error', () => {})
    socket.on('data', (bytes) => this.#receive(bytes))
    this.closed = new Promise((resolve) => {
      socket.once('close', () => {
        this.#isClosed = true
        for (const { resolve: answer } of this.#waiting.splice(0)) answer(null)
        resolve()
      })
    })
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  /** Sends a request and resolves with its answer; rejects when the connection ends before that. */
  async request<Q extends Shape, S extends Shape>(
    api: Api<Q, S>,
    version: number,
    body: Encoded<Q>,
    clientId = 'raw',
  ): Promise<Decoded<S>> {
    this.send(api, version, body, clientId)
    return this.receive(api, version)
  }

  /** The answer to the request that was sent first of those not answered yet. */
  async receive<Q extends Shape, S extends Shape>(
    api: Api<Q, S>,
    version: number,
  ): Promise<Decoded<S>> {
    const expected = ++this.#answered
    const frame = await this.nextFrame()
    if (frame === null) throw new Error(`the broker closed instead of answering ${api.name}`)
    const reader = new Reader(frame)
    const { correlationId } = codecOf(ResponseHeader, responseHeaderVersion(api, version)).read(
      reader,
    )
    if (correlationId !== expected) {
      throw new Error(`answer ${correlationId} to ${api.name} ${expected}`)
    }
    return codecOf(api.response, version).read(reader)
  }

  /** Sends a request and doesn't wait; returns its correlation id. */
  send<Q extends Shape, S extends Shape>(
    api: Api<Q, S>,
    version: number,
    body: Encoded<Q>,
    clientId = 'raw',
  ): number {
    const correlationId = ++this.#correlationId
    this.sendFrame(encodeRequest(api, version, body, correlationId, clientId))
    return correlationId
  }

  /** Sends these bytes with their length before them. */
  sendFrame(frame: Buffer): void {
    const length = Buffer.alloc(4)
    length.writeInt32BE(frame.length)
    this.sendBytes(Buffer.concat([length, frame]))
  }

  sendBytes(bytes: Buffer): void {
    if (!this.#isClosed) this.#socket.write(bytes)
  }

  /** The next answer without its length, or null when the connection has ended. */
  nextFrame(limitMs = this.#limitMs): Promise<Buffer | null> {
    const frame = this.#frames.shift()
    if (frame !== undefined) return Promise.resolve(frame)
    if (this.#isClosed) return Promise.resolve(null)
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new SilenceError(`no answer within ${limitMs} ms`)),
        limitMs,
      )
      this.#waiting.push({
        resolve: (next) => {
          clearTimeout(timer)
          resolve(next)
        },
      })
    })
  }

  /** Sends no more, and still reads what comes. */
  end(): void {
    this.#socket.end()
  }

  destroy(): void {
    this.#socket.destroy()
  }

  #receive(bytes: Buffer): void {
    this.#input = this.#input.length === 0 ? bytes : Buffer.concat([this.#input, bytes])
    while (this.#input.length >= 4) {
      const size = this.#input.readInt32BE(0)
      if (this.#input.length < 4 + size) return
      const frame = Buffer.from(this.#input.subarray(4, 4 + size))
      this.#input = this.#input.subarray(4 + size)
      const waiting = this.#waiting.shift()
      if (waiting === undefined) this.#frames.push(frame)
      else waiting.resolve(frame)
    }
  }
}

/** A request with its header, without its length. */
export function encodeRequest<Q extends Shape, S extends Shape>(
  api: Api<Q, S>,
  version: number,
  body: Encoded<Q>,
  correlationId = 1,
  clientId = 'raw',
): Buffer {
  const writer = new Writer()
  codecOf(RequestHeader, requestHeaderVersion(api, version)).write(writer, {
    requestApiKey: api.key,
    requestApiVersion: version,
    correlationId,
    clientId,
  })
  codecOf(api.request, version).write(writer, body)
  return writer.toBuffer()
}
