import { codecOf } from '../codec.ts'
import { controlKey, controlType } from '../records/control.ts'
import type { ControlType } from '../records/control.ts'
import { array, int16, int32, int64, message, string, struct, uint16, uuid } from '../schema.ts'
import type { DecodedOf, EncodedOf, Message, Shape } from '../schema.ts'
import { Reader } from '../wire/reader.ts'
import { Writer } from '../wire/writer.ts'

/** What follows the version in the key of a control record. */
export const ControlRecordTypeSchema = message({
  name: 'ControlRecordTypeSchema',
  versions: [0, 0],
  fields: { type: int16 },
})

/** The value of a transaction's commit or abort marker. */
export const EndTxnMarker = message({
  name: 'EndTxnMarker',
  versions: [0, 0],
  fields: {
    /** Fences markers of a transaction coordinator that lost its partition. */
    coordinatorEpoch: int32,
  },
})

const voter = { voterId: int32, voterDirectoryId: uuid.since(1) }

/** The first record of a raft leader's epoch. Apache Kafka writes v0 even where voters have directory ids. */
export const LeaderChangeMessage = message({
  name: 'LeaderChangeMessage',
  versions: [0, 1],
  flexible: 0,
  fields: {
    version: int16.default(0),
    leaderId: int32,
    voters: array(voter),
    grantingVoters: array(voter),
  },
})

/** The first record of a snapshot. */
export const SnapshotHeaderRecord = message({
  name: 'SnapshotHeaderRecord',
  versions: [0, 0],
  flexible: 0,
  fields: {
    version: int16.default(0),
    /** When the last record that the snapshot contains was appended, ms. */
    lastContainedLogTimestamp: int64,
  },
})

/** The last record of a snapshot: without it the file is not complete. */
export const SnapshotFooterRecord = message({
  name: 'SnapshotFooterRecord',
  versions: [0, 0],
  flexible: 0,
  fields: { version: int16.default(0) },
})

/** The finalized kraft.version: 1 means that the voter set is kept in the log (KIP-853). */
export const KRaftVersionRecord = message({
  name: 'KRaftVersionRecord',
  versions: [0, 0],
  flexible: 0,
  fields: { version: int16.default(0), kRaftVersion: int16 },
})

/** The voter set (KIP-853); in force as soon as it is read, committed or not. */
export const VotersRecord = message({
  name: 'VotersRecord',
  versions: [0, 0],
  flexible: 0,
  fields: {
    version: int16.default(0),
    voters: array({
      voterId: int32,
      voterDirectoryId: uuid,
      endpoints: array({ name: string, host: string, port: uint16 }),
      kRaftVersionFeature: struct({ minSupportedVersion: int16, maxSupportedVersion: int16 }),
    }),
  },
})

const messages = {
  ABORT: EndTxnMarker,
  COMMIT: EndTxnMarker,
  LEADER_CHANGE: LeaderChangeMessage,
  SNAPSHOT_HEADER: SnapshotHeaderRecord,
  SNAPSHOT_FOOTER: SnapshotFooterRecord,
  KRAFT_VERSION: KRaftVersionRecord,
  KRAFT_VOTERS: VotersRecord,
} satisfies Record<ControlType, unknown>
type Messages = typeof messages

export type ControlRecord = {
  [Type in ControlType]: { readonly type: Type; readonly value: DecodedOf<Messages[Type]> }
}[ControlType]

/** A control record to write; `value.version` need not be given where it is 0. */
export type ControlRecordToWrite = {
  [Type in ControlType]: { readonly type: Type; readonly value: EncodedOf<Messages[Type]> }
}[ControlType]

/** Transaction markers have a version before the body; KRaft's records begin with one of their own. */
const isTransactionMarker = (message: object): boolean => message === EndTxnMarker

export function encodeControlRecord(record: ControlRecordToWrite): { key: Buffer; value: Buffer } {
  const message: Message<Shape> = messages[record.type]
  const value = new Writer()
  let version = 0
  if (isTransactionMarker(message)) value.int16(0)
  else version = (record.value as { version?: number }).version ?? 0
  codecOf(message, version).write(value, record.value)
  return { key: controlKey(record.type), value: value.toBuffer() }
}

/**
 * Reads a control record; null if its type is unknown, to be skipped. A key or transaction marker of a later
 * version is read as version 0, to which later ones may only append; KRaft's must be of a known version.
 * @throws CorruptRecordError for the key, DecodeError for the value
 */
export function decodeControlRecord(key: Buffer, value: Buffer): ControlRecord | null {
  const type = controlType(key)
  if (type === null) return null
  const message: Message<Shape> = messages[type]
  const reader: Reader = new Reader(value)
  const version = reader.int16()
  if (isTransactionMarker(message)) {
    if (version < 0) reader.fail(`${type} marker of version ${version}`)
    return { type, value: codecOf(message, 0).read(reader) } as unknown as ControlRecord
  }
  if (version < message.versions[0] || version > message.versions[1]) {
    reader.fail(`version ${version} of ${message.name} is unknown`)
  }
  reader.position = 0
  const body = codecOf(message, version).read(reader)
  if (reader.remaining > 0) reader.fail(`${reader.remaining} bytes too many after ${message.name}`)
  return { type, value: body } as unknown as ControlRecord
}
