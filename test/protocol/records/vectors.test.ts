import fs from 'node:fs'
import path from 'node:path'
import zlib from 'node:zlib'
import {
  batchAttributes,
  batchBaseOffset,
  batchBaseSequence,
  batchBaseTimestamp,
  batchCrc,
  batchDeleteHorizon,
  batchLastOffset,
  batchLastOffsetDelta,
  batchLastSequence,
  batchLeaderEpoch,
  batchMagic,
  batchMaxTimestamp,
  batchNextOffset,
  batchProducerEpoch,
  batchProducerId,
  batchRecordCount,
  batchSizeBytes,
  buildBatch,
  buildMessages,
  checkBatch,
  checkMessage,
  compressionType,
  controlKey,
  controlType,
  isControl,
  isTransactional,
  readBatches,
  readRecords,
  timestampType,
  uncompressedRecords,
  type ControlType,
  type LogRecord,
} from '../../../protocol/records/batch.ts'
import type { CompressionType } from '../../../protocol/records/codecs.ts'
import { nodeCodecs } from '../../../src/host/codecs.ts'

/** int64 fields are numbers, or strings where they have 16 digits or more. */
type Int64 = number | string

interface RecordVector {
  offset: Int64
  timestamp: Int64
  sequence?: number
  key: string | null
  value: string | null
  headers: { key: string; value: string | null }[]
  timestampDelta?: Int64
  controlType?: ControlType
}

interface BatchVector {
  position: number
  sizeInBytes: number
  magic: 0 | 1 | 2
  attributes: number
  compression: CompressionType
  timestampType: 'CreateTime' | 'LogAppendTime' | 'NoTimestampType'
  baseOffset: Int64
  lastOffset: Int64
  nextOffset: Int64
  maxTimestamp: Int64
  crc: number
  crcValid: boolean
  partitionLeaderEpoch: number
  lastOffsetDelta: number
  baseTimestamp: Int64
  producerId: Int64
  producerEpoch: number
  baseSequence: number
  lastSequence: number
  isTransactional: boolean
  isControlBatch: boolean
  deleteHorizonMs: Int64 | null
  recordCount: number
  records?: RecordVector[]
  uncompressedHex?: string
}

interface Vector {
  case: string
  about: string
  validBytes: number
  byteExact: boolean
  batches: BatchVector[]
  hex: string
}

/** The project's own vectors, or those of the folder that PROTOCOL_VECTORS names. */
function readVectors(): Vector[] {
  const folder = process.env['PROTOCOL_VECTORS'] ?? path.join('test', 'fixtures', 'vectors')
  const file = path.join(folder, 'record-batches.jsonl')
  const text = fs.existsSync(file)
    ? fs.readFileSync(file)
    : zlib.gunzipSync(fs.readFileSync(`${file}.gz`))
  const longNumbers = /("[^"\\]*(?:\\.[^"\\]*)*")|(?<![\d.])-?\d{16,}(?![\d.eE])/g
  return text
    .toString('utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) =>
      JSON.parse(line.replace(longNumbers, (all, quoted: string) => quoted ?? `"${all}"`)),
    )
}

const codecs = nodeCodecs()
const bytesOf = (base64: string | null): Buffer | null =>
  base64 === null ? null : Buffer.from(base64, 'base64')
const isSafe = (value: Int64): boolean => Number.isSafeInteger(Number(value))

function describeRecord(record: LogRecord, magic: number): RecordVector {
  return {
    offset: record.offset,
    timestamp: String(record.timestamp),
    ...(magic === 2 ? { sequence: record.sequence } : {}),
    key: record.key?.toString('base64') ?? null,
    value: record.value?.toString('base64') ?? null,
    headers: record.headers.map(({ key, value }) => ({
      key,
      value: value?.toString('base64') ?? null,
    })),
  }
}

function expectedRecord(record: RecordVector, magic: number): RecordVector {
  const { offset, timestamp, sequence, key, value, headers } = record
  const common = { offset: Number(offset), timestamp: String(timestamp), key, value, headers }
  return magic === 2 ? { ...common, sequence: sequence! } : common
}

function expectHeader(bytes: Buffer, vector: BatchVector): void {
  const attributes = batchAttributes(bytes, 0)
  expect({
    attributes,
    compression: compressionType(attributes),
    timestampType: timestampType(attributes),
    baseOffset: batchBaseOffset(bytes, 0),
    lastOffset: batchLastOffset(bytes, 0),
    nextOffset: batchNextOffset(bytes, 0),
    maxTimestamp: batchMaxTimestamp(bytes, 0),
    crc: batchCrc(bytes, 0),
    partitionLeaderEpoch: batchLeaderEpoch(bytes, 0),
    lastOffsetDelta: batchLastOffsetDelta(bytes, 0),
    baseTimestamp: batchBaseTimestamp(bytes, 0),
    producerId: batchProducerId(bytes, 0),
    producerEpoch: batchProducerEpoch(bytes, 0),
    baseSequence: batchBaseSequence(bytes, 0),
    lastSequence: batchLastSequence(bytes, 0),
    isTransactional: isTransactional(attributes),
    isControlBatch: isControl(attributes),
    deleteHorizonMs: batchDeleteHorizon(bytes, 0),
    recordCount: batchRecordCount(bytes, 0),
  }).toEqual({
    attributes: vector.attributes,
    compression: vector.compression,
    timestampType: vector.timestampType,
    baseOffset: Number(vector.baseOffset),
    lastOffset: Number(vector.lastOffset),
    nextOffset: Number(vector.nextOffset),
    maxTimestamp: BigInt(vector.maxTimestamp),
    crc: vector.crc,
    partitionLeaderEpoch: vector.partitionLeaderEpoch,
    lastOffsetDelta: vector.lastOffsetDelta,
    baseTimestamp: BigInt(vector.baseTimestamp),
    producerId: Number(vector.producerId),
    producerEpoch: vector.producerEpoch,
    baseSequence: vector.baseSequence,
    lastSequence: vector.lastSequence,
    isTransactional: vector.isTransactional,
    isControlBatch: vector.isControlBatch,
    deleteHorizonMs: vector.deleteHorizonMs === null ? null : BigInt(vector.deleteHorizonMs),
    recordCount: vector.recordCount,
  })
}

function encode(vector: BatchVector): Buffer {
  const { magic, compression, records = [] } = vector
  const isAppendTime = vector.timestampType === 'LogAppendTime'
  const appendTime = isAppendTime ? { logAppendTime: BigInt(vector.maxTimestamp) } : {}
  const toWrite = records.map((record) => ({
    offset: Number(record.offset),
    timestamp:
      magic === 2
        ? BigInt(vector.baseTimestamp) + BigInt(record.timestampDelta!)
        : BigInt(record.timestamp),
    key: record.controlType === undefined ? bytesOf(record.key) : controlKey(record.controlType),
    value: bytesOf(record.value),
    headers: record.headers.map(({ key, value }) => ({ key, value: bytesOf(value) })),
  }))
  const common = { records: toWrite, compression, ...appendTime }
  if (magic !== 2) {
    return buildMessages({ ...common, magic, baseOffset: Number(vector.baseOffset) }, codecs)
  }
  return buildBatch(
    {
      ...common,
      baseOffset: Number(vector.baseOffset),
      leaderEpoch: vector.partitionLeaderEpoch,
      producerId: Number(vector.producerId),
      producerEpoch: vector.producerEpoch,
      baseSequence: vector.baseSequence,
      isTransactional: vector.isTransactional,
      isControl: vector.isControlBatch,
      ...(vector.deleteHorizonMs === null
        ? {}
        : { deleteHorizonMs: BigInt(vector.deleteHorizonMs) }),
      lastOffset: Number(vector.lastOffset),
      maxTimestamp: BigInt(vector.maxTimestamp),
    },
    codecs,
  )
}

/** What stands compressed in a batch or in a wrapper message. */
function uncompressed(batch: Buffer, vector: BatchVector): Buffer {
  if (vector.magic === 2) return uncompressedRecords(batch, codecs)
  const valueAt = vector.magic === 0 ? 26 : 34
  return codecs.decompress(vector.compression, batch.subarray(valueAt), 1 << 24)
}

function check(bytes: Buffer, vector: BatchVector): string | null {
  return vector.magic === 2
    ? checkBatch(bytes, 0, bytes.length, codecs.crc32c)
    : checkMessage(bytes, 0, bytes.length, codecs.crc32)
}

describe('the record batches that Apache Kafka wrote', () => {
  const vectors = readVectors()
  const withBatches = vectors.flatMap((vector) => {
    const bytes = Buffer.from(vector.hex, 'hex')
    return vector.batches.map((batch): [string, Buffer, BatchVector] => [
      `${vector.case} at ${batch.position}`,
      bytes.subarray(batch.position, batch.position + batch.sizeInBytes),
      batch,
    ])
  })
  const valid = withBatches.filter(
    ([, , { crcValid, lastOffset, producerId = -1 }]) =>
      crcValid && isSafe(lastOffset) && isSafe(producerId),
  )

  test('there are some', () => {
    expect(vectors.length).toBeGreaterThan(100)
    expect(valid.length).toBeGreaterThan(100)
  })

  test('sets are cut into their whole batches, and a tail that is cut is left out', () => {
    for (const vector of vectors) {
      const batches = [...readBatches(Buffer.from(vector.hex, 'hex'))]
      expect(batches.map((batch) => batch.length)).toEqual(
        vector.batches.map((batch) => batch.sizeInBytes),
      )
      expect(batches.reduce((sum, batch) => sum + batch.length, 0)).toBe(vector.validBytes)
    }
  })

  test('a wrong checksum is found, and nothing wrong in any other', () => {
    for (const [name, bytes, vector] of withBatches) {
      const isUnsafe = !isSafe(vector.lastOffset) || !isSafe(vector.producerId ?? -1)
      const expected = !vector.crcValid ? 'crc' : isUnsafe ? 'offsets' : null
      expect([name, check(bytes, vector)]).toEqual([name, expected])
    }
  })

  test('a batch with an offset or producer id beyond 2^53 is a typed error', () => {
    const unsafe = withBatches.filter(
      ([, , { lastOffset, producerId = -1 }]) => !isSafe(lastOffset) || !isSafe(producerId),
    )
    expect(unsafe.length).toBeGreaterThan(0)
    for (const [, bytes, vector] of unsafe) {
      const read = isSafe(vector.lastOffset) ? batchProducerId : batchBaseOffset
      expect(() => read(bytes, 0)).toThrow(expect.objectContaining({ code: 'CORRUPT_RECORD' }))
    }
  })

  test.each(valid)('%s is read as Kafka reads it', (_name, bytes, vector) => {
    expect(batchMagic(bytes, 0)).toBe(vector.magic)
    expect(batchSizeBytes(bytes, 0)).toBe(vector.sizeInBytes)
    if (vector.magic === 2) expectHeader(bytes, vector)
    const records = [...readRecords(bytes, codecs)]
    expect(records.map((record) => describeRecord(record, vector.magic))).toEqual(
      vector.records!.map((record) => expectedRecord(record, vector.magic)),
    )
    if (vector.isControlBatch) {
      expect(controlType(records[0]!.key)).toBe(vector.records![0]!.controlType)
    }
    if (vector.uncompressedHex !== undefined) {
      expect(uncompressed(bytes, vector).toString('hex')).toBe(vector.uncompressedHex)
    }
  })

  test.each(valid)('%s is written as Kafka writes it', (_name, bytes, vector) => {
    const written = encode(vector)
    if (vector.compression === 'none') {
      expect(written.toString('hex')).toBe(bytes.toString('hex'))
      return
    }
    expect(uncompressed(written, vector).toString('hex')).toBe(vector.uncompressedHex)
    expect(check(written, vector)).toBeNull()
    const describe = (batch: Buffer): RecordVector[] =>
      [...readRecords(batch, codecs)].map((record) => describeRecord(record, vector.magic))
    expect(describe(written)).toEqual(describe(bytes))
  })
})
