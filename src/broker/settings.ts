import type { BrokerConfig } from '../config/broker-config.ts'
import type { Logger } from '../host/host.ts'
import type { CleanerSettings } from '../log/cleaner/log-cleaner.ts'
import type { LogIntervals } from '../log/manager.ts'
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
    checkpointMs: config.get('log.flush.offset.checkpoint.interval.ms'),
    producerCheckMs: config.get('producer.id.expiration.check.interval.ms'),
    retentionCheckMs: config.get('log.retention.check.interval.ms'),
    initialDelayMs: config.get('log.initial.task.delay.ms'),
  }
}

export function lifecycleSettings(config: BrokerConfig): LifecycleSettings {
  return {
    heartbeatIntervalMs: config.get('broker.heartbeat.interval.ms'),
    sessionTimeoutMs: config.get('broker.session.timeout.ms'),
    registrationTimeoutMs: config.get('initial.broker.registration.timeout.ms'),
    directoryTimeoutMs: () => config.get('log.dir.failure.timeout.ms'),
  }
}
