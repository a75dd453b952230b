import { init, compress as zstdCompress } from '@bokuweb/zstd-wasm'
import { decompress as zstdDecompress } from 'fzstd'
import kafkajs from 'kafkajs'
import { compressFrame, decompressFrame } from 'lz4-napi'
import snappy from 'snappy'

interface KafkajsCodec {
  compress(encoder: { buffer: Buffer }): Promise<Buffer>
  decompress(bytes: Buffer): Promise<Buffer>
}

const snappyHeader = Buffer.from('82534e41505059000000000100000001', 'hex')
const snappyBlockBytes = 32 * 1024

/** Snappy in the blocks that Kafka's own clients write (the frame of the library snappy-java). */
const snappyCodec: KafkajsCodec = {
  compress: async ({ buffer }) => {
    const parts: Buffer[] = [snappyHeader]
    for (let at = 0; at < buffer.length; at += snappyBlockBytes) {
      const block = await snappy.compress(buffer.subarray(at, at + snappyBlockBytes))
      const size = Buffer.alloc(4)
      size.writeInt32BE(block.length)
      parts.push(size, block)
    }
    return Buffer.concat(parts)
  },
  decompress: async (bytes) => {
    const parts: Buffer[] = []
    let at = snappyHeader.length
    while (at < bytes.length) {
      const size = bytes.readInt32BE(at)
      parts.push((await snappy.uncompress(bytes.subarray(at + 4, at + 4 + size))) as Buffer)
      at += 4 + size
    }
    return Buffer.concat(parts)
  },
}

const lz4Codec: KafkajsCodec = {
  compress: ({ buffer }) => compressFrame(buffer),
  decompress: (bytes) => decompressFrame(bytes),
}

const zstdCodec: KafkajsCodec = {
  compress: async ({ buffer }) => Buffer.from(zstdCompress(buffer)),
  decompress: async (bytes) => Buffer.from(zstdDecompress(bytes)),
}

/** Gives kafkajs the codecs that it leaves to plug-ins: snappy, lz4 and zstd. */
export const plugInCodecs = async (): Promise<void> => {
  const { CompressionCodecs, CompressionTypes } = kafkajs
  await init()
  CompressionCodecs[CompressionTypes.Snappy] = () => snappyCodec
  CompressionCodecs[CompressionTypes.LZ4] = () => lz4Codec
  CompressionCodecs[CompressionTypes.ZSTD] = () => zstdCodec
}
