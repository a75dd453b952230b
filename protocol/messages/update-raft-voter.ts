import {
  api,
  array,
  errorCode,
  int16,
  int32,
  string,
  struct,
  throttleTimeMs,
  uint16,
  uuid,
} from '../schema.ts'
import type { RequestOf, ResponseOf } from '../schema.ts'

/** A voter tells the quorum's leader its present endpoints and which kraft.version it knows (KIP-853). */
export const UpdateRaftVoter = api({
  key: 82,
  name: 'UpdateRaftVoter',
  versions: [0, 0],
  flexible: 0,
  listeners: ['controller'],
  request: {
    clusterId: string.nullable(),
    /** -1 when unknown. */
    currentLeaderEpoch: int32,
    voterId: int32,
    voterDirectoryId: uuid,
    listeners: array({ name: string, host: string, port: uint16 }),
    kRaftVersionFeature: struct({ minSupportedVersion: int16, maxSupportedVersion: int16 }),
  },
  response: {
    throttleTimeMs,
    errorCode,
    /** As far as the answering voter knows. */
    currentLeader: struct({
      leaderId: int32.default(-1),
      leaderEpoch: int32.default(-1),
      host: string,
      port: int32,
    }).tagged(0),
  },
})

export type UpdateRaftVoterRequest = RequestOf<typeof UpdateRaftVoter>
export type UpdateRaftVoterResponse = ResponseOf<typeof UpdateRaftVoter>
