import { UsageError } from './errors.ts'

/** Where offsets are to go: exactly one of these. */
export interface Targets {
  readonly toEarliest?: boolean
  readonly toLatest?: boolean
  readonly toOffset?: number
  /** Milliseconds since 1970. */
  readonly toDatetime?: number
  /** Milliseconds back from now. */
  readonly byDuration?: number
  readonly shiftBy?: number
}

export type Target =
  | { readonly kind: 'earliest' | 'latest' }
  | { readonly kind: 'offset'; readonly offset: number }
  | { readonly kind: 'time'; readonly timestamp: number }
  | { readonly kind: 'shift'; readonly by: number }

/** The one target that was given; throws UsageError for none or several. */
export function targetOf(options: Targets, now: number): Target {
  const { toOffset, toDatetime, byDuration, shiftBy } = options
  const targets: Target[] = []
  if (options.toEarliest) targets.push({ kind: 'earliest' })
  if (options.toLatest) targets.push({ kind: 'latest' })
  if (toOffset !== undefined) targets.push({ kind: 'offset', offset: toOffset })
  if (toDatetime !== undefined) targets.push({ kind: 'time', timestamp: toDatetime })
  if (byDuration !== undefined) targets.push({ kind: 'time', timestamp: now - byDuration })
  if (shiftBy !== undefined) targets.push({ kind: 'shift', by: shiftBy })
  if (targets.length === 1) return targets[0]!
  throw new UsageError(
    'Say where to: exactly one of --to-earliest, --to-latest, --to-offset, --to-datetime, --by-duration, --shift-by',
  )
}

/** `topic`, or `topic:0,1` for some of its partitions. */
export function parseTopicPartitions(text: string): { topic: string; partitions: number[] | null } {
  const match = /^([^:]+)(?::(\d+(?:,\d+)*))?$/.exec(text)
  if (match === null) {
    throw new UsageError(`--topic takes TOPIC or TOPIC:0,1: not ${JSON.stringify(text)}`)
  }
  return { topic: match[1]!, partitions: match[2]?.split(',').map(Number) ?? null }
}

export interface PartitionFacts {
  readonly earliest: number
  readonly latest: number
  /** What the group has committed; null for nothing. */
  readonly committed: number | null
  /** The offset of the target's time; -1 where no record is that late. */
  readonly atTime: number | null
}

/**
 * The offset to commit. What lies outside of the partition becomes its first or last offset, as with Kafka's own tool.
 * Null where an offset that was never committed would have to be shifted.
 */
export function plannedOffset(target: Target, facts: PartitionFacts): number | null {
  const { earliest, latest, committed, atTime } = facts
  const within = (offset: number): number => Math.min(latest, Math.max(earliest, offset))
  switch (target.kind) {
    case 'earliest':
      return earliest
    case 'latest':
      return latest
    case 'offset':
      return within(target.offset)
    case 'time':
      return atTime === null || atTime < 0 ? latest : atTime
    case 'shift':
      return committed === null ? null : within(committed + target.by)
  }
}
