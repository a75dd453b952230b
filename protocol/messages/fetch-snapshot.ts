import {
  api,
  array,
  errorCode,
  int32,
  int64,
  records,
  string,
  struct,
  throttleTimeMs,
  uint16,
  uuid,
} from '../schema.ts'
import type { RequestOf, ResponseOf } from '../schema.ts'

/** The log as of this end offset and the epoch of the record before it. */
const snapshotId = { endOffset: int64, epoch: int32 }

/** A replica of the metadata log that lags behind its start loads a snapshot, piece by piece (KIP-630). */
export const FetchSnapshot = api({
  key: 59,
  name: 'FetchSnapshot',
  versions: [0, 1],
  flexible: 0,
  listeners: ['controller'],
  request: {
    clusterId: string.nullable().default(null).tagged(0),
    replicaId: int32.default(-1),
    /** Of all pieces together. */
    maxBytes: int32.default(0x7fffffff),
    topics: array({
      name: string,
      partitions: array({
        partition: int32,
        /** -1 when unknown. */
        currentLeaderEpoch: int32,
        snapshotId: struct(snapshotId),
        /** The byte of the snapshot from which to read. */
        position: int64,
        /** KIP-853. */
        replicaDirectoryId: uuid.since(1).tagged(0),
      }),
    }),
  },
  response: {
    throttleTimeMs,
    errorCode,
    topics: array({
      name: string,
      partitions: array({
        index: int32,
        errorCode,
        snapshotId: struct(snapshotId),
        /** As far as the answering replica knows. */
        currentLeader: struct({ leaderId: int32, leaderEpoch: int32 }).tagged(0),
        /** The whole snapshot's, in bytes. */
        size: int64,
        position: int64,
        /** The snapshot's bytes from `position` on; may begin and end within a batch. */
        unalignedRecords: records,
      }),
    }),
    /** Where the leaders named above are (KIP-853). */
    nodeEndpoints: array({ nodeId: int32, host: string, port: uint16 }).since(1).tagged(0),
  },
})

export type FetchSnapshotRequest = RequestOf<typeof FetchSnapshot>
export type FetchSnapshotResponse = ResponseOf<typeof FetchSnapshot>
