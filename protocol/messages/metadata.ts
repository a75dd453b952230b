import { api, array, bool, errorCode, int32, string, uuid } from '../schema.ts'
import type { RequestOf, ResponseOf } from '../schema.ts'

/** What authorized operations are when nobody asked for them. */
const NOT_ASKED = -0x8000_0000

/**
 * Which brokers there are, and who leads the partitions of which topics.
 *
 * All topics: an empty array in v0, null from v1 on. v7 has leader epochs (KIP-320), v8 authorized operations (KIP-430;
 * those of the cluster moved to DescribeCluster after v10, KIP-700), v10 topic ids (KIP-516), by which topics can be asked
 * for from v12 on only. v13 can tell a client to bootstrap anew (KIP-1102).
 */
export const Metadata = api({
  key: 3,
  name: 'Metadata',
  versions: [0, 13],
  flexible: 9,
  request: {
    topics: array({ topicId: uuid.since(10), name: string.nullable(10) }).nullable(1),
    allowAutoTopicCreation: bool.default(true).since(4),
    includeClusterAuthorizedOperations: bool.since(8).until(10),
    includeTopicAuthorizedOperations: bool.since(8),
  },
  response: {
    throttleTimeMs: int32.since(3),
    brokers: array({
      nodeId: int32,
      host: string,
      port: int32,
      rack: string.nullable(1).default(null).since(1),
    }),
    clusterId: string.nullable(2).default(null).since(2),
    controllerId: int32.default(-1).since(1),
    topics: array({
      errorCode,
      name: string.nullable(12),
      topicId: uuid.since(10),
      isInternal: bool.default(false).since(1),
      partitions: array({
        errorCode,
        partitionIndex: int32,
        /** -1 while there is none. */
        leaderId: int32,
        leaderEpoch: int32.default(-1).since(7),
        replicaNodes: array(int32),
        isrNodes: array(int32),
        offlineReplicas: array(int32).since(5),
      }),
      /** A bit for each operation of the ACL vocabulary. */
      topicAuthorizedOperations: int32.default(NOT_ASKED).since(8),
    }),
    clusterAuthorizedOperations: int32.default(NOT_ASKED).since(8).until(10),
    errorCode: errorCode.since(13),
  },
})
export type MetadataRequest = RequestOf<typeof Metadata>
export type MetadataResponse = ResponseOf<typeof Metadata>
