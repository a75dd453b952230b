import { randomUuid } from '../../src/host/random-uuid.ts'

test('a random UUID is of version 4 and variant 1, whatever the random bytes', () => {
  for (const fill of [0x00, 0x55, 0xaa, 0xff]) {
    const bytes = randomUuid({ bytes: (length) => Buffer.alloc(length, fill) })
    expect([bytes.length, bytes[6]! >> 4, bytes[8]! >> 6]).toEqual([16, 4, 2])
    expect([bytes[0], bytes[15], bytes[6]! & 0x0f, bytes[8]! & 0x3f]).toEqual([
      fill,
      fill,
      fill & 0x0f,
      fill & 0x3f,
    ])
  }
})
