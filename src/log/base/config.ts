import type { CompressionType } from '../../../protocol/records/codecs.ts'

/** How a topic's batches are compressed, whatever their producers do. */
export interface TopicCompression {
  readonly type: CompressionType
  /** `compression.gzip.level`, `compression.zstd.level`; null where the type has none that is acted upon. */
  readonly level: number | null
}

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
  /** `max.decompressed.message.bytes`: the most that one record of a compressed batch may have. */
  readonly maxDecompressedMessageBytes: number
  /** `message.timestamp.type` */
  readonly messageTimestampType: 'CreateTime' | 'LogAppendTime'
  /** `message.timestamp.before.max.ms` */
  readonly messageTimestampBeforeMaxMs: number
  /** `message.timestamp.after.max.ms` */
  readonly messageTimestampAfterMaxMs: number
  /** `compression.type`; null: as the producers send them. */
  readonly compression: TopicCompression | null
  /** `cleanup.policy` has `compact`: records without a key are refused. */
  readonly compacted: boolean
  /** `min.cleanable.dirty.ratio` */
  readonly minCleanableDirtyRatio: number
  /** `min.compaction.lag.ms` */
  readonly minCompactionLagMs: number
  /** `max.compaction.lag.ms` */
  readonly maxCompactionLagMs: number
  /** `delete.retention.ms`: how long compaction leaves tombstones and markers of transactions. */
  readonly deleteRetentionMs: number
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
  /**
   * No segment is begun before the one before it is durable, with its name: else a power cut may leave the later of two files
   * in a directory and take the earlier one, and there is a hole in the log. For logs of which nobody else may have the rest.
   */
  readonly syncsBeforeRoll: boolean
}

/** Kafka's defaults. */
export const DEFAULT_LOG_CONFIG: LogConfig = {
  segmentBytes: 1_073_741_824,
  segmentMs: 604_800_000,
  segmentJitterMs: 0,
  segmentIndexBytes: 10_485_760,
  indexIntervalBytes: 4096,
  maxMessageBytes: 1_048_588,
  maxDecompressedMessageBytes: 2_147_483_639,
  messageTimestampType: 'CreateTime',
  messageTimestampBeforeMaxMs: Infinity,
  messageTimestampAfterMaxMs: 3_600_000,
  compression: null,
  compacted: false,
  minCleanableDirtyRatio: 0.5,
  minCompactionLagMs: 0,
  maxCompactionLagMs: Infinity,
  deleteRetentionMs: 86_400_000,
  deletesSegments: true,
  retentionMs: 604_800_000,
  retentionBytes: Infinity,
  flushMessages: Infinity,
  flushMs: Infinity,
  preallocate: false,
  fileDeleteDelayMs: 60_000,
  producerIdExpirationMs: 86_400_000,
  syncsBeforeRoll: false,
}
