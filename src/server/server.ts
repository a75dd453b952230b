import type { Host, Listener, Logger, Socket, Timer } from '../host/host.ts'
import type { ListenerContext } from '../handlers/context.ts'
import { Presence } from '../replication/fetch/presence.ts'
import { NOT_ASKED, type Authentication } from '../security/authentication.ts'
import type { ListenerSecurity } from '../security/listener-security.ts'
import { AUTHENTICATION_MS, SaslSession } from '../security/sasl/session.ts'
import type { ListenerTls } from '../security/tls/listener-tls.ts'
import { Answers } from './answers.ts'
import { Connection } from './connection.ts'
import type { ConnectionRates } from './connection-rates.ts'
import { FramePool } from './frame-pool.ts'
import { Handshakes } from './handshakes.ts'
import { RatedLog } from '../host/rated-log.ts'
import type { Pipeline } from './pipeline.ts'
import type { RequestMemory } from './request-memory.ts'
import { WaitingClient } from './waiting-client.ts'

/** Buffers of answered requests that are kept for the next ones. */
const MAX_IDLE_POOL_BYTES = 32 << 20

export interface ServerSettings {
  /** `socket.request.max.bytes` */
  readonly maxRequestBytes: number
  /** `max.connections`: a further client waits until another one leaves. */
  readonly maxConnections: number
  /** How many connections, waiting ones too, the process's limit of open files has room for. */
  readonly maxSockets: number
  /** `max.connections.per.ip` with its overrides: a further connection is closed at once. */
  readonly maxConnectionsOf: (address: string) => number
  /** `connections.max.idle.ms` */
  readonly maxIdleMs: number
}

export interface ListenerAddress {
  /** The listener's name: PLAINTEXT, INTERNAL, ... */
  readonly name: string
  readonly host: string
  /** 0 takes a free one. */
  readonly port: number
}

/** A listener, and who serves what comes by it. */
export interface ServedListener {
  readonly context: ListenerContext
  readonly pipeline: Pipeline
  readonly security: ListenerSecurity
}

/** In the clear, and open to everybody. */
const UNPROTECTED: ListenerSecurity = { tls: null, sasl: null }

/** Listens, keeps the connections and their limits. */
export class Server {
  readonly #host: Host
  readonly #log: Logger
  readonly #settings: ServerSettings
  readonly #pool = new FramePool(MAX_IDLE_POOL_BYTES)
  readonly #memory: RequestMemory
  readonly #answers: Answers
  readonly #faults: RatedLog
  readonly #listeners: Listener[] = []
  readonly #connections = new Set<Connection>()
  readonly #perAddress = new Map<string, number>()
  /** In the order in which they came. */
  readonly #waiting = new Set<WaitingClient>()
  readonly #handshakes: Handshakes
  readonly #rates: ConnectionRates | null
  #nextId = 1
  #isOpen = false
  #idleTimer: Timer | null = null
  #closing = false
  #onEmpty: (() => void) | null = null

  /** @param rates null: connections come as fast as they will */
  constructor(
    host: Host,
    settings: ServerSettings,
    memory: RequestMemory,
    rates: ConnectionRates | null = null,
  ) {
    this.#host = host
    this.#log = host.log.child({ part: 'server' })
    this.#settings = settings
    this.#memory = memory
    this.#rates = rates
    this.#answers = new Answers(host.clock)
    this.#faults = new RatedLog(this.#log, host.clock)
    this.#handshakes = new Handshakes(host.clock, this.#faults)
    this.#watchIdle()
  }

  get connectionCount(): number {
    return this.#connections.size
  }

  /**
   * Listens on one more address; returns the port, the real one where 0 was asked. Clients can connect from now on, and are
   * served after `open`: what the pipeline serves.
   */
  async listen(
    { name, host, port }: ListenerAddress,
    pipeline: Pipeline,
    security = UNPROTECTED,
  ): Promise<number> {
    const context: ListenerContext = {
      name,
      get apis() {
        return pipeline.apis
      },
      answerForwarded: (frame, connection) => pipeline.answerForwarded(frame, connection),
    }
    const served = { context, pipeline, security }
    const listener = await this.#host.network.listen(host, port, (socket) =>
      this.#accept(socket, served),
    )
    // Who closed it meanwhile did not know of this one.
    if (this.#closing) await listener.close()
    else this.#listeners.push(listener)
    return listener.port
  }

  /** Serves those who have connected, and all who will. */
  open(): void {
    this.#isOpen = true
    while (this.#waiting.size > 0 && this.#hasRoom()) this.#admitNext()
  }

  /** Accepts nothing more, lets requests in flight be answered for up to `graceMs`, then closes all connections. */
  async close(graceMs: number): Promise<void> {
    this.#closing = true
    this.#idleTimer?.cancel()
    const closed = this.#listeners.map((listener) => listener.close())
    this.#handshakes.close()
    this.#rates?.close()
    for (const { socket } of this.#waiting) socket.destroy()
    for (const connection of this.#connections) connection.drain()
    if (this.#connections.size > 0) {
      await new Promise<void>((resolve) => {
        const timer = this.#host.clock.after(graceMs, () => {
          for (const connection of this.#connections) connection.close()
        })
        this.#onEmpty = () => {
          timer.cancel()
          resolve()
        }
      })
    }
    await Promise.all(closed)
    this.#faults.close()
  }

  #accept(socket: Socket, listener: ServedListener): void {
    const address = socket.remoteAddress
    // Reset before it was accepted: bytes of nobody, whom no limit and no ACL would know.
    if (address === '') return socket.destroy()
    const held = (this.#rates?.size ?? 0) + this.#waiting.size + this.#handshakes.size
    const open = this.#connections.size + held
    if (open >= this.#settings.maxSockets) {
      const message = `Refused a connection: ${this.#settings.maxSockets} are open, and the limit of open files has no room for more. Raise it (ulimit -n)`
      this.#faults.warn('connections refused for open files', { client: address }, message)
      socket.destroy()
      return
    }
    if (this.#rates === null) return this.#welcome(socket, listener)
    this.#rates.admit(socket, listener.context.name, () => this.#welcome(socket, listener))
  }

  #welcome(socket: Socket, listener: ServedListener): void {
    const address = socket.remoteAddress
    const fromAddress = (this.#perAddress.get(address) ?? 0) + 1
    const limit = this.#settings.maxConnectionsOf(address)
    if (this.#closing || fromAddress > limit) {
      if (!this.#closing) {
        this.#faults.warn(
          'connections refused for max.connections.per.ip',
          { client: address },
          `Refused a connection: ${address} has ${limit} already (max.connections.per.ip)`,
        )
      }
      socket.destroy()
      return
    }
    this.#perAddress.set(address, fromAddress)
    const { tls } = listener.security
    if (tls === null) this.#admit(socket, listener, NOT_ASKED)
    else this.#shakeHands(socket, listener, tls)
  }

  #shakeHands(socket: Socket, listener: ServedListener, tls: ListenerTls): void {
    this.#handshakes.begin(socket, {
      tls,
      listener: listener.context.name,
      done: (client) =>
        this.#admit(client.socket, listener, { principal: client.principal, isPending: false }),
      failed: () => this.#forgetAddress(socket.remoteAddress),
    })
  }

  #admit(socket: Socket, listener: ServedListener, authentication: Authentication): void {
    if (this.#hasRoom()) this.#serve(socket, listener, authentication)
    else this.#wait(socket, listener, authentication)
  }

  /** [max.connections] Kafka accepts nothing more until somebody leaves; here the client waits. */
  #wait(socket: Socket, listener: ServedListener, authentication: Authentication): void {
    if (this.#isOpen) {
      const limit = this.#settings.maxConnections
      this.#faults.warn(
        'clients that wait for max.connections',
        { client: socket.remoteAddress },
        `A client waits: ${limit} are connected (max.connections)`,
      )
    }
    const nowMs = this.#host.clock.monotonic()
    const waiting = { socket, listener, authentication, sinceMs: nowMs }
    this.#waiting.add(new WaitingClient(waiting, (gone) => this.#left(gone)))
  }

  /** A client has gone before it was served. */
  #left(client: WaitingClient): void {
    if (this.#waiting.delete(client)) this.#forgetAddress(client.socket.remoteAddress)
  }

  #hasRoom(): boolean {
    return this.#isOpen && this.#connections.size < this.#settings.maxConnections
  }

  #admitNext(): void {
    const [next] = this.#waiting
    if (next === undefined || !this.#hasRoom()) return
    this.#waiting.delete(next)
    const connection = this.#serve(next.socket, next.listener, next.authentication)
    next.takeEarly((bytes) => connection.receive(bytes))
  }

  #serve(
    socket: Socket,
    { context, pipeline, security }: ServedListener,
    authentication: Authentication,
  ): Connection {
    const sasl =
      security.sasl === null
        ? null
        : new SaslSession(security.sasl, this.#host, () => this.#lateToAuthenticate(connection))
    const connection: Connection = new Connection({
      socket,
      context: {
        id: this.#nextId++,
        host: socket.remoteAddress,
        listener: context,
        presence: new Presence(() => this.#dismiss(connection)),
        authentication: sasl ?? authentication,
        sasl,
        end: () => connection.drain(),
        software: { name: 'unknown', version: 'unknown' },
      },
      clock: this.#host.clock,
      pipeline,
      answers: this.#answers,
      pool: this.#pool,
      memory: this.#memory,
      maxRequestBytes: this.#settings.maxRequestBytes,
      log: this.#log,
      faults: this.#faults,
      onClose: (closed) => this.#onClose(closed, socket.remoteAddress),
    })
    this.#connections.add(connection)
    return connection
  }

  #lateToAuthenticate(connection: Connection): void {
    const { host: client, listener } = connection.context
    this.#faults.warn(
      'clients that took too long to authenticate',
      { client, listener: listener.name },
      `Closing the connection: its client has not authenticated within ${AUTHENTICATION_MS / 1000} s`,
    )
    connection.close()
  }

  #dismiss(connection: Connection): void {
    this.#faults.warn(
      'connections closed for an answer that was not taken',
      { client: connection.context.host },
      'Closing the connection: its client takes nothing of an answer, and others wait for the memory',
    )
    connection.close()
  }

  #onClose(connection: Connection, address: string): void {
    this.#connections.delete(connection)
    connection.context.sasl?.close()
    this.#forgetAddress(address)
    this.#admitNext()
    if (this.#connections.size === 0) this.#onEmpty?.()
  }

  #forgetAddress(address: string): void {
    const left = (this.#perAddress.get(address) ?? 1) - 1
    if (left > 0) this.#perAddress.set(address, left)
    else this.#perAddress.delete(address)
  }

  /** [connections.max.idle.ms] */
  #watchIdle(): void {
    const { maxIdleMs } = this.#settings
    if (maxIdleMs <= 0) return
    this.#idleTimer = this.#host.clock.after(Math.max(maxIdleMs / 8, 100), () => {
      const nowMs = this.#host.clock.monotonic()
      for (const connection of this.#connections) {
        const since = connection.idleSince(nowMs)
        if (since !== null && since < nowMs - maxIdleMs) connection.close()
      }
      for (const { socket, sinceMs } of this.#waiting) {
        if (sinceMs < nowMs - maxIdleMs) socket.destroy()
      }
      this.#watchIdle()
    })
  }
}
