import { BrokerConfig } from '../../src/config/broker-config.ts'
import { topicSettings } from '../../src/replication/topic-settings.ts'

const config = new BrokerConfig({ settings: { 'node.id': 1, 'log.dirs': '/nowhere' } })
const settings = (own: Record<string, string>) =>
  topicSettings(config, new Map(Object.entries(own)))

test.each<[Record<string, string>, object]>([
  [{ 'cleanup.policy': 'delete' }, { compacted: false, deletesSegments: true }],
  [{ 'cleanup.policy': 'compact' }, { compacted: true, deletesSegments: false }],
  [{ 'cleanup.policy': 'compact,delete' }, { compacted: true, deletesSegments: true }],
  [{ 'cleanup.policy': 'delete,compact' }, { compacted: true, deletesSegments: true }],
  [
    { 'retention.ms': '-1', 'retention.bytes': '-1' },
    { retentionMs: Infinity, retentionBytes: Infinity },
  ],
  [
    { 'retention.ms': '0', 'retention.bytes': '7' },
    { retentionMs: 0, retentionBytes: 7 },
  ],
  [{ 'message.timestamp.type': 'LogAppendTime' }, { messageTimestampType: 'LogAppendTime' }],
  [{ 'message.timestamp.type': 'CreateTime' }, { messageTimestampType: 'CreateTime' }],
  [{ 'segment.bytes': '2000000' }, { segmentBytes: 2_000_000 }],
  [{ 'segment.bytes': '2000000', 'internal.segment.bytes': '300' }, { segmentBytes: 300 }],
  [{ 'segment.ms': '500', 'max.compaction.lag.ms': '100' }, { segmentMs: 500 }],
  [
    { 'cleanup.policy': 'compact', 'segment.ms': '500', 'max.compaction.lag.ms': '100' },
    { segmentMs: 100, maxCompactionLagMs: 100 },
  ],
  [
    { 'cleanup.policy': 'compact', 'segment.ms': '50', 'max.compaction.lag.ms': '100' },
    { segmentMs: 50 },
  ],
  [{ 'compression.type': 'producer' }, { compression: null }],
  [{ 'compression.type': 'uncompressed' }, { compression: { type: 'none', level: null } }],
  [
    { 'compression.type': 'gzip', 'compression.gzip.level': '9', 'compression.zstd.level': '4' },
    { compression: { type: 'gzip', level: 9 } },
  ],
  [
    { 'compression.type': 'zstd', 'compression.gzip.level': '9', 'compression.zstd.level': '4' },
    { compression: { type: 'zstd', level: 4 } },
  ],
  [
    { 'compression.type': 'lz4', 'compression.lz4.level': '9' },
    { compression: { type: 'lz4', level: null } },
  ],
])('%j comes to %j', (own, expected) => {
  expect(settings(own).log).toMatchObject(expected)
})

test('how many replicas must be in sync, and whether records may go, are the topic’s own', () => {
  const own = { 'min.insync.replicas': '3', 'cleanup.policy': 'compact' }
  expect(settings(own)).toMatchObject({ minInSyncReplicas: 3, deletesRecords: false })
  expect(settings({})).toMatchObject({ minInSyncReplicas: 1, deletesRecords: true })
})

test('which of its replicas are throttled is the topic’s own, too', () => {
  const own = {
    'leader.replication.throttled.replicas': '*',
    'follower.replication.throttled.replicas': '0:2,3:1',
  }
  expect(settings(own).throttled).toEqual({ asLeader: 'all', asFollower: new Set([3]) })
  expect(settings({}).throttled).toEqual({ asLeader: null, asFollower: null })
})
