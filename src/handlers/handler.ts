import type { AnyApi, ListenerKind, VersionRange } from '../../protocol/schema.ts'
import type { Access } from './access.ts'
import type { Answered } from './answer.ts'
import type { RequestContext } from './context.ts'
import type { BrokerServices, ControllerServices, NodeServices } from './services.ts'

/**
 * How an API is answered. The answer must not change once it was given: it is encoded when it is sent. An error that is
 * thrown costs the connection, with a line in the log.
 */
export type AnswerTo<Request, Response, Services extends NodeServices = BrokerServices> = (
  request: Request,
  context: RequestContext<Services>,
) => Answered<Response>

/** `Services`: what it needs of those who serve the listeners that it is on; unless named, nobody knows. */
export interface Handler<Services extends NodeServices = never> {
  readonly api: AnyApi
  /** The versions that are served. */
  readonly versions: VersionRange
  /** The kinds of listeners that it is served on. */
  readonly listeners: readonly ListenerKind[]
  /** Who answers: a broker that isn't the active controller forwards to it what is the controller's. */
  readonly at: Place
  /** The versions that ApiVersions tells; more than are served where a client needs to see them. */
  readonly advertised: VersionRange
  /**
   * May start before earlier pipelined requests of the same connection were answered. Such a handler takes its place
   * (append, enqueue) before its first await.
   */
  readonly pipelined: boolean
  /** A client may send it before it has proved who it is. */
  readonly beforeAuthentication: boolean
  /** Keeps no reference into the request's bytes after it has answered, so their memory is reused. */
  readonly pooled: boolean
  /** What one request may cost once it is decoded, in bytes of memory; bounds the time that it takes, too. */
  readonly maxCostBytes: number
  /** What it demands of who asks. */
  readonly access: Access<object, object>
  readonly answer: AnswerTo<object, object, Services>
}

/**
 * Who answers an API: the broker that is asked, or the active controller; or both, where a broker judges first what only it
 * can, and has the controller do the rest.
 */
export type Place = 'broker' | 'controller' | 'both'

/** The part of an API that says what its requests are decoded to and what its responses are encoded from. */
interface Answerable {
  readonly versions: VersionRange
  readonly unstable: boolean
  readonly listeners: readonly ListenerKind[]
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

interface HandlerTraits<Request, Response> {
  readonly access: Access<Request, Response>
  readonly at?: Place
  readonly listeners?: readonly ListenerKind[]
  readonly advertised?: VersionRange
  readonly pipelined?: boolean
  readonly pooled?: boolean
  readonly beforeAuthentication?: boolean
  readonly maxCostBytes?: number
}

type TraitsOf<A extends Answerable> = HandlerTraits<
  A['request']['decoded'],
  A['response']['encoded']
>

interface Unanswered<A extends Answerable, Services extends NodeServices> {
  by(
    answer: AnswerTo<A['request']['decoded'], A['response']['encoded'], Services>,
  ): Handler<Services>
}

interface Handle {
  <A extends Answerable>(
    api: A,
    traits: TraitsOf<A> & { readonly at: 'controller' | 'both' },
  ): Unanswered<A, NodeServices>
  <A extends Answerable>(
    api: A,
    traits: TraitsOf<A> & { readonly listeners: readonly ['broker', 'controller'] },
  ): Unanswered<A, NodeServices>
  <A extends Answerable>(
    api: A,
    traits: TraitsOf<A> & { readonly listeners: readonly ['controller'] },
  ): Unanswered<A, ControllerServices>
  <A extends Answerable>(api: A, traits: TraitsOf<A>): Unanswered<A, BrokerServices>
}

/**
 * Declares how an API is answered: `handle(Heartbeat, { access }).by((request, { services: { groups } }) => ...)`. What is served is the API's
 * versions without an unstable last one; on brokers' listeners, and what the controller answers on its own, too. What is
 * served on listeners of both kinds sees only what is there on both.
 */
export const handle: Handle = declare as unknown as Handle

function declare<A extends Answerable>(
  api: A,
  {
    access,
    at = 'broker',
    listeners = at === 'broker' ? ['broker'] : api.listeners,
    advertised,
    pipelined = false,
    pooled = false,
    beforeAuthentication = false,
    maxCostBytes = MAX_COST_BYTES,
  }: TraitsOf<A>,
): Unanswered<A, BrokerServices> {
  const [first, last] = api.versions
  const versions: VersionRange = [first, api.unstable ? last - 1 : last]
  return {
    by: (answer) => ({
      api: api as unknown as AnyApi,
      versions,
      listeners,
      at,
      advertised: advertised ?? versions,
      pipelined,
      pooled,
      beforeAuthentication,
      maxCostBytes,
      access: access as unknown as Handler['access'],
      answer: answer as unknown as Handler<BrokerServices>['answer'],
    }),
  }
}
