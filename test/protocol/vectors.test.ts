import { isDeepStrictEqual } from 'node:util'
import { codecOf } from '../../protocol/codec.ts'
import type { Int64Form } from '../../protocol/codec.ts'
import type { Message, Shape } from '../../protocol/schema.ts'
import { stateMessages } from '../../protocol/state/index.ts'
import { DecodeError, Reader, Writer } from '../../protocol/wire.ts'
import { Translation, readManifest, readVectors } from './oracle.ts'
import type { Vector } from './oracle.ts'

const manifest = readManifest()
const vectors = readVectors()
const declarations = new Map<string, Message<Shape>>(
  stateMessages.map((declaration) => [declaration.name, declaration]),
)
const names = Object.keys(manifest.messages).filter((name) => declarations.has(name))

const hasUnknownTags = (vector: Vector): boolean => vector.unknownTaggedFields !== undefined

function read(declaration: Message<Shape>, vector: Vector, form: Int64Form): unknown {
  const reader = new Reader(Buffer.from(vector.hex, 'hex'))
  const value = codecOf(declaration, vector.version, form).read(reader)
  if (reader.remaining > 0) throw new Error(`${reader.remaining} bytes left`)
  return value
}

function write(declaration: Message<Shape>, version: number, form: Int64Form, value: unknown) {
  const writer = new Writer()
  codecOf(declaration, version, form).write(writer, value as never)
  return writer.toBuffer().toString('hex')
}

/** Like expect().toEqual, but fast where all is well, and telling -0 from 0. */
function same(actual: unknown, expected: unknown, what: string): void {
  if (isDeepStrictEqual(actual, expected)) return
  expect({ what, value: actual }).toStrictEqual({ what, value: expected })
  throw new Error(`${what}: differs`)
}

function check(declaration: Message<Shape>, vector: Vector, form: Int64Form): void {
  const what = `${vector.message} v${vector.version} ${vector.case} as ${form}`
  const translation = new Translation(form)
  const expected = translation.message(declaration, vector.json)
  if (translation.unsafe) {
    expect(() => read(declaration, vector, form)).toThrow(DecodeError)
    return
  }
  same(read(declaration, vector, form), expected, what)
  const written = write(declaration, vector.version, form, expected)
  if (!hasUnknownTags(vector)) same(written, vector.hex, what)
  else {
    // They are dropped; what is left says the same.
    expect(written.length).toBeLessThan(vector.hex.length)
    same(read(declaration, { ...vector, hex: written }, form), expected, `${what}, written again`)
  }
}

describe('every message agrees with the bytes of Apache Kafka', () => {
  test.each(names)('%s', (name) => {
    const declaration = declarations.get(name)!
    for (const vector of vectors.get(name) ?? []) {
      check(declaration, vector, 'bigint')
      check(declaration, vector, 'number')
    }
  })
})
