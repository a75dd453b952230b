import {
  api,
  array,
  bool,
  errorCode,
  int32,
  string,
  throttleTimeMs,
  uint16,
  uuid,
} from '../schema.ts'
import type { RequestOf, ResponseOf } from '../schema.ts'

/** Makes an observer of the metadata quorum a voter (KIP-853). v1 need not wait for the commit (KIP-1186). */
export const AddRaftVoter = api({
  key: 80,
  name: 'AddRaftVoter',
  versions: [0, 1],
  flexible: 0,
  listeners: ['controller', 'broker'],
  request: {
    clusterId: string.nullable(),
    timeoutMs: int32,
    voterId: int32,
    voterDirectoryId: uuid,
    listeners: array({ name: string, host: string, port: uint16 }),
    /** False: answered once the leader has written the new set of voters. */
    ackWhenCommitted: bool.default(true).since(1),
  },
  response: { throttleTimeMs, errorCode, errorMessage: string.nullable() },
})

export type AddRaftVoterRequest = RequestOf<typeof AddRaftVoter>
export type AddRaftVoterResponse = ResponseOf<typeof AddRaftVoter>
