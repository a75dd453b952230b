import { api, array, errorCode, int32, string, throttleTimeMs } from '../schema.ts'
import type { RequestOf, ResponseOf } from '../schema.ts'

/** Moves this broker's replicas between its log directories (KIP-113). */
export const AlterReplicaLogDirs = api({
  key: 34,
  name: 'AlterReplicaLogDirs',
  versions: [1, 2],
  flexible: 2,
  request: {
    dirs: array({
      /** The absolute path of the target. */
      path: string,
      topics: array({ name: string, partitions: array(int32) }),
    }),
  },
  response: {
    throttleTimeMs,
    results: array({
      topicName: string,
      partitions: array({ partitionIndex: int32, errorCode }),
    }),
  },
})
export type AlterReplicaLogDirsRequest = RequestOf<typeof AlterReplicaLogDirs>
export type AlterReplicaLogDirsResponse = ResponseOf<typeof AlterReplicaLogDirs>
