import type { AnyApi, VersionRange } from '../../protocol/schema.ts'
import type { Presence } from '../replication/fetch/presence.ts'
import type { Services } from './services.ts'

/** What a handler knows of the request besides its content. */
export interface RequestContext extends Services {
  readonly version: number
  readonly clientId: string
  readonly connection: ConnectionContext
  /**
   * To be called by a handler whose answer has more than what the request names, before it makes that: it counts against
   * what a request may cost, and costs the connection where that is too much.
   * @param costBytes the memory that it takes, about
   */
  spend(costBytes: number): void
  /** Calls back when the answer was sent, or never will be: what it refers to may be overwritten then. */
  afterSent(callback: () => void): void
}

/** What is known of a connection; lives as long as it. */
export interface ConnectionContext {
  /** Unique in the life of the process. */
  readonly id: number
  /** The client's address. */
  readonly host: string
  /** The listener it came in by: clients are told of the addresses on the same one. */
  readonly listenerName: string
  /** Whether the client is there; for those who wait on its behalf. */
  readonly presence: Presence
  /** KIP-511; 'unknown' until the client has said. */
  software: { name: string; version: string }
}

/** An answer; null sends nothing (acks=0); `closeConnection` ends the connection in place of an answer. */
export type Answer<Response> = Response | null | typeof closeConnection
export const closeConnection = Symbol('close the connection')

/**
 * An answer that comes later, at the moment it is given: a promise would bring it a few hops after that, and they cost
 * as much as a small request does.
 */
export class Later<Response> {
  #listener: AnswerListener<Response> | null = null
  /** What the listener is to be told, where it wasn't there yet. */
  #told: ((listener: AnswerListener<Response>) => void) | null = null

  /** To be called once; so is `fail` in its place. */
  give(answer: Answer<Response>): void {
    if (this.#listener === null) this.#told = (listener) => listener.given(answer)
    else this.#listener.given(answer)
  }

  fail(error: unknown): void {
    if (this.#listener === null) this.#told = (listener) => listener.failed(error)
    else this.#listener.failed(error)
  }

  /** Tells one listener, at once where the answer was given before. */
  tell(listener: AnswerListener<Response>): void {
    this.#listener = listener
    this.#told?.(listener)
  }
}

/** Who waits for an answer: one of these is called, once. */
export interface AnswerListener<Response> {
  given(answer: Answer<Response>): void
  failed(error: unknown): void
}

/**
 * How an API is answered. The answer must not change once it was given: it is encoded when it is sent. An error that is
 * thrown costs the connection, with a line in the log.
 */
export type AnswerTo<Request, Response> = (
  request: Request,
  context: RequestContext,
) => Answer<Response> | Promise<Answer<Response>> | Later<Response>

export interface Handler {
  readonly api: AnyApi
  /** The versions that are served. */
  readonly versions: VersionRange
  /** The versions that ApiVersions tells; more than are served where a client needs to see them. */
  readonly advertised: VersionRange
  /**
   * May start before earlier pipelined requests of the same connection were answered. Such a handler takes its place
   * (append, enqueue) before its first await.
   */
  readonly pipelined: boolean
  /** Keeps no reference into the request's bytes after it has answered, so their memory is reused. */
  readonly pooled: boolean
  /** What one request may cost once it is decoded, in bytes of memory; bounds the time that it takes, too. */
  readonly maxCostBytes: number
  readonly answer: AnswerTo<object, object>
}

/** The part of an API that says what its requests are decoded to and what its responses are encoded from. */
interface Answerable {
  readonly versions: VersionRange
  readonly unstable: boolean
  readonly request: { readonly decoded: object }
  readonly response: { readonly encoded: object }
}

/** Some 12,000 partitions in a Fetch, 20,000 names. All of them are decoded in one go. */
const MAX_COST_BYTES = 3584 << 10
/**
 * For requests that change many things at once, each of which takes far longer than to look at it: some 5,000 topics to
 * make, as many as Kafka's controller takes in one operation (10,000 records).
 */
export const MAX_CHANGES_COST_BYTES = 1536 << 10

interface HandlerTraits {
  readonly advertised?: VersionRange
  readonly pipelined?: boolean
  readonly pooled?: boolean
  readonly maxCostBytes?: number
}

/**
 * Declares how an API is answered: `handle(Heartbeat).by((request, { groups }) => ...)`. What is served is the API's
 * versions without an unstable last one.
 */
export function handle<A extends Answerable>(
  api: A,
  {
    advertised,
    pipelined = false,
    pooled = false,
    maxCostBytes = MAX_COST_BYTES,
  }: HandlerTraits = {},
): { by(answer: AnswerTo<A['request']['decoded'], A['response']['encoded']>): Handler } {
  const [first, last] = api.versions
  const versions: VersionRange = [first, api.unstable ? last - 1 : last]
  return {
    by: (answer) => ({
      api: api as unknown as AnyApi,
      versions,
      advertised: advertised ?? versions,
      pipelined,
      pooled,
      maxCostBytes,
      answer: answer as unknown as Handler['answer'],
    }),
  }
}
