import type { MetadataFact } from '../facts.ts'

/**
 * What the controller knows of a broker that is alive, beside its registration (KIP-631): from its registration on, fenced or
 * not. It is in no record: another controller begins anew, with a whole session for each that isn't fenced.
 */
export interface BrokerSession {
  /** Monotonic milliseconds: where nothing is heard of it until then, it is fenced. */
  readonly until: number
  /** It doesn't serve yet, or no longer: nobody waits for it. */
  readonly isFenced: boolean
  /** Up to where it has followed the metadata, as it said; -1 before. */
  readonly metadataOffset: number
  /** Where others must be before its controlled shutdown is done; -1 where it has asked for none. */
  readonly shutdownOffset: number
  /** Since when there are signs that its process has ended, and no heartbeat; null where there are none. */
  readonly suspectedAt: number | null
}

/** Of a broker that is fenced, but for its end. */
export const FENCED_SESSION = {
  isFenced: true,
  metadataOffset: -1,
  shutdownOffset: -1,
  suspectedAt: null,
} as const

/** A session begins, goes on, or ends. It is volatile: applied, and never appended. */
export interface SessionFact {
  readonly type: 'BrokerSession'
  readonly brokerId: number
  readonly session: BrokerSession | null
}

/** What is known of the times that a broker was fenced on evidence, before its session was over. */
export interface EarlyFences {
  /** Monotonic milliseconds, of those that still count. */
  readonly at: readonly number[]
  /** Until when nobody leads without what it has, since it might be back by then; monotonic milliseconds. */
  readonly awaitedUntil: number
}

/** Volatile, too. */
export interface EarlyFencesFact {
  readonly type: 'EarlyFences'
  readonly brokerId: number
  readonly fences: EarlyFences
}

export type VolatileFact = SessionFact | EarlyFencesFact

/** What the controller decides: records of the metadata log, and what is lost with its office. */
export type ControllerFact = MetadataFact | VolatileFact

export type Sessions = ReadonlyMap<number, BrokerSession>

export const isVolatileFact = (fact: ControllerFact): fact is VolatileFact =>
  fact.type === 'BrokerSession' || fact.type === 'EarlyFences'

/** The alarm by which a broker is fenced that is heard of no more. */
export const sessionAlarm = (brokerId: number): string => `session ${brokerId}`

/** The broker of such an alarm. */
export function brokerOfAlarm(alarm: string): number {
  return Number(alarm.slice('session '.length))
}

/** How far each broker is that serves and goes on doing so; Infinity where there is none. */
export function lowestActiveOffset(sessions: Sessions): number {
  let lowest = Infinity
  for (const { isFenced, shutdownOffset, metadataOffset } of sessions.values()) {
    if (!isFenced && shutdownOffset < 0) lowest = Math.min(lowest, metadataOffset)
  }
  return lowest
}
