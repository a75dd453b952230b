import type { BrokerConfig } from '../config/broker-config.ts'
import { SECOND_MS } from '../config/setting.ts'
import type { Logger } from '../host/host.ts'
import type { CleanerSettings } from '../log/cleaner/log-cleaner.ts'
import type { LogIntervals, LogManager } from '../log/manager.ts'
import { knowsCordoned } from '../metadata/features.ts'
import type { MetadataImage } from '../metadata/image.ts'
import type { RateWindows } from '../quota/sampled-rate.ts'
import type { LifecycleSettings } from './lifecycle.ts'

/** An operator should not believe in a setting that does nothing. */
export function warnOfSettings({ unknown, notActedUpon }: BrokerConfig, log: Logger): void {
  if (unknown.length > 0) {
    log.warn({ settings: unknown }, 'Settings that Kafka does not have are ignored')
  }
  if (notActedUpon.length > 0) {
    log.warn({ settings: notActedUpon }, 'Settings that Ottla does not act upon yet are ignored')
  }
}

export function cleanerSettings(config: BrokerConfig): CleanerSettings {
  return {
    threads: config.get('log.cleaner.threads'),
    dedupeBufferBytes: config.get('log.cleaner.dedupe.buffer.size'),
    loadFactor: config.get('log.cleaner.io.buffer.load.factor'),
    ioBufferBytes: config.get('log.cleaner.io.buffer.size'),
    maxBytesPerSecond: config.get('log.cleaner.io.max.bytes.per.second'),
    backoffMs: config.get('log.cleaner.backoff.ms'),
  }
}

export function logIntervals(config: BrokerConfig): LogIntervals {
  return {
    recoveryPointMs: config.get('log.flush.offset.checkpoint.interval.ms'),
    highWatermarkMs: config.get('replica.high.watermark.checkpoint.interval.ms'),
    logStartMs: config.get('log.flush.start.offset.checkpoint.interval.ms'),
    producerCheckMs: config.get('producer.id.expiration.check.interval.ms'),
    retentionCheckMs: config.get('log.retention.check.interval.ms'),
    initialDelayMs: config.get('log.initial.task.delay.ms'),
  }
}

/** [KIP-1066] Ids of the directories that are to get no new replicas; null where the cluster doesn't know of such yet. */
export function cordonedIds(
  { features }: Pick<MetadataImage, 'features'>,
  { directories }: Pick<LogManager, 'directories'>,
): string[] | null {
  if (!knowsCordoned(features)) return null
  return directories.flatMap(({ isCordoned, failure, id }) =>
    isCordoned && failure === null && id !== null ? [id] : [],
  )
}

export function lifecycleSettings(config: BrokerConfig): LifecycleSettings {
  return {
    heartbeatIntervalMs: config.get('broker.heartbeat.interval.ms'),
    sessionTimeoutMs: config.get('broker.session.timeout.ms'),
    registrationTimeoutMs: config.get('initial.broker.registration.timeout.ms'),
    directoryTimeoutMs: () => config.get('log.dir.failure.timeout.ms'),
  }
}

/** What the rates of throttled replicas are measured over. */
export function replicationWindows(config: BrokerConfig): RateWindows {
  return {
    count: config.get('replication.quota.window.num'),
    lengthMs: config.get('replication.quota.window.size.seconds') * SECOND_MS,
  }
}

/** What the rate of moves between directories is measured over. */
export function moveWindows(config: BrokerConfig): RateWindows {
  return {
    count: config.get('alter.log.dirs.replication.quota.window.num'),
    lengthMs: config.get('alter.log.dirs.replication.quota.window.size.seconds') * SECOND_MS,
  }
}
