import {
  api,
  array,
  bool,
  errorCode,
  int32,
  int8,
  string,
  throttleTimeMs,
  uuid,
} from '../schema.ts'
import type { RequestOf, ResponseOf } from '../schema.ts'

/** A client asks which of its own metrics it shall push (KIP-714). */
export const GetTelemetrySubscriptions = api({
  key: 71,
  name: 'GetTelemetrySubscriptions',
  versions: [0, 0],
  flexible: 0,
  request: {
    /** All zeros in a client's first request. */
    clientInstanceId: uuid,
  },
  response: {
    throttleTimeMs,
    errorCode,
    /** The id made up for a client that had none, else all zeros. */
    clientInstanceId: uuid,
    subscriptionId: int32,
    /** In the order of preference: 0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd. */
    acceptedCompressionTypes: array(int8),
    pushIntervalMs: int32,
    telemetryMaxBytes: int32,
    /** Whether counters are sent as differences. */
    deltaTemporality: bool,
    /** Prefixes of metric names; empty asks for none, one empty prefix for all. */
    requestedMetrics: array(string),
  },
})

export type GetTelemetrySubscriptionsRequest = RequestOf<typeof GetTelemetrySubscriptions>
export type GetTelemetrySubscriptionsResponse = ResponseOf<typeof GetTelemetrySubscriptions>
