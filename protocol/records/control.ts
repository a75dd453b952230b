import { CorruptRecordError } from './errors.ts'

/**
 * The records of control batches, by the number in their keys (version int16, type int16). Their values are the messages
 * EndTxnMarker (abort, commit), LeaderChangeMessage, SnapshotHeaderRecord, SnapshotFooterRecord, KRaftVersionRecord and
 * VotersRecord.
 */
export const CONTROL_TYPES = [
  'ABORT',
  'COMMIT',
  'LEADER_CHANGE',
  'SNAPSHOT_HEADER',
  'SNAPSHOT_FOOTER',
  'KRAFT_VERSION',
  'KRAFT_VOTERS',
] as const
export type ControlType = (typeof CONTROL_TYPES)[number]

const CURRENT_VERSION = 0

/**
 * What a control record is, from its key.
 * @returns null for a type that is newer than this code: to be skipped
 * @throws CorruptRecordError where the key is missing, too short, or of a negative version
 */
export function controlType(key: Buffer | null): ControlType | null {
  if (key === null || key.length < 4) throw new CorruptRecordError('A control record has no key')
  if (key.readInt16BE(0) < 0) throw new CorruptRecordError('Negative version of a control record')
  return CONTROL_TYPES[key.readInt16BE(2)] ?? null
}

/** The key of a control record. */
export function controlKey(type: ControlType): Buffer {
  const key = Buffer.alloc(4)
  key.writeInt16BE(CURRENT_VERSION, 0)
  key.writeInt16BE(CONTROL_TYPES.indexOf(type), 2)
  return key
}
