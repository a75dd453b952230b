import {
  api,
  array,
  errorCode,
  int32,
  int64,
  saturatedInt64,
  string,
  throttleTimeMs,
} from '../schema.ts'
import type { RequestOf, ResponseOf } from '../schema.ts'

/** Moves the start of partitions' logs up to an offset (KIP-107). */
export const DeleteRecords = api({
  key: 21,
  name: 'DeleteRecords',
  versions: [0, 2],
  flexible: 2,
  request: {
    topics: array({
      name: string,
      partitions: array({
        partitionIndex: int32,
        /** The first offset to keep; -1 for the high watermark. */
        offset: saturatedInt64,
      }),
    }),
    timeoutMs: int32,
  },
  response: {
    throttleTimeMs,
    topics: array({
      name: string,
      partitions: array({
        partitionIndex: int32,
        /** The lowest log start among the replicas; -1 with an error. */
        lowWatermark: int64,
        errorCode,
      }),
    }),
  },
})
export type DeleteRecordsRequest = RequestOf<typeof DeleteRecords>
export type DeleteRecordsResponse = ResponseOf<typeof DeleteRecords>
