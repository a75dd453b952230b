import type { Clock, Logger, Socket, Timer } from '../host/host.ts'
import { isPeersEnd } from '../host/peers-end.ts'
import type { ConnectionContext } from '../handlers/context.ts'
import type { Writer } from '../../protocol/wire/writer.ts'
import type { Answers } from './answers.ts'
import type { Frame } from './frame-reader.ts'
import { FrameReader, FrameSizeError } from './frame-reader.ts'
import type { FramePool } from './frame-pool.ts'
import type { ConnectionFault, Outcome, Requester } from './outcome.ts'
import type { Pipeline } from './pipeline.ts'
import { Reply } from './reply.ts'
import type { RatedLog } from '../host/rated-log.ts'
import type { RequestMemory } from './request-memory.ts'
import type { Leaving } from '../replication/fetch/presence.ts'

/** Requests of one connection that wait or are being answered may hold this much before it is read no further. */
const MAX_UNANSWERED_BYTES = 8 << 20
/** Likewise for their number: small requests cost more than their bytes. */
const MAX_UNANSWERED_REQUESTS = 64
/** Of a client that has yet to say who it is; each waits for the one before. */
const MAX_UNAUTHENTICATED = 2
const BAD_REQUEST = 'connections closed for a request that is not served'

export interface ConnectionOptions {
  readonly clock: Pick<Clock, 'after' | 'monotonic'>
  readonly socket: Socket
  readonly context: ConnectionContext
  readonly pipeline: Pipeline
  readonly answers: Answers
  readonly pool: FramePool
  readonly memory: RequestMemory
  readonly maxRequestBytes: number
  readonly log: Logger
  /** For what clients do wrong. */
  readonly faults: RatedLog
  readonly onClose: (connection: Connection) => void
}

/** A request that has started; its place in the row is the place of its answer. */
class Started implements Requester {
  readonly frame: Frame
  readonly pipelined: boolean
  outcome: Outcome | undefined = undefined
  readonly #onSettled: (outcome: Outcome) => void
  readonly #onMute: (ms: number) => void

  constructor(
    frame: Frame,
    pipelined: boolean,
    onSettled: (outcome: Outcome) => void,
    onMute: (ms: number) => void,
  ) {
    this.frame = frame
    this.pipelined = pipelined
    this.#onSettled = onSettled
    this.#onMute = onMute
  }

  mute(ms: number): void {
    this.#onMute(ms)
  }

  settle(outcome: Outcome): void {
    this.outcome = outcome
    this.#onSettled(outcome)
  }
}

/**
 * One client. Requests start in the order in which they came, each when the one before was answered, unless both are
 * pipelined; answers leave in the same order, those of one task of the event loop with one write. Where the client doesn't
 * read its answers, or too much is unanswered, its requests are not read either.
 */
export class Connection {
  readonly context: ConnectionContext
  readonly #options: ConnectionOptions
  readonly #reader: FrameReader
  readonly #waiting: Frame[] = []
  readonly #started: Started[] = []
  #unansweredBytes = 0
  #paused = false
  #outputFull = false
  #draining = false
  /** The connection will be closed for a fault, when what came before it was answered; nothing that follows is started. */
  #hasFault = false
  /** The connection is being closed for a fault; nothing that follows it is looked at. */
  #isBroken = false
  #closed = false
  /** The connection was given up here: its end says nothing of its client. */
  #isGivenUp = false
  /** The answers of this task are going to be sent. */
  #willSend = false
  readonly #onSettled = (outcome: Outcome): void => this.#settled(outcome)
  readonly #onMute = (ms: number): void => this.#mute(ms)
  /** [KIP-219] Its client has to keep quiet until then. */
  #muted: Timer | null = null
  #mutedUntilMs = -Infinity
  /** Something came in or went out since `idleSince` was last asked: the clock is not asked for each request. */
  #wasActive = true
  #lastActiveMs = -Infinity

  constructor(options: ConnectionOptions) {
    this.#options = options
    this.context = options.context
    const { context, maxRequestBytes } = options
    this.#reader = new FrameReader(options.pool, {
      get maxBytes() {
        const limit = context.authentication.isPending ? context.sasl?.maxReceiveBytes : undefined
        return Math.min(limit ?? maxRequestBytes, maxRequestBytes)
      },
      get maxBytesSetting() {
        const { isPending } = context.authentication
        return isPending ? 'sasl.server.max.receive.size' : 'socket.request.max.bytes'
      },
      pooled: (apiKey) => options.pipeline.isPooled(apiKey),
    })
    options.socket.attach({
      data: (bytes) => this.receive(bytes),
      drain: () => this.#onDrain(),
      close: (error) => this.#onClose(error),
    })
  }

  /**
   * When something last came in or went out, as far as that was asked before; asked from time to time, it is late by no
   * more than the time between. A connection with an unanswered request is never idle: null.
   */
  idleSince(nowMs: number): number | null {
    if (this.#wasActive) this.#lastActiveMs = nowMs
    this.#wasActive = false
    return this.#started.length > 0 && !this.#paused ? null : this.#lastActiveMs
  }

  /** Starts nothing more, answers what has started, then closes. */
  drain(): void {
    this.#draining = true
    this.#options.socket.pause()
    if (this.#started.length === 0) this.#options.socket.end()
  }

  close(): void {
    this.#isGivenUp = true
    this.#options.socket.destroy()
  }

  /** Takes bytes of the client in; they are only looked at during the call. */
  receive(bytes: Buffer): void {
    if (this.#isOver()) return
    this.#wasActive = true
    try {
      this.#reader.feed(bytes, (frame) => this.#onFrame(frame))
    } catch (error) {
      if (!(error instanceof FrameSizeError)) throw error
      this.#fail({ fault: error.message })
      return
    }
    this.#updateReading()
  }

  #onFrame(frame: Frame): void {
    this.#waiting.push(frame)
    this.#unansweredBytes += frame.bytes.length
    if (this.#muted === null) this.#options.memory.add(frame.bytes.length)
    this.#startWaiting()
  }

  #startWaiting(): void {
    while (this.#waiting.length > 0 && this.#mayStart()) {
      const frame = this.#waiting[0]!
      const isToken = this.context.sasl?.isRaw === true
      const pipelined =
        !isToken && frame.bytes.length >= 8 && this.#options.pipeline.isPipelined(frame.bytes)
      const before = this.#started.at(-1)
      if (before !== undefined && !(pipelined && before.pipelined)) return
      this.#waiting.shift()
      this.#start(frame, pipelined)
    }
  }

  #mayStart(): boolean {
    if (this.#muted !== null) return false
    return !this.#outputFull && !this.#draining && !this.#hasFault && !this.#isOver()
  }

  #start(frame: Frame, pipelined: boolean): void {
    const started = new Started(frame, pipelined, this.#onSettled, this.#onMute)
    this.#started.push(started)
    this.#options.pipeline.start(frame.bytes, this.context, started)
  }

  /**
   * Starts and reads nothing for so long; what has started is answered, and its answers are sent. What waits here meanwhile
   * doesn't count in the memory for all requests: one client's quota would hold up the others.
   */
  #mute(ms: number): void {
    const { clock } = this.#options
    const untilMs = clock.monotonic() + ms
    if (untilMs <= this.#mutedUntilMs || this.#isOver()) return
    this.#mutedUntilMs = untilMs
    const wasMuted = this.#muted !== null
    this.#muted?.cancel()
    this.#muted = clock.after(ms, () => {
      this.#endMute()
      this.#startWaiting()
      this.#updateReading()
    })
    if (!wasMuted) this.#options.memory.remove(this.#waitingBytes())
    this.#updateReading()
  }

  #endMute(): void {
    if (this.#muted === null) return
    this.#muted.cancel()
    this.#muted = null
    this.#options.memory.add(this.#waitingBytes())
  }

  #waitingBytes(): number {
    return this.#waiting.reduce((sum, { bytes }) => sum + bytes.length, 0)
  }

  #settled(outcome: Outcome): void {
    if (outcome !== null && !(outcome instanceof Reply)) this.#hasFault = true
    if (this.#willSend || this.#started[0]?.outcome === undefined) return
    this.#willSend = true
    this.#options.answers.add(this)
  }

  /** Sends the answers whose turn it is, then starts what has waited for them. */
  sendAnswers(): void {
    this.#willSend = false
    const { answers, socket, clock } = this.#options
    const writer = answers.writer()
    let awaited: Reply[] | null = null
    let fault: ConnectionFault | null = null
    let isCut = false
    let timed: Reply | null = null
    let begunMs = 0
    for (let first = this.#started[0]; first?.outcome !== undefined; first = this.#started[0]) {
      this.#started.shift()
      const { outcome } = first
      if (!(outcome instanceof Reply)) fault ??= outcome
      else {
        if (outcome.isAwaited) (awaited ??= []).push(outcome)
        if (timed === null && outcome.isTimed) {
          timed = outcome
          begunMs = clock.monotonic()
        }
        if (fault === null && !this.#isOver()) {
          fault = outcome.writeTo(writer)
          isCut = fault !== null
        }
      }
      this.#release(first.frame)
    }
    if (!isCut && writer.size > 0) this.#write(writer, awaited)
    else if (awaited !== null) sent(awaited)
    // All of them are one client's, nearly always.
    timed?.spent(clock.monotonic() - begunMs)
    if (fault !== null && !this.#isOver()) this.#fail(fault)
    if (this.#draining && this.#started.length === 0) socket.end()
    this.#startWaiting()
    this.#updateReading()
  }

  #isOver(): boolean {
    return this.#closed || this.#isBroken
  }

  #write(writer: Writer, awaited: readonly Reply[] | null): void {
    const { socket, answers } = this.#options
    this.#wasActive = true
    const isHeld = awaited !== null && writer.hasReferences
    const hasRoom = socket.write(writer.chunks(), isHeld ? () => sent(awaited) : undefined)
    if (!hasRoom) this.#outputFull = true
    if (awaited !== null && !isHeld) sent(awaited)
    if (socket.unsentBytes > 0) answers.keep(writer)
  }

  /** Nothing of the request is needed any more. */
  #release(frame: Frame): void {
    this.#unansweredBytes -= frame.bytes.length
    this.#options.memory.remove(frame.bytes.length)
    frame.release()
  }

  #onDrain(): void {
    this.#wasActive = true
    this.#outputFull = false
    this.#startWaiting()
    this.#updateReading()
  }

  get #mostUnanswered(): number {
    return this.context.authentication.isPending ? MAX_UNAUTHENTICATED : MAX_UNANSWERED_REQUESTS
  }

  /** Reads on, or not; called after everything that changes what is unanswered. */
  #updateReading(): void {
    if (this.#closed || this.#draining) return
    const unanswered = this.#started.length + this.#waiting.length
    const full =
      this.#muted !== null ||
      this.#outputFull ||
      this.#unansweredBytes > MAX_UNANSWERED_BYTES ||
      unanswered >= this.#mostUnanswered ||
      this.#options.memory.isFull(this)
    if (full === this.#paused) return
    this.#paused = full
    if (full) this.#options.socket.pause()
    else this.#options.socket.resume()
  }

  /** The memory for all requests has room again. */
  memoryAvailable(): void {
    this.#updateReading()
  }

  #fail({ fault, cause, isKnown = false }: ConnectionFault): void {
    this.#isBroken = true
    const { faults, context, socket } = this.#options
    if (isKnown) return socket.destroy()
    const fields = { connection: context.id, client: context.host, software: context.software }
    if (cause === undefined) faults.warn(BAD_REQUEST, fields, `Closing the connection: ${fault}`)
    // Bugs of ours are told apart, by API and version.
    else faults.error(fault, { ...fields, err: cause }, `Closing the connection: ${fault}`)
    socket.destroy()
  }

  #onClose(error: Error | undefined): void {
    this.#closed = true
    this.#endMute()
    if (error !== undefined) {
      this.#options.log.debug({ connection: this.context.id, err: error }, 'The connection broke')
    }
    this.#reader.abandon()
    for (const frame of this.#waiting.splice(0)) this.#release(frame)
    this.context.presence.leave(this.#leavingBy(error))
    this.#options.onClose(this)
  }

  #leavingBy(error: Error | undefined): Leaving {
    if (this.#isGivenUp || this.#draining || this.#isBroken) return 'lost'
    return isPeersEnd(error) ? 'ended' : 'lost'
  }
}

function sent(replies: readonly Reply[]): void {
  for (const reply of replies) reply.sent()
}
