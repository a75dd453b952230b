import { codecOf } from '../../protocol/codec.ts'
import { KnownStrings } from '../../protocol/known-strings.ts'
import { RequestHeader } from '../../protocol/messages/headers.ts'
import { Reader } from '../../protocol/wire/reader.ts'
import { Writer } from '../../protocol/wire/writer.ts'

/** Random, and the same each time. */
function* randomBytes(count: number): Iterable<Buffer> {
  let state = 1
  const next = (): number => (state = (Math.imul(state, 1103515245) + 12345) >>> 0) >>> 16
  for (let each = 0; each < count; each++) {
    const alphabet = each % 3 === 0 ? 256 : each % 3 === 1 ? 128 : 2
    yield Buffer.from(Array.from({ length: next() % 100 }, () => next() % alphabet))
  }
}

describe('KnownStrings', () => {
  test('a string is what its bytes are in UTF-8, whatever came before', () => {
    const known = new KnownStrings()
    for (let round = 0; round < 2; round++) {
      for (const bytes of randomBytes(5000)) {
        const padded = Buffer.concat([Buffer.from('<'), bytes, Buffer.from('>')])
        expect(known.text(padded, 1, bytes.length)).toBe(bytes.toString('utf8'))
      }
    }
  })

  test('strings that differ from a known one in any byte, or in length, are not taken for it', () => {
    const known = new KnownStrings()
    const topic = Buffer.from('orders-of-the-day')
    expect(known.text(topic, 0, topic.length)).toBe('orders-of-the-day')
    for (let at = 0; at < topic.length; at++) {
      const other = Buffer.from(topic)
      other[at]! ^= 1
      expect(known.text(other, 0, other.length)).toBe(other.toString())
      expect(known.text(topic, 0, at)).toBe(topic.toString('utf8', 0, at))
      expect(known.text(topic, 0, topic.length)).toBe('orders-of-the-day')
    }
  })

  test('an id is what its bytes are in base64, also where two of them share a slot', () => {
    const known = new KnownStrings()
    const id = Buffer.from('0102030405060708090a0b0c0d0e0f10', 'hex')
    // Words in another order have the same sum.
    const other = Buffer.concat([id.subarray(4), id.subarray(0, 4)])
    for (const bytes of [id, other, id, Buffer.alloc(16, 0xff), Buffer.alloc(16), id]) {
      const padded = Buffer.concat([Buffer.alloc(3), bytes])
      expect(known.uuid(padded, 3)).toBe(bytes.toString('base64url'))
    }
  })

  test('a reader that has them reads the same', () => {
    const header = {
      requestApiKey: 0,
      requestApiVersion: 9,
      correlationId: 5,
      clientId: 'producer-1',
    }
    const writer = new Writer()
    codecOf(RequestHeader, 2).write(writer, header)
    const bytes = writer.toBuffer()
    const known = new KnownStrings()
    for (let round = 0; round < 2; round++) {
      const reader = new Reader(bytes, 0, bytes.length, known)
      expect(codecOf(RequestHeader, 2).read(reader)).toEqual(header)
    }
  })
})
