import { api, array, errorCode, int32, int64, string, uint16, uuid } from '../schema.ts'
import type { RequestOf, ResponseOf } from '../schema.ts'

const replicaState = {
  replicaId: int32,
  replicaDirectoryId: uuid.since(2),
  /** -1 when unknown. */
  logEndOffset: int64,
  /** When it last fetched, ms of the leader's clock; -1 when unknown and for the leader itself. */
  lastFetchTimestamp: int64.default(-1).since(1),
  /** When the leader appended what it last fetched from, ms; the leader says the present, -1 is unknown. */
  lastCaughtUpTimestamp: int64.default(-1).since(1),
}

/**
 * The state of the metadata quorum as its leader sees it (KIP-595). v1 has timestamps (KIP-836), v2 directory ids, error
 * messages and the voters' endpoints (KIP-853). Any other voter answers
 * NOT_LEADER_OR_FOLLOWER for the partition; a broker forwards.
 */
export const DescribeQuorum = api({
  key: 55,
  name: 'DescribeQuorum',
  versions: [0, 2],
  flexible: 0,
  listeners: ['broker', 'controller'],
  request: {
    topics: array({ topicName: string, partitions: array({ partitionIndex: int32 }) }),
  },
  response: {
    errorCode,
    errorMessage: string.nullable(2).since(2),
    topics: array({
      topicName: string,
      partitions: array({
        partitionIndex: int32,
        errorCode,
        errorMessage: string.nullable(2).since(2),
        /** -1 when unknown. */
        leaderId: int32,
        leaderEpoch: int32,
        highWatermark: int64,
        currentVoters: array(replicaState),
        observers: array(replicaState),
      }),
    }),
    nodes: array({
      nodeId: int32,
      listeners: array({ name: string, host: string, port: uint16 }),
    }).since(2),
  },
})

export type DescribeQuorumRequest = RequestOf<typeof DescribeQuorum>
export type DescribeQuorumResponse = ResponseOf<typeof DescribeQuorum>
