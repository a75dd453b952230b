import { api, array, bool, bytes, errorCode, int32, string } from '../schema.ts'
import type { RequestOf, ResponseOf } from '../schema.ts'

/**
 * A member enters a classic group or its next generation; the answer waits for the other members.
 *
 * From v4 on a new member is first given an id with MEMBER_ID_REQUIRED and asks again (KIP-394). v5 has static members
 * (KIP-345), v7 returns the protocol type (KIP-559), v8 has the member's reason (KIP-800), and v9 can tell a static leader
 * that came back to keep the assignment (KIP-814).
 */
export const JoinGroup = api({
  key: 11,
  name: 'JoinGroup',
  versions: [0, 9],
  flexible: 6,
  request: {
    groupId: string,
    sessionTimeoutMs: int32,
    /** How long a rebalance may take; in v0 the session timeout serves for it. */
    rebalanceTimeoutMs: int32.default(-1).since(1),
    /** Empty for a new member. */
    memberId: string,
    groupInstanceId: string.nullable(5).default(null).since(5),
    /** `consumer`, `connect` and so on. */
    protocolType: string,
    /** The assignors the member has, dearest first. */
    protocols: array({ name: string, metadata: bytes }),
    reason: string.nullable(8).default(null).since(8),
  },
  response: {
    throttleTimeMs: int32.since(2),
    errorCode,
    generationId: int32.default(-1),
    protocolType: string.nullable(7).default(null).since(7),
    protocolName: string.nullable(7),
    /** The member id of the leader. */
    leader: string,
    skipAssignment: bool.default(false).since(9),
    memberId: string,
    /** Filled in for the leader only. */
    members: array({
      memberId: string,
      groupInstanceId: string.nullable(5).default(null).since(5),
      metadata: bytes,
    }),
  },
})
export type JoinGroupRequest = RequestOf<typeof JoinGroup>
export type JoinGroupResponse = ResponseOf<typeof JoinGroup>
