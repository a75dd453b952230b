import { COMPRESSION_TYPES } from '../../protocol/records/codecs.ts'
import { nodeCodecs } from '../../src/host/codecs.ts'
import { nodeWorkers } from '../../src/host/workers.ts'

describe('the workers of a Node host', () => {
  const workers = nodeWorkers()
  const bytes = Buffer.from('some words that come again and again; '.repeat(5000))
  afterAll(() => workers.close())

  test('what they compress and decompress is what the codecs give', async () => {
    const codecs = nodeCodecs()
    await Promise.all(
      COMPRESSION_TYPES.map(async (type) => {
        const compressed = await workers.compress(type, bytes)
        expect(codecs.decompress(type, compressed, bytes.length).equals(bytes)).toBe(true)
        const back = await workers.decompress(type, compressed, bytes.length)
        expect(back.equals(bytes)).toBe(true)
      }),
    )
  })

  test('the bytes given are copied, and stay as they are', async () => {
    const given = Buffer.from(bytes)
    const pending = workers.compress('lz4', given)
    given.fill(0)
    const back = await workers.decompress('lz4', await pending, bytes.length)
    expect(back.equals(bytes)).toBe(true)
    expect(given.length).toBe(bytes.length)
  })

  test('damaged bytes reject with the same typed error', async () => {
    await expect(workers.decompress('gzip', Buffer.from('no gzip'), 100)).rejects.toMatchObject({
      code: 'CORRUPT_RECORD',
    })
  })

  test('closing rejects what is under way, and later work starts anew', async () => {
    const pending = workers.compress('gzip', bytes)
    const closing = workers.close()
    await expect(pending).rejects.toThrow('closed')
    await closing
    expect((await workers.compress('gzip', bytes)).length).toBeGreaterThan(0)
  })
})
