import type { AnyField, Decoded, Encoded, FieldTraits, Message, Shape } from './schema.ts'
import { ZERO_UUID } from './schema.ts'
import { DecodeError, Reader } from './wire/reader.ts'
import { EncodeError, Writer } from './wire/writer.ts'

/** Reads and writes one message in one version. */
export interface Codec<D, E> {
  /** Reads from the reader's position; throws DecodeError. */
  read(reader: Reader): D
  /** Appends to the writer; throws EncodeError. */
  write(writer: Writer, value: E): void
  /** The same for a large value: it stops between elements wherever the writer's `turnEnd` is reached. */
  writeInTurns(writer: Writer, value: E): Generator<void, void, void>
}

/**
 * How int64 fields appear: as numbers, where values beyond 2^53 are refused (what a broker runs on), or all as bigint,
 * exactly (what the oracle's vectors are checked with; the inferred types don't say so).
 */
export type Int64Form = 'number' | 'bigint'

/** Those that are numbers in earnest. */
const INT64_KINDS: ReadonlySet<string> = new Set(['int64', 'saturatedInt64', 'wideInt64'])

type AnyCodec = Codec<unknown, unknown>
const cache = new WeakMap<object, Map<string, AnyCodec>>()

/**
 * The codec of a message in one version, derived from its declaration at the first use and kept.
 *
 * The derivation writes straight-line JavaScript for exactly that version and compiles it (`new Function`), as
 * every Produce and Fetch passes through it. Only declarations reach the source text, never a peer's bytes.
 */
export function codecOf<S extends Shape>(
  message: Message<S>,
  version: number,
  form: Int64Form = 'number',
): Codec<Decoded<S>, Encoded<S>> {
  let codecs = cache.get(message)
  if (codecs === undefined) cache.set(message, (codecs = new Map<string, AnyCodec>()))
  const key = `${version}${form}`
  let codec = codecs.get(key)
  if (codec === undefined) codecs.set(key, (codec = derive(message, version, form)))
  return codec as Codec<Decoded<S>, Encoded<S>>
}

/** Decodes a whole message; bytes left over are an error. */
export function decode<S extends Shape>(
  message: Message<S>,
  version: number,
  bytes: Buffer,
): Decoded<S> {
  const reader = new Reader(bytes)
  const value = codecOf(message, version).read(reader)
  if (reader.remaining > 0) reader.fail(`${reader.remaining} bytes too many after ${message.name}`)
  return value
}

/** Encodes a whole message into one buffer. */
export function encode<S extends Shape>(
  message: Message<S>,
  version: number,
  value: Encoded<S>,
): Buffer {
  const writer = new Writer()
  codecOf(message, version).write(writer, value)
  return writer.toBuffer()
}

function derive(message: Message<Shape>, version: number, form: Int64Form): AnyCodec {
  const [first, last] = message.versions
  if (!Number.isInteger(version) || version < first || version > last) {
    throw new RangeError(`${message.name} has versions ${first} to ${last}, not ${version}`)
  }
  const isFlexible = version >= message.flexible
  const deriver = new Deriver(version, isFlexible, form)
  const read = deriver.reader(message.shape, message.name)
  const write = deriver.writer(message.shape, message.name)
  const compiled = compile(deriver, `{ read: ${read}, write: ${write} }`) as AnyCodec
  let slow: AnyCodec['writeInTurns'] | undefined
  return {
    write: compiled.write,
    writeInTurns: (writer, value) => {
      if (slow === undefined) {
        const own = new Deriver(version, isFlexible, form)
        slow = compile(own, own.writerInTurns(message)) as AnyCodec['writeInTurns']
      }
      return slow(writer, value)
    },
    read: (reader) => {
      try {
        return compiled.read(reader)
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error
        throw new DecodeError(`${message.name} v${version}: ${error.message}`, { cause: error })
      }
    },
  }
}

function compile(deriver: Deriver, result: string): unknown {
  const source = `'use strict'\n${deriver.source()}\nreturn ${result}`
  return new Function('EncodeError', 'equals', source)(EncodeError, equals)
}

/** Whether a value equals its default; structures and arrays by content. */
function equals(left: unknown, right: unknown): boolean {
  if (left === right) return true
  if (left === null || right === null || typeof left !== 'object' || typeof right !== 'object')
    return false
  if (left instanceof Uint8Array)
    return right instanceof Uint8Array && Buffer.compare(left, right) === 0
  const keys = Object.keys(right)
  if (Array.isArray(left) && (!Array.isArray(right) || left.length !== right.length)) return false
  return keys.every((key) => {
    const value = (left as Record<string, unknown>)[key]
    return value === undefined || equals(value, (right as Record<string, unknown>)[key])
  })
}

/** The reader's and writer's methods for a scalar. The text ones differ in flexible versions and when null is allowed. */
function method(kind: string, flexible: boolean, nullable: boolean): string {
  if (kind !== 'string' && kind !== 'bytes' && kind !== 'records') return kind
  if (kind === 'string') {
    if (flexible) return nullable ? 'nullableCompactString' : 'compactString'
    return nullable ? 'nullableString' : 'string'
  }
  if (flexible) return nullable ? 'nullableCompactBytes' : 'compactBytes'
  return nullable ? 'nullablePlainBytes' : 'plainBytes'
}

/** Writes the functions of one (message, version): a reader and a writer for each structure in it. */
class Deriver {
  readonly #version: number
  readonly #flexible: boolean
  readonly #form: Int64Form
  readonly #functions: string[] = []
  #names = 0
  /** The writers stop between elements. */
  #inTurns = false

  constructor(version: number, flexible: boolean, form: Int64Form) {
    this.#version = version
    this.#flexible = flexible
    this.#form = form
  }

  source(): string {
    return this.#functions.join('\n')
  }

  #name(prefix: string): string {
    return `${prefix}${this.#names++}`
  }

  #present({ since, until }: FieldTraits): boolean {
    return this.#version >= since && this.#version <= until
  }

  #nullable({ nullableSince, nullableUntil }: FieldTraits): boolean {
    return this.#version >= nullableSince && this.#version <= nullableUntil
  }

  #scalar(kind: string): string {
    return INT64_KINDS.has(kind) && this.#form === 'bigint' ? 'bigInt64' : kind
  }

  /** The fields of a shape that this version has: those in the body, and the tagged ones by tag. */
  #split(shape: Shape): { body: [string, AnyField][]; tagged: [string, AnyField][] } {
    const present = Object.entries(shape).filter(([, field]) => this.#present(field.traits))
    return {
      body: present.filter(([, { traits }]) => traits.tag === null),
      tagged: present
        .filter(([, { traits }]) => traits.tag !== null)
        .sort(([, a], [, b]) => a.traits.tag! - b.traits.tag!),
    }
  }

  /** The default of a field as an expression. */
  #fallback({ traits }: AnyField): string {
    const { type, fallback } = traits
    if (fallback === null) return 'null'
    switch (type.kind) {
      case 'array':
        return '[]'
      case 'struct': {
        const fields = Object.entries(type.shape)
        return `{ ${fields.map(([name, field]) => `${name}: ${this.#fallback(field)}`).join(', ')} }`
      }
      case 'bool':
        return String(fallback ?? false)
      case 'string':
        return JSON.stringify(fallback ?? '')
      case 'uuid':
        return JSON.stringify(fallback ?? ZERO_UUID)
      case 'errorCode':
        return JSON.stringify(fallback ?? 'NONE')
      case 'bytes':
      case 'records':
        return 'Buffer.alloc(0)'
      case 'bigInt64':
        return `${String(fallback ?? 0)}n`
      case 'int64':
      case 'saturatedInt64':
      case 'wideInt64':
        return `${String(fallback ?? 0)}${this.#form === 'bigint' ? 'n' : ''}`
      default:
        return String(fallback ?? 0)
    }
  }

  /** Defines a function that reads a shape; returns its name. */
  reader(shape: Shape, path: string): string {
    const name = this.#name('read')
    const { body, tagged } = this.#split(shape)
    const lines: string[] = []
    for (const [key, field] of Object.entries(shape)) {
      const isBody = body.some(([bodyKey]) => bodyKey === key)
      if (!isBody) lines.push(`let _${key} = ${this.#fallback(field)}`)
    }
    for (const [key, field] of body) {
      lines.push(`const _${key} = ${this.#readExpression(field.traits, `${path}.${key}`, false)}`)
    }
    if (this.#flexible) {
      if (tagged.length === 0) lines.push('r.skipTags()')
      else lines.push(...this.#readTags(tagged, path))
    }
    const fields = Object.keys(shape).map((key) => `${key}: _${key}`)
    lines.push(`return { ${fields.join(', ')} }`)
    this.#functions.push(`function ${name}(r) {\n${lines.join('\n')}\n}`)
    return name
  }

  #readTags(tagged: [string, AnyField][], path: string): string[] {
    const cases = tagged.map(
      ([key, { traits }]) =>
        `case ${traits.tag}: { const end = r.enter(size)
        _${key} = ${this.#readExpression(traits, `${path}.${key}`, true)}
        r.leave(end); break }`,
    )
    return [
      `for (let count = r.tagCount(); count > 0; count--) {
        const tag = r.uvarint(), size = r.uvarint()
        switch (tag) { ${cases.join('\n')}
        default: r.skip(size) } }`,
    ]
  }

  #readExpression(traits: FieldTraits, path: string, inTag: boolean): string {
    const { type } = traits
    const nullable = this.#nullable(traits)
    const flexible = this.#flexible && !traits.inflexible
    if (type.kind === 'array') return `${this.#arrayReader(type.element, path, nullable)}(r)`
    if (type.kind === 'struct') {
      const read = `${this.reader(type.shape, path)}(r)`
      if (!nullable) return read
      // A nullable structure is preceded by a mark: an int8 of -1 or 1; inside a tagged field a varint of 0 or 1.
      return inTag ? `r.uvarint() === 0 ? null : ${read}` : `r.int8() < 0 ? null : ${read}`
    }
    return `r.${method(this.#scalar(type.kind), flexible, nullable)}()`
  }

  #arrayReader(element: AnyField, path: string, nullable: boolean): string {
    const item = this.#readExpression(element.traits, path, false)
    const name = this.#name('readArray')
    const whenNull = nullable ? 'return null' : `r.fail('null in place of the array ${path}')`
    this.#functions.push(`function ${name}(r) {
      const count = r.${this.#flexible ? 'compactArrayLength' : 'arrayLength'}(${elementCost(element)})
      if (count < 0) ${whenNull}
      if (count === 1) return [${item}]
      const items = []
      for (let i = 0; i < count; i++) items.push(${item})
      return items }`)
    return name
  }

  /** Defines the writer of a message that stops between elements; returns its name. */
  writerInTurns({ shape, name }: Message<Shape>): string {
    this.#inTurns = true
    return this.writer(shape, name)
  }

  /** Defines a function that writes a shape; returns its name. */
  writer(shape: Shape, path: string): string {
    const name = this.#name('write')
    const { body, tagged } = this.#split(shape)
    const lines = body.map(([key, field]) => {
      const spare =
        field.traits.since > 0 ||
        field.traits.until < Infinity ||
        field.traits.fallback !== undefined
      const value = spare
        ? `m.${key} === undefined ? ${this.#fallback(field)} : m.${key}`
        : `m.${key}`
      return `{ const v = ${value}
        ${this.#writeStatement(field.traits, 'v', `${path}.${key}`, false)} }`
    })
    if (this.#flexible) {
      if (tagged.length === 0) lines.push('w.uvarint(0)')
      else lines.push(...this.#writeTags(tagged, path))
    }
    const star = this.#inTurns ? '*' : ''
    this.#functions.push(`function${star} ${name}(w, m) {\n${lines.join('\n')}\n}`)
    return name
  }

  /** Where there is nothing in it to stop between, it is written in one go: a generator for each partition takes as long as all else. */
  #structWriter(shape: Shape, path: string, value: string): string {
    const isPaused = this.#inTurns
    this.#inTurns = isPaused && !isSmall(shape)
    const call = this.#inTurns ? 'yield* ' : ''
    const write = this.writer(shape, path)
    this.#inTurns = isPaused
    return `${call}${write}(w, ${value})`
  }

  #writeTags(tagged: [string, AnyField][], path: string): string[] {
    const lines = tagged.map(([key, field]) => {
      const differs = this.#differs(field, `m.${key}`)
      return `const has_${key} = m.${key} !== undefined && ${differs}`
    })
    lines.push(`w.uvarint(${tagged.map(([key]) => `(has_${key} ? 1 : 0)`).join(' + ')})`)
    // The size of a tagged field is put before it afterwards, so it is written in one go.
    const inTurns = this.#inTurns
    this.#inTurns = false
    for (const [key, { traits }] of tagged) {
      lines.push(`if (has_${key}) { w.uvarint(${traits.tag})
        const begin = w.size
        ${this.#writeStatement(traits, `m.${key}`, `${path}.${key}`, true)}
        w.insertSize(begin) }`)
    }
    this.#inTurns = inTurns
    return lines
  }

  #differs(field: AnyField, value: string): string {
    const { type, fallback } = field.traits
    if (fallback === null) return `${value} !== null`
    if (type.kind === 'array') return `(${value} === null || ${value}.length > 0)`
    if (type.kind === 'struct' || type.kind === 'bytes')
      return `!equals(${value}, ${this.#fallback(field)})`
    return `${value} !== ${this.#fallback(field)}`
  }

  #writeStatement(traits: FieldTraits, value: string, path: string, inTag: boolean): string {
    const { type } = traits
    const nullable = this.#nullable(traits)
    const flexible = this.#flexible && !traits.inflexible
    const refuse = `if (${value} == null) throw new EncodeError('${path} must have a value in version ${this.#version}')`
    if (type.kind === 'array') {
      const item = this.#writeStatement(type.element.traits, 'item', `${path}[]`, false)
      const pause = this.#inTurns ? '; if (w.size >= w.turnEnd) yield' : ''
      const all = `for (const item of ${value}) { ${item}${pause} }`
      const count = (of: string) => (this.#flexible ? `w.uvarint(${of} + 1)` : `w.int32(${of})`)
      const whole = `${count(`${value}.length`)}; ${all}`
      return nullable
        ? `if (${value} === null) ${count('-1')}\nelse { ${whole} }`
        : `${refuse}\n${whole}`
    }
    if (type.kind === 'struct') {
      const write = this.#structWriter(type.shape, path, value)
      if (!nullable) return `${refuse}\n${write}`
      const mark = inTag ? 'uvarint' : 'int8'
      return `if (${value} === null) w.${mark}(${inTag ? 0 : -1})\nelse { w.${mark}(1); ${write} }`
    }
    if (type.kind === 'records') {
      return `${nullable ? '' : `${refuse}\n`}w.${flexible ? 'compactRecords' : 'plainRecords'}(${value})`
    }
    return `${nullable ? '' : `${refuse}\n`}w.${method(this.#scalar(type.kind), flexible, nullable)}(${value})`
  }
}

/** Whether a structure has no arrays but of numbers. */
function isSmall(shape: Shape): boolean {
  return Object.values(shape).every(({ traits: { type } }) => {
    if (type.kind === 'struct') return isSmall(type.shape)
    return type.kind !== 'array' || /^u?int/.test(type.element.traits.type.kind)
  })
}

/** Memory in bytes, about as V8 takes it: an object, each of its fields, what a field refers to. */
const OBJECT_BYTES = 32
const SLOT_BYTES = 8
const REFERRED_BYTES: Readonly<Record<string, number>> = {
  bigInt64: 24,
  float64: 16,
  int64: 16,
  uuid: 48,
  string: 32,
  bytes: 96,
  records: 96,
  array: 32,
}
/** Whatever a message has many of, its receiver makes something of each: an entry of an answer, at the least. */
const ANSWERED_BYTES = 128

/**
 * What an element of an array costs whoever receives it, in bytes of memory: an estimate from its declaration. What its
 * own arrays hold is not in it.
 */
function elementCost(element: AnyField): number {
  return ANSWERED_BYTES + SLOT_BYTES + referredBytes(element)
}

function referredBytes({ traits: { type } }: AnyField): number {
  if (type.kind !== 'struct') return REFERRED_BYTES[type.kind] ?? 0
  let bytes = OBJECT_BYTES
  for (const field of Object.values(type.shape)) bytes += SLOT_BYTES + referredBytes(field)
  return bytes
}
