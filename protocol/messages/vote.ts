import { api, array, bool, errorCode, int32, int64, string, uint16, uuid } from '../schema.ts'
import type { RequestOf, ResponseOf } from '../schema.ts'

/**
 * A candidate asks a voter of the metadata quorum for its vote (KIP-595). v1 names the voters' directories (KIP-853),
 * v2 may ask only whether it would vote, which changes nothing at the voter (pre-vote, KIP-996).
 */
export const Vote = api({
  key: 52,
  name: 'Vote',
  versions: [0, 2],
  flexible: 0,
  listeners: ['controller'],
  request: {
    clusterId: string.nullable().default(null),
    /** Who is asked; -1 where the asking version doesn't say. */
    voterId: int32.default(-1).since(1),
    topics: array({
      topicName: string,
      partitions: array({
        partitionIndex: int32,
        /** The epoch in which the vote is asked for; in a pre-vote the present one of the asking replica. */
        replicaEpoch: int32,
        /** Who asks. */
        replicaId: int32,
        replicaDirectoryId: uuid.since(1),
        voterDirectoryId: uuid.since(1),
        /** The epoch of the last record in the asking replica's log. */
        lastOffsetEpoch: int32,
        /** The asking replica's log end offset. */
        lastOffset: int64,
        preVote: bool.since(2),
      }),
    }),
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
        voteGranted: bool,
      }),
    }),
    /** Where the leaders named above are. */
    nodeEndpoints: array({ nodeId: int32, host: string, port: uint16 }).since(1).tagged(0),
  },
})

export type VoteRequest = RequestOf<typeof Vote>
export type VoteResponse = ResponseOf<typeof Vote>
