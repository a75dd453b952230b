import {
  api,
  array,
  bool,
  errorCode,
  int32,
  int8,
  string,
  struct,
  throttleTimeMs,
  uuid,
} from '../schema.ts'
import type { RequestOf, ResponseOf } from '../schema.ts'

const assignment = {
  topicPartitions: array({ topicId: uuid, topicName: string, partitions: array(int32) }),
}

/** KIP-848 groups with their members. v1 tells members that speak the classic protocol from the others (KIP-1099). */
export const ConsumerGroupDescribe = api({
  key: 69,
  name: 'ConsumerGroupDescribe',
  versions: [0, 1],
  flexible: 0,
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
        instanceId: string.nullable().default(null),
        rackId: string.nullable().default(null),
        memberEpoch: int32,
        clientId: string,
        clientHost: string,
        subscribedTopicNames: array(string),
        subscribedTopicRegex: string.nullable().default(null),
        /** What it owns. */
        assignment: struct(assignment),
        /** What it shall own. */
        targetAssignment: struct(assignment),
        /** 0 classic, 1 consumer, -1 unknown. */
        memberType: int8.default(-1).since(1),
      }),
      /** One bit for each AclOperation. */
      authorizedOperations: int32.default(-2147483648),
    }),
  },
})

export type ConsumerGroupDescribeRequest = RequestOf<typeof ConsumerGroupDescribe>
export type ConsumerGroupDescribeResponse = ResponseOf<typeof ConsumerGroupDescribe>
