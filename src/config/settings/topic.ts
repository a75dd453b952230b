import {
  DAY_MS,
  HOUR_MS,
  LONG_MAX,
  MINUTE_MS,
  boolean,
  inherit,
  int,
  list,
  long,
  type Complaint,
} from '../setting.ts'
import { log } from './log.ts'
import { replication } from './replication.ts'
import { tiered } from './tiered.ts'

function checkThrottledReplicas(name: string, replicas: readonly string[]): Complaint | null {
  if (replicas.length === 1 && replicas[0] === '*') return null
  if (replicas.every((replica) => /^\d+:\d+$/.test(replica))) return null
  const form = '[partitionId]:[brokerId],[partitionId]:[brokerId],...'
  const either = "must be the literal '*' or a list of replicas in the following format"
  return { reason: `${name} ${either}: ${form}` }
}

/** The settings of a topic. What a topic doesn't set comes from the broker's settings named as its synonyms. */
export const topic = {
  'cleanup.policy': inherit(log, 'log.cleanup.policy'),
  'compression.type': inherit(log, 'compression.type'),
  'compression.gzip.level': inherit(log, 'compression.gzip.level'),
  'compression.lz4.level': inherit(log, 'compression.lz4.level'),
  'compression.zstd.level': inherit(log, 'compression.zstd.level'),
  'delete.retention.ms': inherit(log, 'log.cleaner.delete.retention.ms'),
  'errors.deadletterqueue.group.enable': boolean({
    default: false,
    use: 'stored',
    doc: 'Share groups may use the topic as a dead-letter queue.',
  }),
  'file.delete.delay.ms': inherit(log, 'log.segment.delete.delay.ms'),
  'flush.messages': inherit(log, 'log.flush.interval.messages'),
  'flush.ms': long({
    default: LONG_MAX,
    min: 0,
    use: 'acted',
    doc: 'How long a record stays in memory before it is forced to disk.',
    synonyms: { 'log.flush.interval.ms': 1, 'log.flush.scheduler.interval.ms': 1 },
  }),
  'follower.replication.throttled.replicas': list({
    default: [],
    check: checkThrottledReplicas,
    form: '*, or partition:broker,...',
    use: 'acted',
    doc: 'The replicas that, as followers, fetch no faster than follower.replication.throttled.rate.',
  }),
  'index.interval.bytes': inherit(log, 'log.index.interval.bytes'),
  'internal.segment.bytes': int({
    default: null,
    internal: true,
    use: 'acted',
    doc: 'A segment size without lower limit, for tests.',
  }),
  'leader.replication.throttled.replicas': list({
    default: [],
    check: checkThrottledReplicas,
    form: '*, or partition:broker,...',
    use: 'acted',
    doc: 'The replicas that, as leaders, send no faster than leader.replication.throttled.rate.',
  }),
  'local.retention.bytes': inherit(tiered, 'log.local.retention.bytes', {
    doc: 'How much of a tiered partition stays on the local disk too; -2: as much as retention.bytes says.',
  }),
  'local.retention.ms': inherit(tiered, 'log.local.retention.ms', {
    doc: 'How long segments of a tiered topic stay on the local disk too; -2: as long as retention.ms says.',
  }),
  'max.compaction.lag.ms': inherit(log, 'log.cleaner.max.compaction.lag.ms'),
  'max.decompressed.message.bytes': inherit(log, 'max.decompressed.message.bytes'),
  'max.message.bytes': inherit(log, 'message.max.bytes'),
  'message.timestamp.after.max.ms': inherit(log, 'log.message.timestamp.after.max.ms'),
  'message.timestamp.before.max.ms': inherit(log, 'log.message.timestamp.before.max.ms'),
  'message.timestamp.type': inherit(log, 'log.message.timestamp.type'),
  'min.cleanable.dirty.ratio': inherit(log, 'log.cleaner.min.cleanable.ratio'),
  'min.compaction.lag.ms': inherit(log, 'log.cleaner.min.compaction.lag.ms'),
  'min.insync.replicas': inherit(replication, 'min.insync.replicas'),
  preallocate: inherit(log, 'log.preallocate'),
  'remote.copy.lag.bytes': inherit(tiered, 'log.remote.copy.lag.bytes'),
  'remote.copy.lag.ms': inherit(tiered, 'log.remote.copy.lag.ms'),
  'remote.log.copy.disable': boolean({
    default: false,
    use: 'stored',
    doc: 'Copies no more segments of a tiered topic.',
  }),
  'remote.log.delete.on.disable': boolean({
    default: false,
    use: 'stored',
    doc: 'Deletes the remote segments when tiered storage is switched off for the topic.',
  }),
  'remote.storage.enable': boolean({
    default: false,
    use: 'stored',
    doc: 'Switches tiered storage on for the topic; refused, as Ottla has none.',
  }),
  'retention.bytes': inherit(log, 'log.retention.bytes'),
  'retention.ms': long({
    default: 7 * DAY_MS,
    min: -1,
    use: 'acted',
    doc: 'Older segments are deleted; -1: never.',
    synonyms: {
      'log.retention.ms': 1,
      'log.retention.minutes': MINUTE_MS,
      'log.retention.hours': HOUR_MS,
    },
  }),
  'segment.bytes': inherit(log, 'log.segment.bytes'),
  'segment.index.bytes': inherit(log, 'log.index.size.max.bytes'),
  'segment.jitter.ms': long({
    default: 0,
    min: 0,
    use: 'acted',
    doc: 'Up to this much is randomly taken off the age at which a segment is closed.',
    synonyms: { 'log.roll.jitter.ms': 1, 'log.roll.jitter.hours': HOUR_MS },
  }),
  'segment.ms': long({
    default: 7 * DAY_MS,
    min: 1,
    use: 'acted',
    doc: 'A segment is closed at this age even if it is not full.',
    synonyms: { 'log.roll.ms': 1, 'log.roll.hours': HOUR_MS },
  }),
  'unclean.leader.election.enable': inherit(replication, 'unclean.leader.election.enable'),
}
