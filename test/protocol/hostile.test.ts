import v8 from 'node:v8'
import vm from 'node:vm'
import { codecOf, encode } from '../../protocol/codec.ts'
import { RequestHeader, ResponseHeader } from '../../protocol/messages/headers.ts'
import { apis } from '../../protocol/messages/index.ts'
import type { AnyField, Message, Shape } from '../../protocol/schema.ts'
import { stateMessages } from '../../protocol/state/index.ts'
import { DecodeError, Reader } from '../../protocol/wire/reader.ts'
import { scale, seed, soaking } from '../soak.ts'
import { Corruption } from '../support/corruption.ts'
import { readVectors } from './oracle.ts'

const CASES = scale(5_000, 200_000)
const corruption = new Corruption(seed)
const { random } = corruption

interface Target {
  readonly message: Message<Shape>
  readonly version: number
  /** Bytes that make a message. */
  readonly valid: readonly Buffer[]
}

function targets(): Target[] {
  const vectors = readVectors()
  const messages = [
    ...apis.flatMap((api) => [api.request, api.response]),
    RequestHeader,
    ResponseHeader,
    ...stateMessages,
  ]
  return messages.flatMap((message) => {
    const [first, last] = message.versions
    return Array.from({ length: last - first + 1 }, (_, index) => {
      const version = first + index
      const valid = (vectors.get(message.name) ?? [])
        .filter((vector) => vector.version === version)
        .map((vector) => Buffer.from(vector.hex, 'hex'))
      return { message, version, valid: valid.length > 0 ? valid : [Buffer.alloc(0)] }
    })
  })
}

/**
 * How many array elements, characters and bytes a decoded value has. Each of them takes at least a byte on the wire, and
 * this is what bounds the memory that a message can ask for.
 */
function weigh(shape: Shape, value: Record<string, unknown>): number {
  let weight = 0
  for (const [name, field] of Object.entries(shape)) weight += weighField(field, value[name])
  return weight
}

function weighField({ traits: { type } }: AnyField, value: unknown): number {
  if (value === null) return 0
  switch (type.kind) {
    case 'array': {
      let weight = 0
      for (const item of value as unknown[]) weight += 1 + weighField(type.element, item)
      return weight
    }
    case 'struct':
      return weigh(type.shape, value as Record<string, unknown>)
    case 'string':
    case 'bytes':
    case 'records':
      return (value as string | Buffer).length
    default:
      return 0
  }
}

/** Reads hostile bytes; throws whatever is not a decoded value within bounds, or a DecodeError. */
function attack({ message, version }: Target, bytes: Buffer): 'read' | 'refused' {
  const reader = new Reader(bytes)
  let value
  try {
    value = codecOf(message, version).read(reader)
  } catch (error) {
    if (error instanceof DecodeError && error.message.startsWith(message.name)) return 'refused'
    throw error
  }
  if (reader.end !== bytes.length || reader.position > reader.end) {
    throw new Error(`the reader left its bytes: ${reader.position} of ${reader.end}`)
  }
  const weight = weigh(message.shape, value)
  if (weight > bytes.length) throw new Error(`${weight} pieces from ${bytes.length} bytes`)
  return 'read'
}

describe(`hostile bytes (soak, OTTLA_SEED=${seed} repeats it)`, () => {
  const all = targets()

  test(`${CASES} corrupt messages are decoded within the bounds of their bytes, or refused`, () => {
    const outcomes = { read: 0, refused: 0 }
    let slowestMs = 0
    for (let round = 0; round < CASES; round++) {
      const target = round < all.length ? all[round]! : corruption.pick(all)
      const [way, corrupt] = corruption.choose()
      const bytes = corrupt(corruption.pick(target.valid))
      const begin = performance.now()
      try {
        outcomes[attack(target, bytes)]++
      } catch (error) {
        const what = `${target.message.name} v${target.version}, ${way}`
        throw new Error(`${what}: ${bytes.toString('hex')}`, { cause: error })
      }
      slowestMs = Math.max(slowestMs, performance.now() - begin)
    }
    if (soaking) console.log(`Of ${CASES} corrupt messages`, outcomes, `slowest ${slowestMs} ms`)
    expect(outcomes.read).toBeGreaterThan(CASES / 50)
    expect(outcomes.refused).toBeGreaterThan(CASES / 5)
  })

  test('every message of every version refuses each of its proper prefixes, or reads less than it', () => {
    for (const target of all) {
      const bytes = target.valid.find(({ length }) => length > 0 && length < 300)
      if (bytes === undefined) continue
      for (let size = 0; size < bytes.length; size += soaking ? 1 : 1 + random(20)) {
        attack(target, bytes.subarray(0, size))
      }
    }
  })

  test('an element of an array takes at least a byte, in every message and version', () => {
    for (const { message, version } of all) {
      const sizes = [1, 2].map((count) =>
        [...arraysFilled(message.shape, version, count)].map(([path, value]) => ({
          path,
          size: filled(message, version, value).length,
        })),
      )
      sizes[0]!.forEach(({ path, size }, index) => {
        if (sizes[1]![index]!.size <= size) throw new Error(`${message.name} v${version} ${path}`)
      })
    }
  })

  const testInSoak = soaking ? test : test.skip
  testInSoak('no message takes more than 100 bytes of memory for a byte on the wire', () => {
    v8.setFlagsFromString('--expose-gc')
    const collect = vm.runInNewContext('gc') as () => void
    let worst = { what: '', ratio: 0 }
    for (const { message, version } of all) {
      if (!message.versions.includes(version)) continue
      for (const [path, value] of arraysFilled(message.shape, version, 10_000)) {
        const bytes = filled(message, version, value)
        const codec = codecOf(message, version)
        codec.read(new Reader(bytes))
        collect()
        const before = process.memoryUsage().heapUsed
        const decoded = codec.read(new Reader(bytes))
        collect()
        const ratio = (process.memoryUsage().heapUsed - before) / bytes.length
        expect(decoded).toBeDefined()
        if (ratio > worst.ratio) worst = { what: `${message.name} v${version} ${path}`, ratio }
      }
    }
    console.log(`Most memory for a byte on the wire: ${worst.ratio.toFixed(1)}, ${worst.what}`)
    expect(worst.ratio).toBeLessThan(100)
  })
})

function filled(message: Message<Shape>, version: number, value: Record<string, unknown>): Buffer {
  return encode(message, version, { ...leastValue(message.shape, version), ...value })
}

/** The value of a shape that takes the least bytes. */
function leastValue(shape: Shape, version: number): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(shape)
      .filter(([, { traits }]) => traits.tag === null)
      .map(([name, field]) => [name, leastOf(field, version)]),
  )
}

function leastOf({ traits }: AnyField, version: number): unknown {
  switch (traits.type.kind) {
    case 'array':
      return []
    case 'struct':
      return version >= traits.nullableSince && version <= traits.nullableUntil
        ? null
        : leastValue(traits.type.shape, version)
    case 'string':
      return ''
    case 'bytes':
    case 'records':
      return Buffer.alloc(0)
    case 'uuid':
      return 'A'.repeat(22)
    case 'errorCode':
      return 'NONE'
    case 'bool':
      return false
    case 'bigInt64':
      return 0n
    default:
      return 0
  }
}

/** For each array in a shape, a value in which it has that many elements of the least size, and all else is least. */
function* arraysFilled(
  shape: Shape,
  version: number,
  count: number,
): Generator<[path: string, value: Record<string, unknown>]> {
  for (const [name, { traits }] of Object.entries(shape)) {
    if (version < traits.since || version > traits.until) continue
    const { type } = traits
    if (type.kind === 'struct') {
      for (const [path, value] of arraysFilled(type.shape, version, count)) {
        yield [`${name}.${path}`, { [name]: { ...leastValue(type.shape, version), ...value } }]
      }
    }
    if (type.kind !== 'array') continue
    const least = leastOf(type.element, version)
    yield [name, { [name]: Array.from({ length: count }, () => least) }]
    const element = type.element.traits.type
    if (element.kind !== 'struct') continue
    for (const [path, value] of arraysFilled(element.shape, version, count)) {
      yield [`${name}[].${path}`, { [name]: [{ ...(least as object), ...value }] }]
    }
  }
}
