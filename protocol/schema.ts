import type { ErrorName } from './errors.ts'
import type { RecordBytes } from './wire/writer.ts'

/**
 * The language in which messages are declared. A declaration gives the TypeScript type (here), the codec of every
 * version (codec.ts), and the ApiVersions answer. One shape serves all versions, as in Kafka: what a version doesn't
 * have is filled with its default when decoded and left out when encoded.
 *
 * Fields are immutable values; the modifiers return changed copies, so a declaration reads as a sentence:
 * `string.nullable().default(null).since(3)`.
 */
export type ScalarKind =
  | 'bool'
  | 'int8'
  | 'int16'
  | 'uint16'
  | 'int32'
  | 'uint32'
  | 'int64'
  | 'saturatedInt64'
  | 'wideInt64'
  | 'bigInt64'
  | 'float64'
  | 'uuid'
  | 'string'
  | 'bytes'
  | 'records'
  | 'errorCode'

export type FieldType =
  | { readonly kind: ScalarKind }
  | { readonly kind: 'array'; readonly element: AnyField }
  | { readonly kind: 'struct'; readonly shape: Shape }

/** What a field is in which version; versions are inclusive. */
export interface FieldTraits {
  readonly type: FieldType
  readonly since: number
  readonly until: number
  readonly nullableSince: number
  readonly nullableUntil: number
  readonly tag: number | null
  /** Undefined: the type's own zero (0, '', false, [], a struct of defaults). */
  readonly fallback: unknown
  /** Written in the old form even in flexible versions (only the request header's client id). */
  readonly inflexible: boolean
}

/**
 * @typeParam Decoded what reading gives
 * @typeParam Encoded what writing takes
 * @typeParam Spare whether a writer may leave it out
 */
export class Field<Decoded, Encoded, Spare extends boolean> {
  declare readonly decoded: Decoded
  declare readonly encoded: Encoded
  declare readonly spare: Spare
  readonly traits: FieldTraits

  constructor(traits: FieldTraits) {
    this.traits = Object.freeze(traits)
    Object.freeze(this)
  }

  #with<D, E, S extends boolean>(change: Partial<FieldTraits>): Field<D, E, S> {
    return new Field<D, E, S>({ ...this.traits, ...change })
  }

  /** The first version that has the field. */
  since(version: number): Field<Decoded, Encoded, true> {
    return this.#with({ since: version })
  }

  /** The last version that has the field. */
  until(version: number): Field<Decoded, Encoded, true> {
    return this.#with({ until: version })
  }

  /** May be null, in all versions or in those from `since` to `until`. */
  nullable(since = 0, until = Infinity): Field<Decoded | null, Encoded | null, Spare> {
    return this.#with({ nullableSince: since, nullableUntil: until })
  }

  /** What a reader gets where the field is absent, and a writer need not say. */
  default(value: Decoded): Field<Decoded, Encoded, true> {
    return this.#with({ fallback: value })
  }

  /** A tagged field of flexible versions (KIP-482): absent on the wire while it has its default. */
  tagged(tag: number): Field<Decoded, Encoded, true> {
    return this.#with({ tag })
  }

  /** Without the compact encoding of flexible versions. */
  inflexible(): Field<Decoded, Encoded, Spare> {
    return this.#with({ inflexible: true })
  }
}

// The one place where a field's types are open: a container holds any kind of field.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type AnyField = Field<any, any, boolean>
export interface Shape {
  readonly [name: string]: AnyField
}

/** What reading a shape gives: every field, in every version. */
export type Decoded<S extends Shape> = { [K in keyof S as K]: S[K]['decoded'] }
/** What writing a shape takes: fields that have a default or are not in all versions may be left out. */
export type Encoded<S extends Shape> = {
  readonly [K in keyof S as S[K]['spare'] extends true ? never : K]: S[K]['encoded']
} & {
  readonly [K in keyof S as S[K]['spare'] extends true ? K : never]?: S[K]['encoded'] | undefined
}

function field<D, E = D>(type: FieldType): Field<D, E, false> {
  return new Field<D, E, false>({
    type,
    since: 0,
    until: Infinity,
    nullableSince: Infinity,
    nullableUntil: -1,
    tag: null,
    fallback: undefined,
    inflexible: false,
  })
}

export const bool = field<boolean>({ kind: 'bool' })
export const int8 = field<number>({ kind: 'int8' })
export const int16 = field<number>({ kind: 'int16' })
export const uint16 = field<number>({ kind: 'uint16' })
export const int32 = field<number>({ kind: 'int32' })
export const uint32 = field<number>({ kind: 'uint32' })
/** A 64-bit integer that is never beyond 2^53 in earnest (offsets, ids, sizes); one that is, is refused. */
export const int64 = field<number>({ kind: 'int64' })
/**
 * A 64-bit integer that a client chooses and that is only compared with what a broker has (an offset to read at): one beyond
 * 2^53 is read as the nearest number that is exact, which is above, or below, all that there is.
 */
export const saturatedInt64 = field<number, number | bigint>({ kind: 'saturatedInt64' })
/** A 64-bit integer that a client chooses and gets back: a number where that is exact, else a bigint. */
export const wideInt64 = field<number | bigint>({ kind: 'wideInt64' })
/** A 64-bit integer that may use all its bits: timestamps that clients choose. */
export const bigInt64 = field<bigint>({ kind: 'bigInt64' })
export const float64 = field<number>({ kind: 'float64' })
/** 16 bytes, as 22 characters of URL-safe base64. */
export const uuid = field<string>({ kind: 'uuid' })
export const string = field<string>({ kind: 'string' })
export const bytes = field<Buffer, Uint8Array>({ kind: 'bytes' })
/** Record batches: read as a view of the frame, written by reference. */
export const records = field<Buffer, RecordBytes>({ kind: 'records' })
/** An error's name in code, an int16 on the wire. */
export const errorCode = field<ErrorName>({ kind: 'errorCode' })
/** How long the client has to keep quiet, in milliseconds (KIP-219). Who answers leaves it out: the server says it. */
export const throttleTimeMs = int32.default(0)

export const ZERO_UUID = 'A'.repeat(22)

/** A structure of its own inside a message. */
export function struct<const S extends Shape>(shape: S): Field<Decoded<S>, Encoded<S>, false> {
  return field({ kind: 'struct', shape })
}

/** Elements of one kind: scalars (`array(int32)`) or structures (`array({ name: string })`). */
export function array<D, E>(element: Field<D, E, boolean>): Field<D[], readonly E[], false>
export function array<const S extends Shape>(
  shape: S,
): Field<Decoded<S>[], readonly Encoded<S>[], false>
export function array(of: AnyField | Shape): Field<unknown[], readonly unknown[], false> {
  return field({ kind: 'array', element: of instanceof Field ? of : struct(of) })
}

export type VersionRange = readonly [first: number, last: number]

/** A message: a shape with the versions in which it may be written. */
export class Message<S extends Shape> {
  /** What reading gives; only for the type. */
  declare readonly decoded: Decoded<S>
  /** What writing takes; only for the type. */
  declare readonly encoded: Encoded<S>
  readonly name: string
  readonly versions: VersionRange
  /** The first flexible version (KIP-482); Infinity when there is none. */
  readonly flexible: number
  readonly shape: S
  /** Its API key, or its record type in the log where it is stored; null where it has neither. */
  readonly key: number | null

  constructor(
    name: string,
    versions: VersionRange,
    flexible: number,
    shape: S,
    key: number | null = null,
  ) {
    this.key = key
    this.name = name
    this.versions = versions
    this.flexible = flexible
    this.shape = shape
    checkShape(this, shape, name)
  }
}

export type DecodedOf<M> = M extends Message<infer S> ? Decoded<S> : never
export type EncodedOf<M> = M extends Message<infer S> ? Encoded<S> : never

/** Declares a message that is not part of an API: a record's key or value, a header. */
export function message<const S extends Shape>(declaration: {
  key?: number
  name: string
  versions: VersionRange
  flexible?: number
  fields: S
}): Message<S> {
  const { key, name, versions, flexible = Infinity, fields } = declaration
  return new Message(name, versions, flexible, fields, key)
}

/** Finds slips of the pen when a declaration is loaded. */
function checkShape(
  owner: { versions: VersionRange; flexible: number },
  shape: Shape,
  path: string,
): void {
  const tags = new Set<number>()
  for (const [name, { traits }] of Object.entries(shape)) {
    const at = `${path}.${name}`
    if (traits.since > owner.versions[1] || traits.until < traits.since) {
      throw new Error(`${at} is in no version`)
    }
    if (traits.tag !== null) {
      if (Math.max(traits.since, owner.versions[0]) < owner.flexible) {
        throw new Error(`${at} is tagged in a version that is not flexible`)
      }
      if (tags.has(traits.tag)) throw new Error(`${at} repeats tag ${traits.tag}`)
      tags.add(traits.tag)
    }
    let type = traits.type
    while (type.kind === 'array') type = type.element.traits.type
    if (type.kind === 'struct') checkShape(owner, type.shape, at)
  }
}

export type ListenerKind = 'broker' | 'controller'

/** One API: the request and the response that share a key and versions. */
export interface Api<Request extends Shape, Response extends Shape> {
  readonly key: number
  readonly name: string
  readonly versions: VersionRange
  readonly flexible: number
  /** The last version is not final in Kafka 4.4.0: known to the codec, not to be advertised. */
  readonly unstable: boolean
  /** Where Kafka serves it: to clients, between controllers, or both. */
  readonly listeners: readonly ListenerKind[]
  readonly request: Message<Request>
  readonly response: Message<Response>
}
export type AnyApi = Api<Shape, Shape>

/** Declares an API. The files of protocol/messages are the examples. */
export function api<const Request extends Shape, const Response extends Shape>(declaration: {
  key: number
  name: string
  versions: VersionRange
  flexible?: number
  unstable?: boolean
  listeners?: readonly ListenerKind[]
  request: Request
  response: Response
}): Api<Request, Response> {
  const { key, name, versions, flexible = Infinity, unstable = false } = declaration
  return {
    key,
    name,
    versions,
    flexible,
    unstable,
    listeners: declaration.listeners ?? ['broker'],
    request: new Message(`${name}Request`, versions, flexible, declaration.request, key),
    response: new Message(`${name}Response`, versions, flexible, declaration.response, key),
  }
}

/** A decoded request: every field, whatever its version. */
export type RequestOf<A> = A extends Api<infer R, Shape> ? Decoded<R> : never
/** A response to encode: fields with defaults may be left out. */
export type ResponseOf<A> = A extends Api<Shape, infer R> ? Encoded<R> : never
/** A request to encode, as a client writes it. */
export type RequestToSend<A> = A extends Api<infer R, Shape> ? Encoded<R> : never
/** A decoded response, as a client reads it. */
export type ReceivedResponse<A> = A extends Api<Shape, infer R> ? Decoded<R> : never
