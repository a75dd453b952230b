import { api, array, bool, errorCode, int32, int64, string, throttleTimeMs } from '../schema.ts'
import type { RequestOf, ResponseOf } from '../schema.ts'

/**
 * What lies in this broker's log directories (KIP-113).
 *
 * v3 has an error for the whole, v4 the volume's sizes (KIP-827), v5 tells which directories take no new replicas
 * (cordoned, KIP-1066).
 */
export const DescribeLogDirs = api({
  key: 35,
  name: 'DescribeLogDirs',
  versions: [1, 5],
  flexible: 2,
  request: {
    /** Null for all. */
    topics: array({ topic: string, partitions: array(int32) }).nullable(),
  },
  response: {
    throttleTimeMs,
    errorCode: errorCode.since(3),
    results: array({
      errorCode,
      /** The absolute path. */
      logDir: string,
      topics: array({
        name: string,
        partitions: array({
          partitionIndex: int32,
          /** Bytes of its segments. */
          partitionSize: int64,
          /** Log end behind the high watermark; a future replica's behind the current one's log end. */
          offsetLag: int64,
          /** A replica on its way here from another directory. */
          isFutureKey: bool,
        }),
      }),
      /** Bytes of the volume; -1 when unknown. */
      totalBytes: int64.default(-1).since(4),
      usableBytes: int64.default(-1).since(4),
      isCordoned: bool.default(false).since(5),
    }),
  },
})
export type DescribeLogDirsRequest = RequestOf<typeof DescribeLogDirs>
export type DescribeLogDirsResponse = ResponseOf<typeof DescribeLogDirs>
