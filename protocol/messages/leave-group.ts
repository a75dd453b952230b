import { api, array, errorCode, int32, string } from '../schema.ts'
import type { RequestOf, ResponseOf } from '../schema.ts'

/**
 * Members leave a classic group: one up to v2, several from v3 on, whom an administrator may name by their instance ids
 * (KIP-345). v5 has the reason (KIP-800).
 */
export const LeaveGroup = api({
  key: 13,
  name: 'LeaveGroup',
  versions: [0, 5],
  flexible: 4,
  request: {
    groupId: string,
    memberId: string.until(2),
    members: array({
      memberId: string,
      groupInstanceId: string.nullable().default(null),
      reason: string.nullable(5).default(null).since(5),
    }).since(3),
  },
  response: {
    throttleTimeMs: int32.since(1),
    errorCode,
    members: array({ memberId: string, groupInstanceId: string.nullable(), errorCode }).since(3),
  },
})
export type LeaveGroupRequest = RequestOf<typeof LeaveGroup>
export type LeaveGroupResponse = ResponseOf<typeof LeaveGroup>
