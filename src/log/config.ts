/** What the log needs to know of a topic's settings. Infinity stands for Kafka's Long.MAX_VALUE. */
export interface LogConfig {
  /** `segment.bytes` */
  readonly segmentBytes: number
  /** `segment.ms` */
  readonly segmentMs: number
  /** `segment.jitter.ms`: up to so much earlier a segment is rolled by time. */
  readonly segmentJitterMs: number
  /** `segment.index.bytes` */
  readonly segmentIndexBytes: number
  /** `index.interval.bytes` */
  readonly indexIntervalBytes: number
  /** `max.message.bytes`: the most that one batch may have, header included. */
  readonly maxMessageBytes: number
  /** `message.timestamp.type` */
  readonly messageTimestampType: 'CreateTime' | 'LogAppendTime'
  /** `message.timestamp.before.max.ms` */
  readonly messageTimestampBeforeMaxMs: number
  /** `message.timestamp.after.max.ms` */
  readonly messageTimestampAfterMaxMs: number
  /** `cleanup.policy` has `compact`: records without a key are refused. */
  readonly compacted: boolean
  /** `cleanup.policy` has `delete`: old segments go. */
  readonly deletesSegments: boolean
  /** `retention.ms`; Infinity: never. */
  readonly retentionMs: number
  /** `retention.bytes`; Infinity: without limit. */
  readonly retentionBytes: number
  /** `flush.messages`: an append that makes so many unflushed ones is reported only after a flush. */
  readonly flushMessages: number
  /** `flush.ms` */
  readonly flushMs: number
  /** `preallocate` */
  readonly preallocate: boolean
  /** `file.delete.delay.ms` */
  readonly fileDeleteDelayMs: number
  /** `producer.id.expiration.ms` */
  readonly producerIdExpirationMs: number
}

/** Kafka's defaults. */
export const DEFAULT_LOG_CONFIG: LogConfig = {
  segmentBytes: 1_073_741_824,
  segmentMs: 604_800_000,
  segmentJitterMs: 0,
  segmentIndexBytes: 10_485_760,
  indexIntervalBytes: 4096,
  maxMessageBytes: 1_048_588,
  messageTimestampType: 'CreateTime',
  messageTimestampBeforeMaxMs: Infinity,
  messageTimestampAfterMaxMs: 3_600_000,
  compacted: false,
  deletesSegments: true,
  retentionMs: 604_800_000,
  retentionBytes: Infinity,
  flushMessages: Infinity,
  flushMs: Infinity,
  preallocate: false,
  fileDeleteDelayMs: 60_000,
  producerIdExpirationMs: 86_400_000,
}
