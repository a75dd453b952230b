import { readSafe, writeSafe } from '../base/int64.ts'
import { ProducerEntry } from './producer-entry.ts'

type Crc32c = (bytes: Uint8Array) => number

/** Version int16 = 1, CRC-32C of what follows the checksum, number of entries int32. */
const HEADER_BYTES = 10
const CRC_AT = 2
const COUNT_AT = 6
const CURRENT_VERSION = 1
/**
 * Producer id int64, epoch int16, last sequence int32, last offset int64, offset delta int32, timestamp int64,
 * coordinator epoch int32, first offset of the current transaction int64 (-1: none).
 */
const ENTRY_BYTES = 46

/** The content of a `.snapshot`: what is known of all producers at the offset in its name. */
export function encodeProducerSnapshot(entries: Iterable<ProducerEntry>, crc32c: Crc32c): Buffer {
  const ordered = inKafkasOrder([...entries])
  const bytes = Buffer.alloc(HEADER_BYTES + ordered.length * ENTRY_BYTES)
  bytes.writeInt16BE(CURRENT_VERSION, 0)
  bytes.writeInt32BE(ordered.length, COUNT_AT)
  let at = HEADER_BYTES
  for (const entry of ordered) {
    const last = entry.batches.at(-1)
    writeSafe(bytes, entry.producerId, at)
    bytes.writeInt16BE(entry.epoch, at + 8)
    bytes.writeInt32BE(entry.lastSequence, at + 10)
    writeSafe(bytes, last?.lastOffset ?? -1, at + 14)
    bytes.writeInt32BE(last?.offsetDelta ?? 0, at + 22)
    bytes.writeBigInt64BE(entry.lastTimestamp, at + 26)
    bytes.writeInt32BE(entry.coordinatorEpoch, at + 34)
    writeSafe(bytes, entry.currentTransactionFirstOffset, at + 38)
    at += ENTRY_BYTES
  }
  bytes.writeUInt32BE(crc32c(bytes.subarray(COUNT_AT)), CRC_AT)
  return bytes
}

/** @returns null where the file is damaged, or of a version that isn't known */
export function decodeProducerSnapshot(bytes: Buffer, crc32c: Crc32c): ProducerEntry[] | null {
  if (bytes.length < HEADER_BYTES || bytes.readInt16BE(0) !== CURRENT_VERSION) return null
  if (bytes.readUInt32BE(CRC_AT) !== crc32c(bytes.subarray(COUNT_AT))) return null
  const count = bytes.readInt32BE(COUNT_AT)
  if (bytes.length !== HEADER_BYTES + count * ENTRY_BYTES) return null
  const entries: ProducerEntry[] = []
  for (let at = HEADER_BYTES; at < bytes.length; at += ENTRY_BYTES) {
    const producerId = readSafe(bytes, at)
    const lastOffset = readSafe(bytes, at + 14)
    const firstOffset = readSafe(bytes, at + 38)
    if (Number.isNaN(producerId + lastOffset + firstOffset)) return null
    const entry = new ProducerEntry(producerId)
    entry.epoch = bytes.readInt16BE(at + 8)
    entry.lastTimestamp = bytes.readBigInt64BE(at + 26)
    entry.coordinatorEpoch = bytes.readInt32BE(at + 34)
    entry.currentTransactionFirstOffset = firstOffset
    if (lastOffset >= 0) {
      entry.batches.push({
        lastSequence: bytes.readInt32BE(at + 10),
        lastOffset,
        offsetDelta: bytes.readInt32BE(at + 22),
        timestamp: entry.lastTimestamp,
      })
    }
    entries.push(entry)
  }
  return entries
}

const LEAST_TABLE_SIZE = 16
const LOAD_FACTOR = 0.75

/**
 * Apache Kafka writes producers in the order of Java's HashMap. Any order is right; its own makes files that can be
 * compared byte for byte.
 */
function inKafkasOrder(entries: ProducerEntry[]): ProducerEntry[] {
  let tableSize = LEAST_TABLE_SIZE
  while (entries.length > tableSize * LOAD_FACTOR) tableSize *= 2
  const bucket = ({ producerId }: ProducerEntry): number => {
    const hash = (producerId | 0) ^ Math.floor(producerId / 0x100000000)
    return (hash ^ (hash >>> 16)) & (tableSize - 1)
  }
  return entries.sort((one, other) => bucket(one) - bucket(other))
}
