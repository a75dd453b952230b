import { ZERO_UUID } from '../../../protocol/schema.ts'
import {
  decodeControlRecord,
  encodeControlRecord,
} from '../../../protocol/state/control-records.ts'
import { groupRecords } from '../../../protocol/state/group-records.ts'
import type { GroupRecord, GroupRecordToWrite } from '../../../protocol/state/group-records.ts'
import { UNGUARDED } from '../../log/producers/verifications.ts'
import type { StateRecord, TransactionPart } from '../runtime/kind.ts'
import type { DurableFact, FactOf } from './facts.ts'

/** The versions that Kafka 4.3 writes. */
const GROUP_METADATA_VERSION = 3
const OFFSET_COMMIT_VERSION = 4
/** The only one with an expire timestamp. */
const EXPIRING_OFFSET_COMMIT_VERSION = 1

/** The record of `__consumer_offsets` that a fact is stored as. */
export function encodeFact(fact: DurableFact): StateRecord {
  if (fact.type === 'TransactionEnded') return encodeMarker(fact)
  const record = groupRecords.encode(recordOf(fact))
  if (fact.type !== 'OffsetPending') return record
  const { producerId, producerEpoch, guard } = fact
  const transaction = { producerId, producerEpoch, isMarker: false, terms: { guard } }
  return { ...record, transaction }
}

function encodeMarker(fact: FactOf<'TransactionEnded'>): StateRecord {
  const { producerId, producerEpoch, result, coordinatorEpoch, transactionVersion } = fact
  const record = encodeControlRecord({ type: result, value: { coordinatorEpoch } })
  const terms = { coordinatorEpoch, transactionVersion }
  return { ...record, transaction: { producerId, producerEpoch, isMarker: true, terms } }
}

function recordOf(fact: Exclude<DurableFact, { type: 'TransactionEnded' }>): GroupRecordToWrite {
  const { groupId: group } = fact
  switch (fact.type) {
    case 'GroupStored':
      return {
        type: 'GroupMetadata',
        key: { group },
        version: GROUP_METADATA_VERSION,
        value: fact.value,
      }
    case 'GroupDeleted':
      return { type: 'GroupMetadata', key: { group }, value: null }
    case 'OffsetCommitted':
    case 'OffsetPending':
      return {
        type: 'OffsetCommit',
        key: { group, topic: fact.topic, partition: fact.partition },
        version:
          fact.committed.expireTimestamp === -1
            ? OFFSET_COMMIT_VERSION
            : EXPIRING_OFFSET_COMMIT_VERSION,
        value: fact.committed,
      }
    case 'OffsetDeleted':
      return {
        type: 'OffsetCommit',
        key: { group, topic: fact.topic, partition: fact.partition },
        value: null,
      }
  }
}

/**
 * The fact that a record stands for; null for records of other kinds of groups, and of kinds that a later Kafka may have
 * written.
 * @throws DecodeError
 */
export function decodeFact({ key, value, transaction }: StateRecord): DurableFact | null {
  if (transaction?.isMarker === true) return decodeMarker(key, value, transaction)
  const record = groupRecords.decode(key, value)
  const fact = record && factOf(record)
  // Only commits wait for the end of a transaction: tombstones are effective at once.
  if (fact?.type !== 'OffsetCommitted' || transaction === undefined) return fact
  const { producerId, producerEpoch } = transaction
  return { ...fact, type: 'OffsetPending', producerId, producerEpoch, guard: UNGUARDED }
}

function decodeMarker(
  key: Buffer,
  value: Buffer | null,
  { producerId, producerEpoch }: TransactionPart,
): DurableFact | null {
  const record = decodeControlRecord(key, value ?? Buffer.alloc(0))
  if (record?.type !== 'COMMIT' && record?.type !== 'ABORT') return null
  const { type: result, value: marker } = record
  const { coordinatorEpoch } = marker
  const ended = { producerId, producerEpoch, result, coordinatorEpoch, transactionVersion: 0 }
  return { type: 'TransactionEnded', ...ended }
}

function factOf(record: GroupRecord): DurableFact | null {
  switch (record.type) {
    case 'GroupMetadata': {
      const { group: groupId } = record.key
      return record.value === null
        ? { type: 'GroupDeleted', groupId }
        : { type: 'GroupStored', groupId, value: record.value }
    }
    case 'OffsetCommit':
    case 'LegacyOffsetCommit': {
      const { group: groupId, topic, partition } = record.key
      if (record.value === null) return { type: 'OffsetDeleted', groupId, topic, partition }
      const committed = {
        leaderEpoch: -1,
        expireTimestamp: -1,
        topicId: ZERO_UUID,
        ...record.value,
      }
      return { type: 'OffsetCommitted', groupId, topic, partition, committed }
    }
    default:
      return null
  }
}
