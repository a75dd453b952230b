import fs from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import zlib from 'node:zlib'
import { CorruptRecordError, tooManyBytes } from '../../protocol/records/errors.ts'
import { instantiate } from './wasm.ts'

export interface ZstdCodec {
  compress(bytes: Uint8Array, level?: number): Buffer
  decompress(bytes: Uint8Array, maxBytes: number): Buffer
}

/** What Java's client and the format's own tool take when nothing is said. */
const DEFAULT_LEVEL = 3

/** The format's own number of this parameter (`ZSTD_c_compressionLevel`), which node:zlib takes it by. */
const COMPRESSION_LEVEL = 100

/** What node:zlib has from Node 22.15 and 23.8 on. */
export interface ZlibWithZstd {
  zstdCompressSync?(bytes: Uint8Array, options: { params: Record<number, number> }): Buffer
  zstdDecompressSync?(bytes: Uint8Array, options: { maxOutputLength: number }): Buffer
}

const NODE_ZLIB = zlib as ZlibWithZstd

/** Zstandard by node:zlib where it has it, else by WebAssembly and JavaScript. */
export function zstdCodec(of: ZlibWithZstd = NODE_ZLIB): ZstdCodec {
  return builtInZstd(of) ?? portableZstd()
}

/** @returns null on a Node without zstd */
export function builtInZstd(of: ZlibWithZstd = NODE_ZLIB): ZstdCodec | null {
  const { zstdCompressSync, zstdDecompressSync } = of
  if (zstdCompressSync === undefined || zstdDecompressSync === undefined) return null
  return {
    compress: (bytes, level = DEFAULT_LEVEL) =>
      zstdCompressSync(bytes, { params: { [COMPRESSION_LEVEL]: level } }),
    decompress: (bytes, maxBytes) => {
      const frames = [...framesWithin(bytes, maxBytes)]
      if (frames.length === 0) return Buffer.alloc(0)
      return zstdDecompressSync(bytes, { maxOutputLength: Math.max(1, maxBytes) })
    },
  }
}

interface Fzstd {
  Decompress: new (ondata: (chunk: Uint8Array, final?: boolean) => void) => {
    push(chunk: Uint8Array, final?: boolean): void
  }
}

interface ZstdWasm {
  compress(bytes: Uint8Array, level: number): Uint8Array
}

interface EmscriptenModule {
  /** Set by the first initialisation. */
  calledRun?: boolean
  instantiateWasm?: (imports: object, receive: (instance: object) => unknown) => unknown
  init(wasm: Uint8Array): void
}

/**
 * Compresses with `@bokuweb/zstd-wasm`, whose decompressor fails on frames without a content size; decompresses with
 * `fzstd`, which takes them. Both are loaded when they are first needed.
 */
export function portableZstd(): ZstdCodec {
  let wasm: ZstdWasm | undefined
  let fzstd: Fzstd | undefined
  return {
    compress: (bytes, level = DEFAULT_LEVEL) => {
      wasm ??= loadZstdWasm()
      const compressed = wasm.compress(bytes, level)
      return Buffer.from(compressed.buffer, compressed.byteOffset, compressed.length)
    },
    decompress: (bytes, maxBytes) => {
      fzstd ??= createRequire(import.meta.url)('fzstd') as Fzstd
      const parts: Uint8Array[] = []
      let total = 0
      let movedBytes = 0
      for (const found of framesWithin(bytes, maxBytes)) {
        const { frame, windowBytes } = withinWindow(found, maxBytes)
        movedBytes += windowBytes * found.blocks
        if (movedBytes > GREATEST_MOVED_BYTES) throw damaged('too many blocks for its window')
        const decompressor = new fzstd.Decompress((chunk) => {
          total += chunk.length
          if (total > maxBytes) throw tooManyBytes(maxBytes)
          parts.push(chunk)
        })
        decompressor.push(frame, true)
      }
      return Buffer.concat(parts, total)
    },
  }
}

/**
 * The package's own `init` is asynchronous. Its module takes a function that makes the instance, which may do so at once:
 * compiling its 250 KB takes a few milliseconds, once. The package has one instance for the whole process, which a second
 * initialisation would break.
 */
function loadZstdWasm(): ZstdWasm {
  const require = createRequire(import.meta.url)
  const entry = require.resolve('@bokuweb/zstd-wasm')
  const { Module } = require(join(dirname(entry), 'module.js')) as { Module: EmscriptenModule }
  if (Module.calledRun === true) return require(entry) as ZstdWasm
  const binary = fs.readFileSync(join(dirname(entry), 'zstd.wasm'))
  Module.instantiateWasm = (imports, receive) => receive(instantiate(binary, imports))
  Module.init(binary)
  return require(entry) as ZstdWasm
}

const FRAME_MAGIC = 0xfd2fb528
const SKIPPABLE_MAGIC = 0x184d2a50

/** The window that every decoder should support (RFC 8878); level 19 of a stream takes as much, the default a quarter. */
const USUAL_WINDOW_BYTES = 8 * 1024 * 1024

/** What one block may hold, and the least window of a block that does. */
const GREATEST_BLOCK_BYTES = 128 * 1024

/**
 * `fzstd` takes memory for the window of each frame, and moves all of it for each block. As much as it moves for 128 MiB in
 * full blocks with the usual window takes seconds; some hundred KB of tiny blocks would have it move a thousand times that.
 */
const GREATEST_MOVED_BYTES = 2 ** 33

interface Frame {
  readonly bytes: Buffer
  /** What its matches reach back over, as it says. */
  readonly windowBytes: number
  readonly isSingleSegment: boolean
  readonly blocks: number
  /** Its content has no more than this. */
  readonly mostBytes: number
}

/** The frame with a window no larger than what it may hold: small batches of streams claim megabytes. */
function withinWindow(
  { bytes, windowBytes, isSingleSegment, mostBytes }: Frame,
  maxBytes: number,
): { readonly frame: Buffer; readonly windowBytes: number } {
  const neededBytes = Math.max(GREATEST_BLOCK_BYTES, Math.min(mostBytes, maxBytes))
  const exponent = Math.ceil(Math.log2(neededBytes))
  if (isSingleSegment || windowBytes <= 2 ** exponent) return { frame: bytes, windowBytes }
  const frame = Buffer.from(bytes)
  frame[WINDOW_AT] = (exponent - LEAST_WINDOW_EXPONENT) << 3
  return { frame, windowBytes: 2 ** exponent }
}

const WINDOW_AT = 5
const LEAST_WINDOW_EXPONENT = 10

/**
 * Cuts the bytes into frames and checks what they claim, since a decoder allocates a frame's window before it has seen
 * any data.
 * @throws CorruptRecordError when a frame is cut, or its window or content is too large
 */
function* framesWithin(bytes: Uint8Array, maxBytes: number): Generator<Frame, void> {
  const input = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  let at = 0
  while (at < input.length) {
    if (input.length - at < 8) throw damaged('cut')
    const magic = input.readUInt32LE(at)
    if ((magic & 0xfffffff0) >>> 0 === SKIPPABLE_MAGIC) {
      at += 8 + input.readUInt32LE(at + 4)
      continue
    }
    if (magic !== FRAME_MAGIC) throw damaged('no frame')
    const frame = frameAt(input, at, maxBytes)
    yield frame
    at += frame.bytes.length
  }
}

function frameAt(input: Buffer, start: number, maxBytes: number): Frame {
  const flags = input[start + 4]!
  const isSingleSegment = (flags & 0x20) !== 0
  const dictionaryBytes = [0, 1, 2, 4][flags & 3]!
  const sizeCode = flags >> 6
  const contentSizeBytes = sizeCode === 0 ? (isSingleSegment ? 1 : 0) : 1 << sizeCode
  const sizeAt = start + 5 + (isSingleSegment ? 0 : 1) + dictionaryBytes
  let at = sizeAt + contentSizeBytes
  if (at > input.length) throw damaged('cut')
  if (dictionaryBytes > 0) throw damaged('a dictionary')
  const contentBytes = readContentSize(input, sizeAt, contentSizeBytes)
  if (contentBytes > maxBytes) throw tooManyBytes(maxBytes)
  let windowBytes = contentBytes
  if (!isSingleSegment) {
    const descriptor = input[start + WINDOW_AT]!
    const base = 2 ** (LEAST_WINDOW_EXPONENT + (descriptor >> 3))
    windowBytes = base + (base / 8) * (descriptor & 7)
    if (windowBytes > Math.max(maxBytes, USUAL_WINDOW_BYTES)) throw damaged('too large a window')
  }
  let blocks = 0
  let mostBytes = 0
  for (;;) {
    if (input.length - at < 3) throw damaged('cut')
    const header = input.readUIntLE(at, 3)
    const type = (header >> 1) & 3
    if (type === 3) throw damaged('an unknown block')
    at += 3 + (type === 1 ? 1 : header >> 3)
    blocks++
    mostBytes += type === 2 ? GREATEST_BLOCK_BYTES : header >> 3
    if ((header & 1) !== 0) break
  }
  at += (flags & 4) === 0 ? 0 : 4
  if (at > input.length) throw damaged('cut')
  if (contentBytes > mostBytes) throw damaged('less content than it says')
  return { bytes: input.subarray(start, at), windowBytes, isSingleSegment, blocks, mostBytes }
}

function readContentSize(input: Buffer, at: number, length: number): number {
  if (length === 0) return 0
  if (length === 8) return input.readUInt32LE(at) + input.readUInt32LE(at + 4) * 2 ** 32
  return input.readUIntLE(at, length) + (length === 2 ? 256 : 0)
}

function damaged(what: string): CorruptRecordError {
  return new CorruptRecordError(`Damaged zstd frame: ${what}`)
}
