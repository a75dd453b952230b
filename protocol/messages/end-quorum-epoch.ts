import { api, array, errorCode, int32, string, uint16, uuid } from '../schema.ts'
import type { RequestOf, ResponseOf } from '../schema.ts'

/** A leader of the metadata quorum that resigns asks the voters to elect another at once (KIP-595). */
export const EndQuorumEpoch = api({
  key: 54,
  name: 'EndQuorumEpoch',
  versions: [0, 1],
  flexible: 1,
  listeners: ['controller'],
  request: {
    clusterId: string.nullable().default(null),
    topics: array({
      topicName: string,
      partitions: array({
        partitionIndex: int32,
        /** Who resigns. */
        leaderId: int32,
        leaderEpoch: int32,
        /** Voters by how much of the log they have, most first: the later in the list, the longer one waits. */
        preferredSuccessors: array(int32).until(0),
        /** The same with directories (KIP-853). */
        preferredCandidates: array({ candidateId: int32, candidateDirectoryId: uuid }).since(1),
      }),
    }),
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

export type EndQuorumEpochRequest = RequestOf<typeof EndQuorumEpoch>
export type EndQuorumEpochResponse = ResponseOf<typeof EndQuorumEpoch>
