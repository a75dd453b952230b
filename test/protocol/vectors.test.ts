import { isDeepStrictEqual } from 'node:util'
import { codecOf } from '../../protocol/codec.ts'
import type { Int64Form } from '../../protocol/codec.ts'
import {
  RequestHeader,
  ResponseHeader,
  requestHeaderVersion,
  responseHeaderVersion,
} from '../../protocol/messages/headers.ts'
import { apis } from '../../protocol/messages/index.ts'
import type { AnyApi, Message, Shape } from '../../protocol/schema.ts'
import { stateMessages } from '../../protocol/state/index.ts'
import { DecodeError, Reader } from '../../protocol/wire/reader.ts'
import { Writer } from '../../protocol/wire/writer.ts'
import { Translation, readApis, readManifest, readVectors } from './oracle.ts'
import type { Vector } from './oracle.ts'

const manifest = readManifest()
const vectors = readVectors()
const declarations = new Map<string, Message<Shape>>(
  [
    ...apis.flatMap((api) => [api.request, api.response]),
    RequestHeader,
    ResponseHeader,
    ...stateMessages,
  ].map((declaration) => [declaration.name, declaration]),
)

function read(declaration: Message<Shape>, vector: Vector, form: Int64Form): unknown {
  const reader = new Reader(Buffer.from(vector.hex, 'hex'))
  const value = codecOf(declaration, vector.version, form).read(reader)
  if (reader.remaining > 0) throw new Error(`${reader.remaining} bytes left`)
  return value
}

function write(
  declaration: Message<Shape>,
  version: number,
  form: Int64Form,
  value: unknown,
): string {
  const writer = new Writer()
  codecOf(declaration, version, form).write(writer, value as never)
  return writer.toBuffer().toString('hex')
}

/** Like toStrictEqual, but fast where all is well, and it tells -0 from 0. */
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
  if (translation.saturated) return
  const written = write(declaration, vector.version, form, expected)
  if (vector.unknownTaggedFields === undefined) {
    same(written, vector.hex, what)
  } else {
    // Unknown tags are dropped; what is left says the same.
    expect(written.length).toBeLessThan(vector.hex.length)
    same(read(declaration, { ...vector, hex: written }, form), expected, `${what}, written again`)
  }
}

describe('every message agrees with the bytes of Apache Kafka', () => {
  test.each(Object.keys(manifest.messages))('%s', (name) => {
    const declaration = declarations.get(name)
    if (declaration === undefined) throw new Error(`${name} is not declared`)
    for (const vector of vectors.get(name) ?? []) {
      check(declaration, vector, 'bigint')
      check(declaration, vector, 'number')
    }
  })
})

describe('the declarations', () => {
  test('are those of the manifest, with its versions, keys and flexible versions', () => {
    const facts = (declaration: Message<Shape>) => ({
      apiKey: declaration.key,
      lowestVersion: declaration.versions[0],
      highestVersion: declaration.versions[1],
      flexibleSince: Number.isFinite(declaration.flexible) ? declaration.flexible : null,
    })
    const ours = [...declarations].map(([name, declaration]) => [name, facts(declaration)])
    expect(Object.fromEntries(ours)).toEqual(
      Object.fromEntries(
        Object.entries(manifest.messages).map(
          ([name, { apiKey = null, lowestVersion, highestVersion, flexibleSince }]) => [
            name,
            { apiKey, lowestVersion, highestVersion, flexibleSince },
          ],
        ),
      ),
    )
  })

  test('the vectors are as many as the manifest says, and cover every version', () => {
    const { all } = manifest.totals
    const lists = [...vectors.values()]
    const versions = lists.map((list) => new Set(list.map((vector) => vector.version)).size)
    expect({
      messages: vectors.size,
      messageVersions: versions.reduce((sum, count) => sum + count, 0),
      vectors: lists.reduce((sum, list) => sum + list.length, 0),
    }).toEqual(all)
    for (const [name, { vectors: count }] of Object.entries(manifest.messages)) {
      expect([name, vectors.get(name)?.length]).toEqual([name, count])
    }
  })

  test('every API has the key, versions, listeners and headers of Apache Kafka', () => {
    const facts = (api: AnyApi) => {
      const [first, last] = api.versions
      const versions = Array.from({ length: last - first + 1 }, (_, index) => first + index)
      const flexible = Number.isFinite(api.flexible) ? api.flexible : null
      const headers = (of: (api: AnyApi, version: number) => number) =>
        Object.fromEntries(versions.map((version) => [version, of(api, version)]))
      return {
        apiKey: api.key,
        name: api.name,
        listeners: [...api.listeners].sort(),
        lowestVersion: first,
        highestVersion: last,
        latestVersionUnstable: api.unstable,
        requestFlexibleSince: flexible,
        responseFlexibleSince: flexible,
        requestHeaderVersion: headers(requestHeaderVersion),
        responseHeaderVersion: headers(responseHeaderVersion),
      }
    }
    const ours = apis.map(facts)
    const kafkas = readApis().filter((api) => !api.removed)
    for (const entry of kafkas) {
      expect(ours.find((api) => api.apiKey === entry.apiKey)).toEqual(
        expect.objectContaining(
          Object.fromEntries(
            Object.keys(ours[0]!).map((name) => [name, entry[name as keyof typeof entry]]),
          ),
        ),
      )
    }
    expect(ours.map((api) => api.apiKey).sort((a, b) => a - b)).toEqual(
      kafkas.map((api) => api.apiKey).sort((a, b) => a - b),
    )
  })
})
