import type { MetadataFact } from '../facts.ts'
import type { DecidedWithAlarms } from './outcome.ts'
import type { ControllerView } from './view.ts'

/** The alarm by which the next record is written that says nothing. */
export const IDLE_ALARM = 'idle record'

const IDLE_FACT: MetadataFact = { type: 'NoOpRecord', version: 0, value: {} }

type Timing = Pick<ControllerView, 'now' | 'maxIdleIntervalMs'>

/** When that is; never where `metadata.max.idle.interval.ms` is 0. */
export function idleAlarm({ now, maxIdleIntervalMs }: Timing): { name: string; at: number }[] {
  return maxIdleIntervalMs > 0 ? [{ name: IDLE_ALARM, at: now + maxIdleIntervalMs }] : []
}

/**
 * A NoOpRecord [KIP-835]: the log goes on while nothing happens, so how far others lag behind it can be seen. As Apache
 * Kafka's controller, this one writes it at its interval whether anything else was written meanwhile or not.
 */
export function idleRecord(timing: Timing): DecidedWithAlarms<null> {
  return { facts: [IDLE_FACT], alarms: idleAlarm(timing), reply: null }
}
