import { ZERO_UUID } from '../../../protocol/schema.ts'
import { groupRecords } from '../../../protocol/state/group-records.ts'
import type { GroupRecord, GroupRecordToWrite } from '../../../protocol/state/group-records.ts'
import type { StateRecord } from '../runtime/partition-log.ts'
import type { DurableFact } from './facts.ts'

/** The versions that Kafka 4.3 writes. */
const GROUP_METADATA_VERSION = 3
const OFFSET_COMMIT_VERSION = 4
/** The only one with an expire timestamp. */
const EXPIRING_OFFSET_COMMIT_VERSION = 1

/** The record of `__consumer_offsets` that a fact is stored as. */
export function encodeFact(fact: DurableFact): StateRecord {
  return groupRecords.encode(recordOf(fact))
}

function recordOf(fact: DurableFact): GroupRecordToWrite {
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
export function decodeFact({ key, value }: StateRecord): DurableFact | null {
  const record = groupRecords.decode(key, value)
  return record && factOf(record)
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
