import type { BrokerConfig } from '../config/broker-config.ts'
import type { TopicConfig } from '../config/inherited.ts'
import type { LogConfig, TopicCompression } from '../log/base/config.ts'
import type { TopicSettings } from './partition/settings.ts'
import { throttledPartitions } from './quota/throttled.ts'

/**
 * What the settings of a topic come to.
 * @param own the topic's own settings, by name; the broker's stand behind them
 */
export function topicSettings(
  config: BrokerConfig,
  own: ReadonlyMap<string, string>,
): TopicSettings {
  const topic = config.topic(own)
  const policies = topic.get('cleanup.policy')
  const brokerId = config.get('node.id')
  const log: LogConfig = {
    segmentBytes: topic.get('internal.segment.bytes') ?? topic.get('segment.bytes'),
    segmentMs: segmentMs(topic.get('segment.ms'), topic.get('max.compaction.lag.ms'), policies),
    segmentJitterMs: topic.get('segment.jitter.ms'),
    segmentIndexBytes: topic.get('segment.index.bytes'),
    indexIntervalBytes: topic.get('index.interval.bytes'),
    maxMessageBytes: topic.get('max.message.bytes'),
    maxDecompressedMessageBytes: topic.get('max.decompressed.message.bytes'),
    messageTimestampType:
      topic.get('message.timestamp.type') === 'LogAppendTime' ? 'LogAppendTime' : 'CreateTime',
    messageTimestampBeforeMaxMs: topic.get('message.timestamp.before.max.ms'),
    messageTimestampAfterMaxMs: topic.get('message.timestamp.after.max.ms'),
    compression: compressionOf(topic),
    compacted: policies.includes('compact'),
    minCleanableDirtyRatio: topic.get('min.cleanable.dirty.ratio'),
    minCompactionLagMs: topic.get('min.compaction.lag.ms'),
    maxCompactionLagMs: topic.get('max.compaction.lag.ms'),
    deleteRetentionMs: topic.get('delete.retention.ms'),
    deletesSegments: policies.includes('delete'),
    retentionMs: unlimited(topic.get('retention.ms')),
    retentionBytes: unlimited(topic.get('retention.bytes')),
    flushMessages: topic.get('flush.messages'),
    flushMs: topic.get('flush.ms'),
    preallocate: topic.get('preallocate'),
    fileDeleteDelayMs: topic.get('file.delete.delay.ms'),
    producerIdExpirationMs: config.get('producer.id.expiration.ms'),
    syncsBeforeRoll: false,
  }
  return {
    log,
    minInSyncReplicas: topic.get('min.insync.replicas'),
    deletesRecords: policies.includes('delete'),
    throttled: {
      asLeader: throttledPartitions(topic.get('leader.replication.throttled.replicas'), brokerId),
      asFollower: throttledPartitions(
        topic.get('follower.replication.throttled.replicas'),
        brokerId,
      ),
    },
  }
}

/** Levels are acted upon where the libraries have them: not for lz4, and snappy has none. */
function compressionOf(topic: TopicConfig): TopicCompression | null {
  const type = topic.get('compression.type')
  switch (type) {
    case 'uncompressed':
      return { type: 'none', level: null }
    case 'gzip':
      return { type, level: topic.get('compression.gzip.level') }
    case 'zstd':
      return { type, level: topic.get('compression.zstd.level') }
    case 'lz4':
    case 'snappy':
      return { type, level: null }
    default:
      return null
  }
}

/** The active segment is never compacted, so it must not become older than records may get uncompacted. */
function segmentMs(ownMs: number, maxCompactionLagMs: number, policies: readonly string[]): number {
  return policies.includes('compact') ? Math.min(ownMs, maxCompactionLagMs) : ownMs
}

/** Kafka says -1 for: without limit. */
function unlimited(value: number): number {
  return value < 0 ? Infinity : value
}
