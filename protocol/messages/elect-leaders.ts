import { api, array, errorCode, int32, int8, string, throttleTimeMs } from '../schema.ts'
import type { RequestOf, ResponseOf } from '../schema.ts'

/** Elects the preferred leaders of partitions (KIP-183), or since v1 unclean ones (KIP-460). */
export const ElectLeaders = api({
  key: 43,
  name: 'ElectLeaders',
  versions: [0, 2],
  flexible: 2,
  listeners: ['broker', 'controller'],
  request: {
    /** 0 the preferred replica; 1 any live replica where none in sync is left. */
    electionType: int8.since(1),
    /** Null for all partitions. */
    topicPartitions: array({ topic: string, partitions: array(int32) }).nullable(),
    timeoutMs: int32.default(60000),
  },
  response: {
    throttleTimeMs,
    errorCode: errorCode.since(1),
    /** With null in the request, without the partitions that needed no election. */
    replicaElectionResults: array({
      topic: string,
      partitionResult: array({
        partitionId: int32,
        errorCode,
        errorMessage: string.nullable(),
      }),
    }),
  },
})

export type ElectLeadersRequest = RequestOf<typeof ElectLeaders>
export type ElectLeadersResponse = ResponseOf<typeof ElectLeaders>
