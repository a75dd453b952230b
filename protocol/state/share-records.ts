import { array, int16, int32, int64, int8, message, string, uuid } from '../schema.ts'
import { coordinatorRecords } from './coordinator-records.ts'
import type { CoordinatorRecord, CoordinatorRecordToWrite } from './coordinator-records.ts'

const key = { groupId: string, topicId: uuid, partition: int32 }
const stateBatch = {
  firstOffset: int64,
  /** Inclusive. */
  lastOffset: int64,
  /** 0 available, 2 acknowledged, 4 archived. */
  deliveryState: int8,
  deliveryCount: int16,
}

export const ShareSnapshotKey = message({
  key: 0,
  name: 'ShareSnapshotKey',
  versions: [0, 0],
  fields: key,
})

/** The whole delivery state of a share-partition (KIP-932); updates follow until the next snapshot. */
export const ShareSnapshotValue = message({
  key: 0,
  name: 'ShareSnapshotValue',
  versions: [0, 0],
  flexible: 0,
  fields: {
    snapshotEpoch: int32,
    stateEpoch: int32,
    leaderEpoch: int32,
    startOffset: int64,
    /** Deliveries completed from the start offset on; -1: not known. */
    deliveryCompleteCount: int32.default(-1).tagged(0),
    /** ms since 1970 */
    createTimestamp: int64,
    /** ms since 1970 */
    writeTimestamp: int64,
    stateBatches: array(stateBatch),
  },
})

export const ShareUpdateKey = message({
  key: 1,
  name: 'ShareUpdateKey',
  versions: [0, 0],
  fields: key,
})

/** A change on top of the snapshot with the same epoch. */
export const ShareUpdateValue = message({
  key: 1,
  name: 'ShareUpdateValue',
  versions: [0, 0],
  flexible: 0,
  fields: {
    snapshotEpoch: int32,
    leaderEpoch: int32,
    /** -1: unchanged. */
    startOffset: int64,
    deliveryCompleteCount: int32.default(-1).tagged(0),
    stateBatches: array(stateBatch),
  },
})

export const shareMessages = {
  ShareSnapshotKey,
  ShareSnapshotValue,
  ShareUpdateKey,
  ShareUpdateValue,
}

/** The records of `__share_group_state`. */
export const shareRecords = coordinatorRecords({
  ShareSnapshot: { key: ShareSnapshotKey, value: ShareSnapshotValue },
  ShareUpdate: { key: ShareUpdateKey, value: ShareUpdateValue },
})

export type ShareRecord = CoordinatorRecord<typeof shareRecords.kinds>
export type ShareRecordToWrite = CoordinatorRecordToWrite<typeof shareRecords.kinds>
