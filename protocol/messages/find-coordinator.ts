import { api, array, errorCode, int32, int8, string } from '../schema.ts'
import type { RequestOf, ResponseOf } from '../schema.ts'

/**
 * Which broker coordinates a group, a transactional id or a share partition.
 *
 * One key in v0-v3, several from v4 on (KIP-699). v5 may answer TRANSACTION_ABORTABLE (KIP-890), v6 knows share groups
 * (KIP-932).
 */
export const FindCoordinator = api({
  key: 10,
  name: 'FindCoordinator',
  versions: [0, 6],
  flexible: 3,
  request: {
    key: string.until(3),
    /** 0 a group, 1 a transactional id, 2 a share partition, whose key is `groupId:topicId:partition`. */
    keyType: int8.default(0).since(1),
    coordinatorKeys: array(string).since(4),
  },
  response: {
    throttleTimeMs: int32.since(1),
    errorCode: errorCode.until(3),
    errorMessage: string.nullable(1, 3).since(1).until(3),
    nodeId: int32.until(3),
    host: string.until(3),
    port: int32.until(3),
    coordinators: array({
      key: string,
      nodeId: int32,
      host: string,
      port: int32,
      errorCode,
      errorMessage: string.nullable(),
    }).since(4),
  },
})
export type FindCoordinatorRequest = RequestOf<typeof FindCoordinator>
export type FindCoordinatorResponse = ResponseOf<typeof FindCoordinator>
