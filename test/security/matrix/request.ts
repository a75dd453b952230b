import type { AnyApi, Api, Encoded, ListenerKind, Shape } from '../../../protocol/schema.ts'
import type { Own } from './rights.ts'

/** What a request is about. */
export interface Subject extends Own {
  readonly topicId: string
  /** Of the principal that asks. */
  readonly principal: string
  /** The secrets of a token that it has, and of one that its holder has. */
  readonly token: Buffer
  readonly holdersToken: Buffer
}

/** A request that each of the principals sends. */
export interface MatrixRequest {
  /** Unique. */
  readonly words: string
  readonly api: AnyApi
  readonly version: number
  readonly body: (subject: Subject) => Encoded<Shape>
  /** The listeners that it goes to, of those that it is served on. */
  readonly listeners: readonly ListenerKind[]
}

interface Options {
  /** What is asked for, where one API is asked for several things. */
  readonly of?: string
  readonly listeners?: readonly ListenerKind[]
}

/** A request, to all kinds of listeners that serve it unless told otherwise. */
export function asks<Q extends Shape, S extends Shape>(
  api: Api<Q, S>,
  version: number,
  body: (subject: Subject) => Encoded<Q>,
  { of, listeners = api.listeners }: Options = {},
): MatrixRequest {
  return {
    words: `${api.name} v${version}${of === undefined ? '' : ` ${of}`}`,
    api: api as unknown as AnyApi,
    version,
    body: body as MatrixRequest['body'],
    listeners,
  }
}
