import { createRequire } from 'node:module'
import {
  decodeLz4Frame,
  DECODER_OUTPUT_BYTES,
  GREATEST_BLOCK_BYTES,
  type Lz4BlockDecoder,
} from '../../protocol/records/lz4.ts'
import { LZ4_BLOCK_WASM } from './lz4-block.ts'
import { instantiate } from './wasm.ts'

interface Lz4 {
  compressFrameSync(bytes: Buffer): Buffer
}

export interface Lz4Codec {
  compress(bytes: Uint8Array): Buffer
  decompress(bytes: Uint8Array, maxBytes: number, maxBlocks?: number): Buffer
  /** As `decompress`, but the bytes are there only until the next call of either. */
  borrowDecompressed(bytes: Uint8Array, maxBytes: number, maxBlocks?: number): Buffer
}

/**
 * LZ4: compressed by the native package, decompressed by our own module of WebAssembly. No package decodes a block into memory
 * that it is given, and memory that is new for each block costs more than to decode it. Both are loaded when they are first
 * needed. Where this Node runs no WebAssembly (`--jitless`), JavaScript decompresses, with a warning.
 */
export function lz4Codec(): Lz4Codec {
  let native: Lz4 | undefined
  let decoder: Lz4BlockDecoder | undefined
  let isLoaded = false
  const borrow = (bytes: Uint8Array, maxBytes: number, maxBlocks?: number): Buffer => {
    if (!isLoaded) {
      decoder = loadedDecoder()
      isLoaded = true
    }
    return decodeLz4Frame(bytes, maxBytes, decoder, maxBlocks)
  }
  return {
    compress: (bytes) => {
      native ??= createRequire(import.meta.url)('lz4-napi') as Lz4
      return native.compressFrameSync(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length))
    },
    decompress: (bytes, maxBytes, maxBlocks) => {
      const borrowed = borrow(bytes, maxBytes, maxBlocks)
      return borrowed.buffer === decoder?.output.buffer ? Buffer.from(borrowed) : borrowed
    },
    borrowDecompressed: borrow,
  }
}

interface BlockModule {
  readonly memory: { readonly buffer: ArrayBuffer }
  decode(at: number, end: number, to: number, limit: number): number
}

/** How far the module may read and write beyond the end of what it is given. */
const SLACK_BYTES = 32

/** What it decodes into is at address 0; what it decodes is put behind that. Its memory never grows. */
const INPUT_AT = DECODER_OUTPUT_BYTES + SLACK_BYTES

function loadedDecoder(): Lz4BlockDecoder | undefined {
  try {
    return lz4BlockDecoder()
  } catch (error) {
    process.emitWarning(
      `LZ4 is decompressed in JavaScript, several times slower: this Node runs no WebAssembly (${String(error)})`,
    )
    return undefined
  }
}

function lz4BlockDecoder(): Lz4BlockDecoder {
  const { exports } = instantiate(Buffer.from(LZ4_BLOCK_WASM, 'base64'))
  const { memory, decode } = exports as BlockModule
  const input = Buffer.from(memory.buffer, INPUT_AT, GREATEST_BLOCK_BYTES)
  return {
    output: Buffer.from(memory.buffer, 0, DECODER_OUTPUT_BYTES),
    decode: (block, at, limit) => decode(INPUT_AT, INPUT_AT + block.copy(input), at, limit),
  }
}
