import { gzipSync } from 'node:zlib'
import { tryHere, type LogCodecs } from '../../../src/log/base/codecs.ts'
import { seeded } from '../seeded.ts'
import { batchOf, codecs } from '../support.ts'

/** The codecs, and how many compressed bytes each use of them was given. */
function counted(): { sizes: number[]; counting: LogCodecs } {
  const sizes: number[] = []
  const decompress: LogCodecs['decompress'] = (type, bytes, ...more) => {
    sizes.push(bytes.length)
    return codecs.decompress(type, bytes, ...more)
  }
  return { sizes, counting: { ...codecs, decompress, borrowDecompressed: decompress } }
}

test.each(['decompress', 'borrowDecompressed'] as const)(
  'much that is compressed is left to a thread where it is in a later batch, too: %s',
  (which) => {
    const { sizes, counting } = counted()
    const small = gzipSync(seeded(1).bytes(100))
    const large = gzipSync(seeded(1).bytes(5 * 1024))
    const done = (all: Buffer[]) =>
      tryHere(batchOf(1), counting, (light) =>
        all.map((bytes) => light[which]('gzip', bytes, 1 << 20).length),
      )
    expect(done([small])).toEqual({ result: [100] })
    // It must not be begun here only to be given up.
    expect(done([small, large])).toBeNull()
    expect(sizes).toEqual([small.length, small.length])
  },
)
