import { codecOf } from '../../protocol/codec.ts'
import { RequestHeader, requestHeaderVersion } from '../../protocol/messages/headers.ts'
import type { AnyApi, AnyField, FieldTraits, Shape } from '../../protocol/schema.ts'
import { ZERO_UUID } from '../../protocol/schema.ts'
import { Reader } from '../../protocol/wire/reader.ts'
import { Writer } from '../../protocol/wire/writer.ts'

/** What the names in a request say: nothing, all the same that is there, or one each that isn't. */
export const namings = ['empty', 'repeated', 'distinct'] as const
export type Naming = (typeof namings)[number]

/** Names that a broker knows, by the name of the field. */
export interface Known {
  readonly topic: string
  readonly topicId: string
  readonly group: string
}

export interface DearRequest {
  readonly api: AnyApi
  readonly version: number
  /** `DescribeConfigs v4: resources, repeated` */
  readonly about: string
  readonly frame: Buffer
}

/**
 * For each array of a request, however deep, and each naming: the request that has as many of its elements as fit into
 * `bytes`, and as may be asked for. What stands above the array is there once; other arrays are empty, or null where that asks for all.
 */
export function* dearestRequests(
  api: AnyApi,
  version: number,
  bytes: number,
  known: Known,
  maxCostBytes = Infinity,
  chosen: readonly Naming[] = namings,
): Generator<DearRequest> {
  for (const path of arraysOf(api.request.shape, version)) {
    for (const naming of chosen) {
      const body = new Filler(version, naming, known, path)
      const few = frameOf(api, version, body.fill(api.request.shape, 100))
      const more = frameOf(api, version, body.fill(api.request.shape, 200))
      const fitting = Math.floor((100 * bytes) / (more.length - few.length))
      const costOfOne = (costOf(api, version, more) - costOf(api, version, few)) / 100
      const affordable = (maxCostBytes - costOf(api, version, few)) / costOfOne
      const count = Math.min(fitting, Math.floor(affordable))
      const value = body.fill(api.request.shape, count)
      const about = `${api.name} v${version}: ${count} ${path.join('.')}, ${naming}`
      yield { api, version, about, frame: frameOf(api, version, value) }
    }
  }
}

/** What the elements of a request take once they are decoded, as it is estimated. */
export function costOf(api: AnyApi, version: number, frame: Buffer): number {
  const reader = new Reader(frame)
  codecOf(RequestHeader, requestHeaderVersion(api, version)).read(reader)
  codecOf(api.request, version).read(reader)
  return reader.cost
}

/** The frame of a request, without the length before it. */
export function frameOf(api: AnyApi, version: number, body: object, correlationId = 7): Buffer {
  const writer = new Writer()
  codecOf(RequestHeader, requestHeaderVersion(api, version)).write(writer, {
    requestApiKey: api.key,
    requestApiVersion: version,
    correlationId,
    clientId: 'hostile',
  })
  codecOf(api.request, version).write(writer, body as never)
  return writer.toBuffer()
}

/** Requests with a few elements, or none, that ask for all there is of something wherever that can be said. */
export function* requestsForAll(
  api: AnyApi,
  version: number,
  known: Known,
  count: number,
): Generator<DearRequest> {
  const none = new Filler(version, 'repeated', known, [])
  const about = `${api.name} v${version}`
  yield {
    api,
    version,
    about: `${about}: none`,
    frame: frameOf(api, version, none.fill(api.request.shape, 0)),
  }
  for (const path of [[], ...arraysOf(api.request.shape, version)]) {
    const body = new Filler(version, 'repeated', known, path, true)
    const frame = frameOf(api, version, body.fill(api.request.shape, count))
    yield { api, version, about: `${about}: ${count} ${path.join('.')}, all`, frame }
  }
}

function isIn(version: number, { since, until }: FieldTraits): boolean {
  return version >= since && version <= until
}

function isNullable(version: number, { nullableSince, nullableUntil }: FieldTraits): boolean {
  return version >= nullableSince && version <= nullableUntil
}

function* arraysOf(shape: Shape, version: number): Generator<string[]> {
  for (const [name, { traits }] of Object.entries(shape)) {
    if (!isIn(version, traits)) continue
    const { type } = traits
    if (type.kind === 'struct') {
      for (const inner of arraysOf(type.shape, version)) yield [name, ...inner]
    }
    if (type.kind !== 'array') continue
    yield [name]
    const element = type.element.traits.type
    if (element.kind !== 'struct') continue
    for (const inner of arraysOf(element.shape, version)) yield [name, ...inner]
  }
}

/** Makes values of a declared shape. */
class Filler {
  readonly #version: number
  readonly #naming: Naming
  readonly #known: Known
  readonly #path: readonly string[]
  /** Arrays that may be null are, besides those of the path. */
  readonly #asksAll: boolean

  constructor(
    version: number,
    naming: Naming,
    known: Known,
    path: readonly string[],
    asksAll = false,
  ) {
    this.#version = version
    this.#naming = naming
    this.#known = known
    this.#path = path
    this.#asksAll = asksAll
  }

  /** @param count the elements of the array that the path leads to */
  fill(shape: Shape, count: number): object {
    return this.#struct(shape, this.#path, count, 0)
  }

  #struct(shape: Shape, path: readonly string[] | null, count: number, index: number): object {
    const value: Record<string, unknown> = {}
    for (const [name, field] of Object.entries(shape)) {
      if (!isIn(this.#version, field.traits)) continue
      const below = path !== null && path[0] === name ? path.slice(1) : null
      value[name] = this.#value(name, field, below, count, index)
    }
    return value
  }

  #value(
    name: string,
    field: AnyField,
    path: readonly string[] | null,
    count: number,
    index: number,
  ): unknown {
    const { traits } = field
    const { type } = traits
    if (type.kind === 'array') {
      if (path === null) return this.#asksAll && isNullable(this.#version, traits) ? null : []
      if (path.length > 0) return [this.#value(name, type.element, path, count, index)]
      return Array.from({ length: count }, (_, i) =>
        this.#value(name, type.element, null, count, i),
      )
    }
    if (type.kind === 'struct') return this.#struct(type.shape, path, count, index)
    // The names above the array are of something that is there.
    const naming = path === null ? this.#naming : 'repeated'
    switch (type.kind) {
      case 'string':
        return this.#text(name, naming, index)
      case 'uuid':
        if (naming === 'empty') return ZERO_UUID
        return naming === 'repeated' ? this.#known.topicId : uuidOf(index)
      case 'bool':
        return false
      case 'errorCode':
        return 'NONE'
      case 'bytes':
      case 'records':
        return Buffer.alloc(0)
      case 'bigInt64':
        return -1n
      case 'int32':
        if (name in VALUES) return VALUES[name]
        return /timeout|waitMs|bytes/i.test(name) ? 1000 : naming === 'distinct' ? index : 0
      case 'int16':
      case 'int8':
        return VALUES[name] ?? 0
      default:
        return 0
    }
  }

  #text(name: string, naming: Naming, index: number): string {
    if (naming === 'empty') return ''
    if (naming === 'distinct') return index.toString(36).padStart(4, '0')
    return /group/i.test(name) ? this.#known.group : this.#known.topic
  }
}

/** What a small number must be for the rest of its element to be looked at. */
const VALUES: Readonly<Record<string, number>> = {
  resourceType: 2,
  resourceTypeFilter: 2,
  resourcePatternType: 3,
  patternTypeFilter: 3,
  operation: 3,
  permissionType: 3,
  acks: 1,
  numPartitions: 1,
  replicationFactor: 1,
}

function uuidOf(index: number): string {
  const bytes = Buffer.alloc(16, 1)
  bytes.writeUInt32BE(index, 12)
  return bytes.toString('base64url')
}
