import { api, array, errorCode, int32, int64, throttleTimeMs, uuid } from '../schema.ts'
import type { RequestOf, ResponseOf } from '../schema.ts'

/** A broker tells the active controller in which of its directories replicas are (KIP-858). */
export const AssignReplicasToDirs = api({
  key: 73,
  name: 'AssignReplicasToDirs',
  versions: [0, 0],
  flexible: 0,
  listeners: ['controller'],
  request: {
    brokerId: int32,
    brokerEpoch: int64.default(-1),
    directories: array({
      id: uuid,
      topics: array({ topicId: uuid, partitions: array({ partitionIndex: int32 }) }),
    }),
  },
  response: {
    throttleTimeMs,
    errorCode,
    directories: array({
      id: uuid,
      topics: array({ topicId: uuid, partitions: array({ partitionIndex: int32, errorCode }) }),
    }),
  },
})

export type AssignReplicasToDirsRequest = RequestOf<typeof AssignReplicasToDirs>
export type AssignReplicasToDirsResponse = ResponseOf<typeof AssignReplicasToDirs>
