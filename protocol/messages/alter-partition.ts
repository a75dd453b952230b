import { api, array, errorCode, int32, int64, int8, throttleTimeMs, uuid } from '../schema.ts'
import type { RequestOf, ResponseOf } from '../schema.ts'

/**
 * A partition's leader asks the active controller for another ISR (KIP-497). v2 names topics by id (KIP-841), v3 the
 * replicas' broker epochs, so that none comes in that has restarted since (KIP-903).
 */
export const AlterPartition = api({
  key: 56,
  name: 'AlterPartition',
  versions: [2, 3],
  flexible: 2,
  listeners: ['controller'],
  request: {
    brokerId: int32,
    brokerEpoch: int64.default(-1),
    topics: array({
      topicId: uuid,
      partitions: array({
        partitionIndex: int32,
        leaderEpoch: int32,
        newIsr: array(int32).until(2),
        newIsrWithEpochs: array({
          brokerId: int32,
          /** -1: not to be checked. */
          brokerEpoch: int64.default(-1),
        }).since(3),
        /** 1 while the partition recovers from an unclean election, else 0 (KIP-704). */
        leaderRecoveryState: int8.default(0),
        /** Which state of the partition the leader knows; another is answered with INVALID_UPDATE_VERSION. */
        partitionEpoch: int32,
      }),
    }),
  },
  response: {
    throttleTimeMs,
    errorCode,
    topics: array({
      topicId: uuid,
      /** The state after the change. */
      partitions: array({
        partitionIndex: int32,
        errorCode,
        leaderId: int32,
        leaderEpoch: int32,
        isr: array(int32),
        leaderRecoveryState: int8.default(0),
        partitionEpoch: int32,
      }),
    }),
  },
})

export type AlterPartitionRequest = RequestOf<typeof AlterPartition>
export type AlterPartitionResponse = ResponseOf<typeof AlterPartition>
