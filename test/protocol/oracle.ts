import fs from 'node:fs'
import path from 'node:path'
import { gunzipSync } from 'node:zlib'
import { errorName } from '../../protocol/errors.ts'
import type { ErrorName } from '../../protocol/errors.ts'
import type { Int64Form } from '../../protocol/codec.ts'
import type { AnyField, Message, Shape } from '../../protocol/schema.ts'
import { ZERO_UUID } from '../../protocol/schema.ts'

/** The oracle: bytes that Apache Kafka's own classes wrote, with what they mean in JSON. */
export interface Vector {
  readonly message: string
  readonly kind: string
  readonly version: number
  readonly case: string
  readonly json: Json
  readonly unknownTaggedFields?: readonly unknown[]
  readonly prefixHex?: string
  readonly hex: string
}
export type Json = { readonly [name: string]: unknown }

export interface ApiEntry {
  readonly apiKey: number
  readonly name: string
  readonly removed: boolean
  readonly listeners: readonly string[]
  /** A broker may take it to the controller in an Envelope; undefined where the API is no more. */
  readonly forwardable?: boolean
  readonly lowestVersion: number
  readonly highestVersion: number
  readonly latestVersionUnstable: boolean
  readonly requestFlexibleSince: number | null
  readonly responseFlexibleSince: number | null
  readonly requestHeaderVersion: Readonly<Record<string, number>>
  readonly responseHeaderVersion: Readonly<Record<string, number>>
}

export interface Manifest {
  readonly seed: number
  readonly totals: {
    readonly all: {
      readonly messages: number
      readonly messageVersions: number
      readonly vectors: number
    }
  }
  readonly messages: Readonly<
    Record<
      string,
      {
        readonly kind: string
        /** Absent where there is none. */
        readonly apiKey?: number
        readonly lowestVersion: number
        readonly highestVersion: number
        readonly flexibleSince: number | null
        readonly vectors: number
      }
    >
  >
}

/** The project's own copy, or the folder that PROTOCOL_VECTORS names. */
const folder =
  process.env['PROTOCOL_VECTORS'] ?? path.join(process.cwd(), 'test', 'fixtures', 'vectors')

function readText(name: string): string {
  const file = path.join(folder, name)
  if (name.endsWith('.gz')) return gunzipSync(fs.readFileSync(file)).toString('utf8')
  return fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : readText(`${name}.gz`)
}

export function readManifest(): Manifest {
  return JSON.parse(readText('manifest.json')) as Manifest
}

export function readApis(): ApiEntry[] {
  return JSON.parse(readText('apis.json')) as ApiEntry[]
}

/** Integers that a number can't hold, and neighbours; they become strings before JSON.parse would round them. */
const LONG_INTEGER = /("[^"\\]*(?:\\.[^"\\]*)*")|(?<![\d.])-?\d{16,}(?![\d.eE])/g

/** All vectors by message; record batches have a test of their own. */
export function readVectors(): Map<string, Vector[]> {
  const vectors = new Map<string, Vector[]>()
  const files = fs
    .readdirSync(folder)
    .filter((name) => /\.jsonl(\.gz)?$/.test(name) && !name.startsWith('record-batches'))
  for (const name of files) {
    for (const line of readText(name).split('\n')) {
      if (line === '') continue
      const exact = line.replace(LONG_INTEGER, (match, text?: string) => text ?? `"${match}"`)
      const vector = JSON.parse(exact) as Vector
      const list = vectors.get(vector.message)
      if (list === undefined) vectors.set(vector.message, [vector])
      else list.push(vector)
    }
  }
  return vectors
}

function wide(value: unknown): number | bigint {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : BigInt(value as number | string)
}

/** What the codec's form of a vector's JSON is: bytes as Buffers, error codes by name, defaults where fields are absent. */
export class Translation {
  /** Whether an int64 among it is beyond what a number can hold. */
  unsafe = false
  /** Whether one was read as the nearest number that is exact, so that it isn't written as it was. */
  saturated = false
  readonly #form: Int64Form

  constructor(form: Int64Form) {
    this.#form = form
  }

  message(declaration: Message<Shape>, json: Json): Record<string, unknown> {
    return this.#struct(declaration.shape, json, declaration.name)
  }

  #struct(shape: Shape, json: Json, at: string): Record<string, unknown> {
    const result: Record<string, unknown> = {}
    const rest = new Set(Object.keys(json))
    for (const [name, field] of Object.entries(shape)) {
      const value = json[name]
      result[name] =
        value === undefined ? this.#default(field) : this.#value(field, value, `${at}.${name}`)
      rest.delete(name)
    }
    if (rest.size > 0) throw new Error(`${at} does not declare ${[...rest].join(', ')}`)
    return result
  }

  #value({ traits }: AnyField, value: unknown, at: string): unknown {
    const { type } = traits
    if (value === null) return null
    switch (type.kind) {
      case 'array':
        return (value as unknown[]).map((item) => this.#value(type.element, item, `${at}[]`))
      case 'struct':
        return this.#struct(type.shape, value as Json, at)
      case 'bytes':
      case 'records':
        return Buffer.from(value as string, 'base64')
      case 'errorCode':
        return errorName(value as number)
      case 'int64':
        return this.#int64(value as number | string)
      case 'saturatedInt64':
        return this.#saturated(BigInt(value as number | string))
      case 'wideInt64':
        return this.#form === 'bigint' ? BigInt(value as number | string) : wide(value)
      case 'bigInt64':
        return BigInt(value as number | string)
      default:
        return value
    }
  }

  #int64(value: number | string): number | bigint {
    if (this.#form === 'bigint') return BigInt(value)
    if (!Number.isSafeInteger(Number(value))) this.unsafe = true
    return Number(value)
  }

  #saturated(value: bigint): number | bigint {
    if (this.#form === 'bigint') return value
    const limit = BigInt(Number.MAX_SAFE_INTEGER)
    const nearest = value > limit ? limit : value < -limit ? -limit : value
    if (nearest !== value) this.saturated = true
    return Number(nearest)
  }

  #default({ traits }: AnyField): unknown {
    const { type, fallback } = traits
    if (fallback === null) return null
    switch (type.kind) {
      case 'array':
        return []
      case 'struct':
        return Object.fromEntries(
          Object.entries(type.shape).map(([name, field]) => [name, this.#default(field)]),
        )
      case 'bytes':
      case 'records':
        return Buffer.alloc(0)
      case 'string':
        return fallback ?? ''
      case 'uuid':
        return fallback ?? ZERO_UUID
      case 'bool':
        return fallback ?? false
      case 'errorCode':
        return fallback ?? ('NONE' satisfies ErrorName)
      case 'int64':
      case 'saturatedInt64':
      case 'wideInt64':
        return this.#form === 'bigint' ? BigInt((fallback ?? 0) as number) : (fallback ?? 0)
      case 'bigInt64':
        return BigInt((fallback ?? 0) as number)
      default:
        return fallback ?? 0
    }
  }
}
