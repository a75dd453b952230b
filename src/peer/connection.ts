import { codecOf } from '../../protocol/codec.ts'
import { ApiVersions } from '../../protocol/messages/api-versions.ts'
import {
  RequestHeader,
  requestHeaderVersion,
  ResponseHeader,
  responseHeaderVersion,
} from '../../protocol/messages/headers.ts'
import type { Api, Decoded, Encoded, ReceivedResponse, Shape } from '../../protocol/schema.ts'
import { DecodeError, Reader } from '../../protocol/wire/reader.ts'
import { Writer } from '../../protocol/wire/writer.ts'
import { formatAddress, type Address } from '../host/address.ts'
import type { Host, Socket, Timer } from '../host/host.ts'
import { isPeersEnd } from '../host/peers-end.ts'
import type { AnswerMemory } from './answer-memory.ts'
import { authenticate } from './authenticate.ts'
import { PeerError } from './errors.ts'
import { FrameCutter } from './frames.ts'
import type { PeerHost, PeerTls, SaslLogin } from './security.ts'
import { isOfTls, MAY_DEMAND, tlsFailure } from './tls-failure.ts'

export type ApiVersionsResponse = ReceivedResponse<typeof ApiVersions>

export interface ConnectionOptions {
  readonly clientId: string
  readonly connectTimeoutMs: number
  /** How long an answer may take; a request may say otherwise. */
  readonly requestTimeoutMs: number
}

export interface RequestOptions {
  /** Instead of the highest version in common with the broker; not checked against what the broker says it has. */
  readonly version?: number
  readonly timeoutMs?: number
  /** What the answer says in bytes lies in it, until it is given back; in memory of its own where it is left out. */
  readonly memory?: AnswerMemory | undefined
}

interface Pending {
  readonly name: string
  readonly correlationId: number
  readonly memory: AnswerMemory | undefined
  readonly answer: (frame: Buffer) => void
  readonly fail: (error: Error) => void
}

const UNSUPPORTED_VERSION = 35

/** [KIP-368] The part of its life after which a session is not used for anything new; Kafka's clients begin it anew by then. */
const SESSION_SHARE = 0.85
const LONGEST_TIMER_MS = 2 ** 31 - 1

/** What this client calls itself (KIP-511). */
export const SOFTWARE = { clientSoftwareName: 'ottla', clientSoftwareVersion: '0.1.0' } as const

/**
 * One connection to one broker: TLS and SASL as its listener demands them, frames, correlation, and the versions that both sides
 * have. Requests may be sent before earlier ones are answered; answers come in order, and the first that is out of order ends the
 * connection. One whose session is about to end (KIP-368) takes no more requests, and closes with its last answer: whoever asks
 * next connects anew.
 */
export class Connection {
  readonly address: Address
  readonly #host: PeerHost
  readonly #options: ConnectionOptions
  readonly #socket: Socket
  readonly #pending: Pending[] = []
  #correlationId = 0
  #ended: PeerError | null = null
  #apiVersions: ApiVersionsResponse | null = null
  #sessionTimer: Timer | null = null
  #isExpiring = false
  #hadSaid: PeerError['hadSaid']

  private constructor(
    host: PeerHost,
    address: Address,
    socket: Socket,
    options: ConnectionOptions,
  ) {
    this.#host = host
    this.address = address
    this.#socket = socket
    this.#options = options
    this.#hadSaid = host.security.tls === null ? 'nothing' : 'handshake'
    const frames = new FrameCutter(
      (frame) => this.#answered(frame),
      (sizeBytes) => this.#pending[0]?.memory?.take(sizeBytes) ?? Buffer.allocUnsafe(sizeBytes),
    )
    socket.attach({
      data: (bytes) => {
        if (this.#ended !== null) return
        const wrong = frames.push(bytes)
        if (wrong !== null) this.#end(notKafka(address, wrong))
      },
      drain: () => undefined,
      close: (error) => this.#end(this.#closedError(error)),
    })
  }

  /** Connects, says who it is where that is asked, and asks for the broker's versions. Throws PeerError. */
  static async open(
    host: PeerHost,
    address: Address,
    options: ConnectionOptions,
  ): Promise<Connection> {
    const { connectTimeoutMs } = options
    const { tls, login } = host.security
    const bare = await connectSocket(host, address, connectTimeoutMs)
    const socket = tls === null ? bare : await secured(host, tls, bare, address, connectTimeoutMs)
    const connection = new Connection(host, address, socket, options)
    try {
      if (login !== null) await connection.#authenticate(login)
      connection.#apiVersions = await connection.#negotiate()
    } catch (error) {
      connection.close()
      throw error
    }
    return connection
  }

  /** The IP address at the other end. */
  get remoteAddress(): string {
    return this.#socket.remoteAddress
  }

  /** Whether requests can still be sent. */
  get isOpen(): boolean {
    return this.#ended === null && !this.#isExpiring
  }

  /** The broker's own answer: its APIs' versions, and its features. */
  get apiVersions(): ApiVersionsResponse {
    return this.#apiVersions!
  }

  /** The highest version of an API that both sides have; null when there is none. */
  versionOf(api: Pick<Api<Shape, Shape>, 'key' | 'versions' | 'unstable'>): number | null {
    const range = this.apiVersions.apiKeys.find(({ apiKey }) => apiKey === api.key)
    if (range === undefined) return null
    const version = Math.min(range.maxVersion, api.versions[1] - (api.unstable ? 1 : 0))
    return version < Math.max(range.minVersion, api.versions[0]) ? null : version
  }

  /** Sends a request and waits for its answer. Throws PeerError; errors inside the answer are the caller's. */
  async request<Q extends Shape, R extends Shape>(
    api: Api<Q, R>,
    body: Encoded<Q>,
    options: RequestOptions = {},
  ): Promise<Decoded<R>> {
    const version = options.version ?? this.#chooseVersion(api)
    const correlationId = this.#send(api, version, body)
    const frame = await this.#receive(api.name, correlationId, options)
    return this.#decode(api, version, frame)
  }

  /** Sends a request that the broker doesn't answer: Produce with acks=0. */
  notify<Q extends Shape>(api: Api<Q, Shape>, body: Encoded<Q>): void {
    this.#send(api, this.#chooseVersion(api), body)
  }

  /** Sends what was written and closes; requests without an answer fail. */
  close(): void {
    if (this.#ended !== null) return
    this.#socket.end()
    const message = `The connection to ${formatAddress(this.address)} was closed here`
    this.#end(new PeerError('CONNECTION_CLOSED', this.address, message))
  }

  #chooseVersion(api: Api<Shape, Shape>): number {
    const version = this.versionOf(api)
    if (version !== null) return version
    const range = this.apiVersions.apiKeys.find(({ apiKey }) => apiKey === api.key)
    const has =
      range === undefined
        ? `doesn't serve ${api.name}`
        : `serves ${api.name} in versions ${range.minVersion} to ${range.maxVersion}`
    throw new PeerError(
      'UNSUPPORTED_VERSION',
      this.address,
      `The broker at ${formatAddress(this.address)} ${has}; this needs versions ${api.versions.join(' to ')}`,
    )
  }

  #send<Q extends Shape>(api: Api<Q, Shape>, version: number, body: Encoded<Q>): number {
    if (this.#ended !== null) throw this.#ended
    this.#correlationId = (this.#correlationId + 1) & 0x7fffffff
    const correlationId = this.#correlationId
    const writer = new Writer()
    const headerVersion = requestHeaderVersion(api, version)
    codecOf(RequestHeader, headerVersion).write(writer, {
      requestApiKey: api.key,
      requestApiVersion: version,
      correlationId,
      clientId: this.#options.clientId,
    })
    codecOf(api.request, version).write(writer, body)
    const length = Buffer.alloc(4)
    length.writeInt32BE(writer.size)
    this.#socket.write([length, ...writer.chunks()])
    return correlationId
  }

  #receive(
    name: string,
    correlationId: number,
    { timeoutMs, memory }: RequestOptions,
  ): Promise<Buffer> {
    const limitMs = timeoutMs ?? this.#options.requestTimeoutMs
    return new Promise((resolve, reject) => {
      const timer = this.#host.clock.after(limitMs, () => {
        // What comes after it on this connection would wait for it, too.
        this.#end(
          new PeerError(
            'REQUEST_TIMEOUT',
            this.address,
            `${formatAddress(this.address)} has not answered ${name} within ${limitMs} ms`,
          ),
        )
        this.#socket.destroy()
      })
      const settle = (): void => timer.cancel()
      this.#pending.push({
        name,
        correlationId,
        memory,
        answer: (frame) => (settle(), resolve(frame)),
        fail: (error) => (settle(), reject(error)),
      })
    })
  }

  /** Answers that are waited for still come. */
  #expire(): void {
    this.#isExpiring = true
    if (this.#pending.length === 0) this.close()
  }

  async #authenticate(login: SaslLogin): Promise<void> {
    const timeoutMs = this.#options.connectTimeoutMs
    const lifetimeMs = await authenticate(login, this.address, (api, version, body) =>
      this.request(api, body, { version, timeoutMs }),
    )
    if (lifetimeMs <= 0 || this.#ended !== null) return
    const usedMs = Math.min(lifetimeMs * SESSION_SHARE, LONGEST_TIMER_MS)
    this.#sessionTimer = this.#host.clock.after(usedMs, () => this.#expire())
  }

  #answered(frame: Buffer): void {
    const pending = this.#pending.shift()
    if (pending === undefined || frame.length < 4) {
      return this.#end(notKafka(this.address, 'an answer that nobody asked for'))
    }
    const correlationId = frame.readInt32BE(0)
    if (correlationId === pending.correlationId) {
      this.#hadSaid = this.#apiVersions === null ? 'versions' : 'more'
      pending.answer(frame)
      if (this.#isExpiring && this.#pending.length === 0) this.close()
      return
    }
    const error = notKafka(
      this.address,
      `answer ${correlationId} in place of ${pending.correlationId}`,
    )
    pending.fail(error)
    this.#end(error)
  }

  #decode<R extends Shape>(api: Api<Shape, R>, version: number, frame: Buffer): Decoded<R> {
    const reader: Reader = new Reader(frame)
    try {
      codecOf(ResponseHeader, responseHeaderVersion(api, version)).read(reader)
      const value = codecOf(api.response, version).read(reader)
      if (reader.remaining > 0) reader.fail(`${reader.remaining} bytes too many`)
      return value
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      const wrong = notKafka(this.address, error.message, error)
      this.#end(wrong)
      throw wrong
    }
  }

  /** A broker that doesn't know our version answers in version 0, with the versions it does know (KIP-511). */
  async #negotiate(): Promise<ApiVersionsResponse> {
    const ask = async (version: number): Promise<{ version: number; frame: Buffer }> => {
      const id = this.#send(ApiVersions, version, SOFTWARE)
      const timeoutMs = this.#options.connectTimeoutMs
      const frame = await this.#receive('ApiVersions', id, { timeoutMs })
      const isRefused = frame.length >= 6 && frame.readInt16BE(4) === UNSUPPORTED_VERSION
      return { version: isRefused ? 0 : version, frame }
    }
    const [, latest] = ApiVersions.versions
    let { version, frame } = await ask(latest)
    let answer = this.#decode(ApiVersions, version, frame)
    if (answer.errorCode === 'UNSUPPORTED_VERSION') {
      const range = answer.apiKeys.find(({ apiKey }) => apiKey === ApiVersions.key)
      ;({ version, frame } = await ask(Math.min(range?.maxVersion ?? 0, latest)))
      answer = this.#decode(ApiVersions, version, frame)
    }
    if (answer.errorCode !== 'NONE') throw notKafka(this.address, answer.errorCode)
    return answer
  }

  #closedError(error: Error | undefined): PeerError {
    if (error !== undefined && isOfTls(error)) return tlsFailure(this.address, error)
    const where = formatAddress(this.address)
    const why = error === undefined ? '' : `: ${error.message}`
    // One that stops does so, too; and what TLS 1.3 has against a certificate may be lost on its way.
    const after =
      this.#hadSaid === 'handshake'
        ? ` after the handshake of TLS; where it always does, ${MAY_DEMAND}`
        : ''
    return new PeerError(
      'CONNECTION_CLOSED',
      this.address,
      `${where} closed the connection${after}${why}`,
      { cause: error, hadSaid: this.#hadSaid, isPeersEnd: isPeersEnd(error) },
    )
  }

  #end(error: PeerError): void {
    if (this.#ended !== null) return
    this.#ended = error
    this.#sessionTimer?.cancel()
    if (error.code === 'NOT_KAFKA') this.#socket.destroy()
    for (const pending of this.#pending.splice(0)) pending.fail(error)
  }
}

function notKafka(address: Address, what: string, cause?: unknown): PeerError {
  const message = `${formatAddress(address)} doesn't speak Kafka's protocol as expected: ${what}`
  return new PeerError('NOT_KAFKA', address, message, { cause })
}

/** The handshake of TLS over a socket that was just connected. Rejects with PeerError */
async function secured(
  { clock }: PeerHost,
  tls: PeerTls,
  socket: Socket,
  address: Address,
  timeoutMs: number,
): Promise<Socket> {
  let isLate = false
  const timer = clock.after(timeoutMs, () => {
    isLate = true
    socket.destroy()
  })
  try {
    return await tls.secure(socket, address)
  } catch (error) {
    socket.destroy()
    if (!isLate) throw error
    const message = `${formatAddress(address)} has not ended the handshake of TLS within ${timeoutMs} ms`
    throw new PeerError('CONNECT_TIMEOUT', address, message, { cause: error })
  } finally {
    timer.cancel()
  }
}

/** A connection over which nothing was said yet. Rejects with PeerError */
export function connectSocket(
  host: Pick<Host, 'clock' | 'network'>,
  address: Address,
  timeoutMs: number,
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    let isLate = false
    const late = (): void => {
      isLate = true
      const message = `${formatAddress(address)} could not be reached within ${timeoutMs} ms`
      reject(new PeerError('CONNECT_TIMEOUT', address, message))
    }
    // Where this process had no time to look, what came meanwhile counts.
    const timer = host.clock.after(timeoutMs, () => host.clock.endOfTurn(late))
    host.network.connect(address.host, address.port).then(
      (socket) => {
        timer.cancel()
        if (isLate) socket.destroy()
        else resolve(socket)
      },
      (error: NodeJS.ErrnoException) => {
        timer.cancel()
        reject(connectError(address, error))
      },
    )
  })
}

/** An attempt at one of the addresses that a name has. */
type Attempt = NodeJS.ErrnoException & { readonly address?: string }

function connectError(address: Address, cause: NodeJS.ErrnoException): PeerError {
  const where = formatAddress(address)
  // Where a name has several addresses, Node's error has one for each, and the code of the first.
  const attempts: readonly Attempt[] = (cause as { errors?: Attempt[] }).errors ?? [cause]
  const refused = attempts.filter((attempt) => attempt.code === 'ECONNREFUSED')
  const refusedBy = refused.flatMap((attempt) => attempt.address ?? [])
  if (refused.length > 0 && refused.length === attempts.length) {
    const message = `Nothing listens on ${where}`
    return new PeerError('CONNECTION_REFUSED', address, message, { cause, refusedBy })
  }
  const code = attempts.find((attempt) => attempt.code !== 'ECONNREFUSED')?.code
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    const message = `The name ${address.host} can't be resolved`
    return new PeerError('HOST_NOT_FOUND', address, message, { cause })
  }
  const message = `No connection to ${where}: ${cause.message || code}`
  const isPeersEnd = code === 'ECONNRESET'
  return new PeerError('CONNECT_FAILED', address, message, { cause, refusedBy, isPeersEnd })
}
