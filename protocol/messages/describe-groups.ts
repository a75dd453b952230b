import { api, array, bool, bytes, errorCode, int32, string } from '../schema.ts'
import type { RequestOf, ResponseOf } from '../schema.ts'

/**
 * State and members of classic groups.
 *
 * v3 has authorized operations (KIP-430), v4 static members (KIP-345). v6 answers GROUP_ID_NOT_FOUND for a group that
 * doesn't exist, which before appears as one in state `Dead` (KIP-1043).
 */
export const DescribeGroups = api({
  key: 15,
  name: 'DescribeGroups',
  versions: [0, 6],
  flexible: 5,
  request: { groups: array(string), includeAuthorizedOperations: bool.since(3) },
  response: {
    throttleTimeMs: int32.since(1),
    groups: array({
      errorCode,
      errorMessage: string.nullable(6).default(null).since(6),
      groupId: string,
      groupState: string,
      protocolType: string,
      /** The assignor's name, while the group is stable. */
      protocolData: string,
      members: array({
        memberId: string,
        groupInstanceId: string.nullable(4).default(null).since(4),
        clientId: string,
        clientHost: string,
        /** While the group is stable, else empty. */
        memberMetadata: bytes,
        /** While the group is stable, else empty. */
        memberAssignment: bytes,
      }),
      /** A bit for each operation of the ACL vocabulary; the lowest int32 when nobody asked. */
      authorizedOperations: int32.default(-0x8000_0000).since(3),
    }),
  },
})
export type DescribeGroupsRequest = RequestOf<typeof DescribeGroups>
export type DescribeGroupsResponse = ResponseOf<typeof DescribeGroups>
