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

const cursor = { topicName: string, partitionIndex: int32 }

/** Topics and their partitions page by page, with their eligible leader replicas (KIP-966). */
export const DescribeTopicPartitions = api({
  key: 75,
  name: 'DescribeTopicPartitions',
  versions: [0, 0],
  flexible: 0,
  request: {
    /** Answered in the order of names; empty asks for all. */
    topics: array({ name: string }),
    /** How many partitions at most, of all topics together; a broker may allow fewer. */
    responsePartitionLimit: int32.default(2000),
    /** Where to begin: what the answer before gave as `nextCursor`. */
    cursor: struct(cursor).nullable().default(null),
  },
  response: {
    throttleTimeMs,
    topics: array({
      errorCode,
      name: string.nullable(),
      topicId: uuid,
      isInternal: bool.default(false),
      partitions: array({
        errorCode,
        partitionIndex: int32,
        leaderId: int32,
        leaderEpoch: int32.default(-1),
        replicaNodes: array(int32),
        isrNodes: array(int32),
        eligibleLeaderReplicas: array(int32).nullable().default(null),
        /** Those that were eligible before all of them crashed. */
        lastKnownElr: array(int32).nullable().default(null),
        offlineReplicas: array(int32),
      }),
      /** One bit for each AclOperation. */
      topicAuthorizedOperations: int32.default(-2147483648),
    }),
    /** Null when this was the last page. */
    nextCursor: struct(cursor).nullable().default(null),
  },
})

export type DescribeTopicPartitionsRequest = RequestOf<typeof DescribeTopicPartitions>
export type DescribeTopicPartitionsResponse = ResponseOf<typeof DescribeTopicPartitions>
