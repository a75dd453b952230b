import {
  api,
  array,
  bigInt64,
  errorCode,
  int32,
  int64,
  int8,
  records,
  saturatedInt64,
  string,
  struct,
  throttleTimeMs,
  uuid,
} from '../schema.ts'
import type { RequestOf, ResponseOf } from '../schema.ts'

/**
 * Consumers, followers and the quorum's members read record batches.
 *
 * From v7 on a fetch session may carry the partitions over from request to request (KIP-227). v9 fences by leader epoch
 * (KIP-320), v11 leads consumers to a replica near them (KIP-392), v12 finds diverging logs (KIP-595), v13 names topics by
 * id (KIP-516), v15 has the replica's epoch (KIP-903), v16 the addresses of new leaders (KIP-951), v17 the voter's
 * directory (KIP-853), v18 the high watermark that the replica knows (KIP-1166).
 */
export const Fetch = api({
  key: 1,
  name: 'Fetch',
  versions: [4, 18],
  flexible: 12,
  listeners: ['broker', 'controller'],
  request: {
    /** Lets a peer of another cluster be refused. */
    clusterId: string.nullable().default(null).since(12).tagged(0),
    /** The follower's broker id, -1 for a consumer; in `replicaState` from v15 on. */
    replicaId: int32.default(-1).until(14),
    /** The follower's broker id and epoch, -1 and -1 for a consumer. */
    replicaState: struct({ replicaId: int32.default(-1), replicaEpoch: saturatedInt64.default(-1) })
      .since(15)
      .tagged(1),
    maxWaitMs: int32,
    minBytes: int32,
    /** A first batch that is larger is returned all the same (KIP-74). */
    maxBytes: int32.default(0x7fff_ffff),
    /** 0 reads all records; 1 reads up to the last stable offset and gets the aborted transactions. */
    isolationLevel: int8.default(0),
    /** 0 outside a session. */
    sessionId: int32.default(0).since(7),
    /** -1 is a full fetch outside any session, 0 a full fetch that opens one. */
    sessionEpoch: int32.default(-1).since(7),
    topics: array({
      topic: string.until(12),
      topicId: uuid.since(13),
      partitions: array({
        partition: int32,
        currentLeaderEpoch: int32.default(-1).since(9),
        fetchOffset: saturatedInt64,
        /** The epoch of the last record that the replica has; -1 for none. */
        lastFetchedEpoch: int32.default(-1).since(12),
        /** The follower's own; consumers say -1. */
        logStartOffset: saturatedInt64.default(-1).since(5),
        partitionMaxBytes: int32,
        replicaDirectoryId: uuid.since(17).tagged(0),
        /** -1 when the replica knows none; the highest int64 when it doesn't take part in KIP-1166. */
        highWatermark: bigInt64.default(0x7fff_ffff_ffff_ffffn).since(18).tagged(1),
      }),
    }),
    /** What to take out of the session. */
    forgottenTopicsData: array({
      topic: string.until(12),
      topicId: uuid.since(13),
      partitions: array(int32),
    }).since(7),
    rackId: string.default('').since(11),
  },
  response: {
    throttleTimeMs,
    errorCode: errorCode.since(7),
    sessionId: int32.default(0).since(7),
    responses: array({
      topic: string.until(12),
      topicId: uuid.since(13),
      partitions: array({
        partitionIndex: int32,
        errorCode,
        highWatermark: int64,
        lastStableOffset: int64.default(-1),
        logStartOffset: int64.default(-1).since(5),
        /** The largest epoch, and its end, from which on the replica's log is not the leader's. */
        divergingEpoch: struct({ epoch: int32.default(-1), endOffset: int64.default(-1) })
          .since(12)
          .tagged(0),
        currentLeader: struct({ leaderId: int32.default(-1), leaderEpoch: int32.default(-1) })
          .since(12)
          .tagged(1),
        /** KIP-630: the snapshot to load instead, when the log no longer goes back that far. */
        snapshotId: struct({ endOffset: int64.default(-1), epoch: int32.default(-1) })
          .since(12)
          .tagged(2),
        abortedTransactions: array({ producerId: int64, firstOffset: int64 }).nullable(),
        /** The replica to fetch from henceforth; -1 for this one. */
        preferredReadReplica: int32.default(-1).since(11),
        records: records.nullable(),
      }),
    }),
    /** KIP-951: addresses of the current leaders above. */
    nodeEndpoints: array({
      nodeId: int32,
      host: string,
      port: int32,
      rack: string.nullable().default(null),
    })
      .since(16)
      .tagged(0),
  },
})
export type FetchRequest = RequestOf<typeof Fetch>
export type FetchResponse = ResponseOf<typeof Fetch>
