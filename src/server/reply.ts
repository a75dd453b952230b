import { Writer } from '../../protocol/wire/writer.ts'
import { type closeConnection, hangUp, isAnswer } from '../handlers/answer.ts'
import type { Answer, AnswerListener } from '../handlers/answer.ts'
import type { Clock } from '../host/host.ts'
import { failure } from './outcome.ts'
import type { ConnectionFault, Outcome, Requester } from './outcome.ts'
import type { Context } from './request-context.ts'
import type { Route } from './routes.ts'
import { addTime, throttled, throttleTimeMs } from './throttle.ts'

/** What costs more is encoded in turns of the event loop. */
const LARGE_COST_BYTES = 512 << 10
/** Of such an answer so much is encoded in a turn. */
export const TURN_BYTES = 64 << 10
/** The last element of a piece passes its end. */
const PIECE_BYTES = TURN_BYTES + (64 << 10)
/** No answer is larger: what waits to be sent is memory that a client holds. */
export const MAX_ANSWER_BYTES = 100 << 20

/** A request that is being answered, and then its answer. */
export class Reply implements AnswerListener<object> {
  readonly correlationId: number
  readonly #route: Route
  readonly #context: Context
  readonly #requester: Requester
  #answer: object | null = null
  /** The whole frame, where it was encoded before. */
  #encoded: Uint8Array[] | null = null

  constructor(route: Route, correlationId: number, context: Context, requester: Requester) {
    this.correlationId = correlationId
    this.#route = route
    this.#context = context
    this.#requester = requester
  }

  given(answer: Answer<object>): void {
    if (!isAnswer(answer)) {
      if (answer !== null) return this.#end(this.#faultOf(answer))
      this.#throttle(null)
      return this.#end(null)
    }
    this.#answer = throttled(answer, this.#throttle(answer))
    this.#observe(null)
    const { costBytes, services } = this.#context
    if (costBytes > LARGE_COST_BYTES) this.#encodeInTurns(services.clock)
    else this.#requester.settle(this)
  }

  /** For how long the client has to keep quiet; its connection does from now on. */
  #throttle(answer: object | null): number {
    const { quotas } = this.#route.stages
    if (quotas?.isActive !== true && this.#context.throttleTimeMs === 0) return 0
    const ms =
      quotas === null
        ? this.#context.throttleTimeMs
        : throttleTimeMs(quotas, this.#route, this.#context, answer)
    if (ms > 0) this.#requester.mute?.(ms)
    return ms
  }

  /** Whether the time that it takes is counted. */
  get isTimed(): boolean {
    return this.#context.isTimed
  }

  /** The event loop has been busy for so many milliseconds with what comes after the answer. */
  spent(ms: number): void {
    const { quotas } = this.#route.stages
    if (quotas !== null) addTime(quotas, this.#context, ms)
  }

  /** Encodes a large answer before its place in the row of the connection has come, a piece in each turn. */
  #encodeInTurns(clock: Clock): void {
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
      const begunMs = this.isTimed ? clock.monotonic() : 0
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
      } finally {
        if (this.isTimed) this.spent(clock.monotonic() - begunMs)
      }
      end(this)
    }
    writer.int32(0)
    responseHeader.write(writer, this)
    // What made the answer has had its turn.
    clock.endOfTurn(goOn)
  }

  failed(cause: unknown): void {
    this.#end(failure(this.#route.name, cause))
  }

  #faultOf(why: typeof closeConnection | typeof hangUp): ConnectionFault {
    const { name } = this.#route
    return why === hangUp
      ? { fault: `${name} is not answered any more`, isKnown: true }
      : { fault: `${name} failed and has no answer` }
  }

  /** Without an answer. */
  #end(outcome: ConnectionFault | null): void {
    this.#observe(outcome)
    this.#requester.settle(outcome)
  }

  #observe(fault: ConnectionFault | null): void {
    const { api, stages } = this.#route
    if (stages.observer === null) return
    stages.observer.observe({
      api,
      context: this.#context,
      correlationId: this.correlationId,
      elapsedMs: this.#context.services.clock.monotonic() - this.#context.startedMs,
      answer: this.#answer,
      fault,
    })
  }

  /** Null where there is none, or it was large and is encoded. */
  get answer(): object | null {
    return this.#answer
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
