import {
  api,
  array,
  bool,
  errorCode,
  int32,
  string,
  struct,
  throttleTimeMs,
  uuid,
} from '../schema.ts'
import type { RequestOf, ResponseOf } from '../schema.ts'

/** Share groups with their members (KIP-932). */
export const ShareGroupDescribe = api({
  key: 77,
  name: 'ShareGroupDescribe',
  versions: [1, 1],
  flexible: 1,
  request: { groupIds: array(string), includeAuthorizedOperations: bool },
  response: {
    throttleTimeMs,
    groups: array({
      errorCode,
      errorMessage: string.nullable().default(null),
      groupId: string,
      groupState: string,
      groupEpoch: int32,
      assignmentEpoch: int32,
      assignorName: string,
      members: array({
        memberId: string,
        rackId: string.nullable().default(null),
        memberEpoch: int32,
        clientId: string,
        clientHost: string,
        subscribedTopicNames: array(string),
        assignment: struct({
          topicPartitions: array({ topicId: uuid, topicName: string, partitions: array(int32) }),
        }),
      }),
      /** One bit for each AclOperation. */
      authorizedOperations: int32.default(-2147483648),
    }),
  },
})

export type ShareGroupDescribeRequest = RequestOf<typeof ShareGroupDescribe>
export type ShareGroupDescribeResponse = ResponseOf<typeof ShareGroupDescribe>
