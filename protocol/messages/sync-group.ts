import { api, array, bytes, errorCode, int32, string } from '../schema.ts'
import type { RequestOf, ResponseOf } from '../schema.ts'

/**
 * Members of a classic group get their assignments, which the leader brings along.
 *
 * v3 has static members (KIP-345). v5 names the protocol, so that a mix-up shows (KIP-559).
 */
export const SyncGroup = api({
  key: 14,
  name: 'SyncGroup',
  versions: [0, 5],
  flexible: 4,
  request: {
    groupId: string,
    generationId: int32,
    memberId: string,
    groupInstanceId: string.nullable(3).default(null).since(3),
    protocolType: string.nullable(5).default(null).since(5),
    protocolName: string.nullable(5).default(null).since(5),
    /** Empty but for the leader. */
    assignments: array({ memberId: string, assignment: bytes }),
  },
  response: {
    throttleTimeMs: int32.since(1),
    errorCode,
    protocolType: string.nullable(5).default(null).since(5),
    protocolName: string.nullable(5).default(null).since(5),
    assignment: bytes,
  },
})
export type SyncGroupRequest = RequestOf<typeof SyncGroup>
export type SyncGroupResponse = ResponseOf<typeof SyncGroup>
