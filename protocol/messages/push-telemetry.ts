import { api, bool, bytes, errorCode, int32, int8, throttleTimeMs, uuid } from '../schema.ts'
import type { RequestOf, ResponseOf } from '../schema.ts'

/** A client hands over its metrics (KIP-714). */
export const PushTelemetry = api({
  key: 72,
  name: 'PushTelemetry',
  versions: [0, 0],
  flexible: 0,
  request: {
    clientInstanceId: uuid,
    subscriptionId: int32,
    /** The client's last push; it need not wait for the interval. */
    terminating: bool,
    /** 0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd. */
    compressionType: int8,
    /** OpenTelemetry's MetricsData v1 (protobuf), compressed. */
    metrics: bytes,
  },
  response: { throttleTimeMs, errorCode },
})

export type PushTelemetryRequest = RequestOf<typeof PushTelemetry>
export type PushTelemetryResponse = ResponseOf<typeof PushTelemetry>
