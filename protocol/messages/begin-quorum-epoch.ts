import { api, array, errorCode, int32, string, uint16, uuid } from '../schema.ts'
import type { RequestOf, ResponseOf } from '../schema.ts'

/** A new leader of the metadata quorum tells the voters of its epoch (KIP-595). v1: directories and endpoints (KIP-853). */
export const BeginQuorumEpoch = api({
  key: 53,
  name: 'BeginQuorumEpoch',
  versions: [0, 1],
  flexible: 1,
  listeners: ['controller'],
  request: {
    clusterId: string.nullable().default(null),
    /** Who is told; -1 where the version doesn't say. */
    voterId: int32.default(-1).since(1),
    topics: array({
      topicName: string,
      partitions: array({
        partitionIndex: int32,
        voterDirectoryId: uuid.since(1),
        leaderId: int32,
        leaderEpoch: int32,
      }),
    }),
    /** The leader's own, by listener name. */
    leaderEndpoints: array({ name: string, host: string, port: uint16 }).since(1),
  },
  response: {
    errorCode,
    topics: array({
      topicName: string,
      partitions: array({
        partitionIndex: int32,
        errorCode,
        /** -1 when unknown. */
        leaderId: int32,
        leaderEpoch: int32,
      }),
    }),
    /** Where the leaders named above are. */
    nodeEndpoints: array({ nodeId: int32, host: string, port: uint16 }).since(1).tagged(0),
  },
})

export type BeginQuorumEpochRequest = RequestOf<typeof BeginQuorumEpoch>
export type BeginQuorumEpochResponse = ResponseOf<typeof BeginQuorumEpoch>
