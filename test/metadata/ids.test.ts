import { randomId } from '../../src/metadata/ids.ts'

test('an id is a UUID of version 4 and variant 1, whatever the random bytes', () => {
  for (const fill of [0x00, 0x55, 0xaa, 0xff]) {
    const drawn: number[] = []
    const id = randomId({
      // Bytes that begin with six ones would give an id that begins with '-': it is drawn again.
      bytes: (length) => Buffer.alloc(length, drawn.push(length) === 1 ? fill : 0x3c),
    })
    const bytes = Buffer.from(id, 'base64url')
    expect([id.length, bytes.length, bytes[6]! >> 4, bytes[8]! >> 6]).toEqual([22, 16, 4, 2])
  }
})

test('an id never begins with a dash, which commands would take for an option', () => {
  const first = [0xf8, 0xfb, 0x10]
  const id = randomId({ bytes: (length) => Buffer.alloc(length, first.shift()) })
  expect([id[0], first.length]).toEqual(['E', 0])
})
