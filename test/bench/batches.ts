import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { BATCH_HEADER_BYTES, buildBatch } from '../../protocol/records/batch.ts'
import type { CompressionType } from '../../protocol/records/codecs.ts'
import { nodeCodecs } from '../../src/host/codecs.ts'
import type { Flags } from './client.ts'

/** A batch that the client doesn't make itself: with data as people have them, and a time of its own for each record. */
export interface GivenBatch {
  readonly compression: CompressionType
  readonly records: number
  readonly valueBytes: number
}

const WORDS = 'order paid shipped returned customer item price currency warehouse express'.split(
  ' ',
)

/** Mulberry32: the same values in every run. */
function randomFrom(seed: number): (limit: number) => number {
  let state = seed
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * limit)
  }
}

/** JSON of words and numbers, which compresses about as well as events do: to a third or so. */
function valueOf(bytes: number, random: (limit: number) => number): Buffer {
  let text = '{'
  while (text.length < bytes) text += `"${WORDS[random(WORDS.length)]}":${random(1e6)},`
  return Buffer.from(text.slice(0, bytes))
}

/** Writes the batch into a file. @returns the flags that have the client send it, and count its records uncompressed */
export async function writeBatch(
  directory: string,
  { compression, records, valueBytes }: GivenBatch,
): Promise<Flags> {
  const codecs = nodeCodecs()
  const random = randomFrom(1)
  const now = Date.now() - 1000
  const plain = Array.from({ length: records }, (_, index) => ({
    timestamp: now + Math.floor((index * 1000) / records),
    key: null,
    value: valueOf(valueBytes, random),
  }))
  const batch = buildBatch({ records: plain, compression }, codecs)
  const bytes = buildBatch({ records: plain }, codecs).length
  const file = path.join(directory, `${compression}-${batch.length - BATCH_HEADER_BYTES}.batch`)
  await writeFile(file, batch)
  return { batch: file, 'batch-bytes': bytes }
}
