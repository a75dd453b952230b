import { api, errorCode, int32, string, throttleTimeMs, uuid } from '../schema.ts'
import type { RequestOf, ResponseOf } from '../schema.ts'

/** Makes a voter of the metadata quorum an observer (KIP-853). */
export const RemoveRaftVoter = api({
  key: 81,
  name: 'RemoveRaftVoter',
  versions: [0, 0],
  flexible: 0,
  listeners: ['controller', 'broker'],
  request: { clusterId: string.nullable(), voterId: int32, voterDirectoryId: uuid },
  response: { throttleTimeMs, errorCode, errorMessage: string.nullable() },
})

export type RemoveRaftVoterRequest = RequestOf<typeof RemoveRaftVoter>
export type RemoveRaftVoterResponse = ResponseOf<typeof RemoveRaftVoter>
