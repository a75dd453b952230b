import { codecOf } from '../codec.ts'
import type { DecodedOf, EncodedOf, Message, Shape } from '../schema.ts'
import { Reader } from '../wire/reader.ts'
import { Writer } from '../wire/writer.ts'
import * as features from './metadata/features.ts'
import * as nodes from './metadata/nodes.ts'
import * as security from './metadata/security.ts'
import * as topics from './metadata/topics.ts'

/** The records of the metadata log, by Kafka's names. */
export const metadataRecords = { ...nodes, ...topics, ...features, ...security }

type MetadataRecords = typeof metadataRecords
export type MetadataRecordType = keyof MetadataRecords

/** A record as read: its declared type, the version it was written in, and every field. */
export type MetadataRecord = {
  [Type in MetadataRecordType]: {
    readonly type: Type
    readonly version: number
    readonly value: DecodedOf<MetadataRecords[Type]>
  }
}[MetadataRecordType]

/** A record to write. Without a version it is written in the latest. */
export type MetadataRecordToWrite = {
  [Type in MetadataRecordType]: {
    readonly type: Type
    readonly version?: number
    readonly value: EncodedOf<MetadataRecords[Type]>
  }
}[MetadataRecordType]

/** The only version of the frame round a metadata record. */
const FRAME_VERSION = 1

const byKey: ReadonlyMap<number, [MetadataRecordType, Message<Shape>]> = new Map(
  Object.entries(metadataRecords).map(([type, message]) => [
    message.key as number,
    [type as MetadataRecordType, message],
  ]),
)

/** The value of a metadata log record: frame version, record key and version as varints, then the body. */
export function encodeMetadataRecord(record: MetadataRecordToWrite): Buffer {
  const message: Message<Shape> = metadataRecords[record.type]
  const version = record.version ?? message.versions[1]
  const writer = new Writer()
  writer.uvarint(FRAME_VERSION)
  writer.uvarint(message.key!)
  writer.uvarint(version)
  codecOf(message, version).write(writer, record.value)
  return writer.toBuffer()
}

/**
 * Reads the value of a metadata log record. As in Kafka, an unknown frame version, record or record version, and bytes
 * left over, are errors (DecodeError): a node that skipped a record would hold another image than its peers.
 */
export function decodeMetadataRecord(value: Buffer): MetadataRecord {
  const reader: Reader = new Reader(value)
  const frameVersion = reader.uvarint()
  if (frameVersion !== FRAME_VERSION) reader.fail(`metadata frame version ${frameVersion}`)
  const key = reader.uvarint()
  const version = reader.uvarint()
  const known = byKey.get(key)
  if (known === undefined) reader.fail(`unknown metadata record ${key}`)
  const [type, message] = known
  if (version < message.versions[0] || version > message.versions[1]) {
    reader.fail(`version ${version} of ${type} is unknown`)
  }
  const body = codecOf(message, version).read(reader)
  if (reader.remaining > 0) reader.fail(`${reader.remaining} bytes too many after ${type}`)
  return { type, version, value: body } as unknown as MetadataRecord
}
