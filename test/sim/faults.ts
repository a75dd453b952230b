import type { Random } from '../../src/host/host.ts'
import type { CrashKind } from '../../src/host/sim/disk.ts'

/** Something that goes wrong at a time of the simulation. Whole schedules can be written down and given again. */
export type Fault =
  | { readonly atMs: number; readonly type: 'kill'; readonly downMs: number }
  | {
      readonly atMs: number
      readonly type: 'power'
      readonly survives: CrashKind
      readonly downMs: number
    }
  | { readonly atMs: number; readonly type: 'stop'; readonly downMs: number }
  | { readonly atMs: number; readonly type: 'reset' }
  | {
      readonly atMs: number
      readonly type: 'cut'
      /** Which way is cut, or both. */
      readonly way: 'to broker' | 'from broker' | 'both'
      readonly forMs: number
    }
  | { readonly atMs: number; readonly type: 'clock'; readonly byMs: number }
  | {
      readonly atMs: number
      readonly type: 'full disk'
      readonly roomBytes: number
      readonly forMs: number
    }
  | {
      readonly atMs: number
      readonly type: 'slow disk'
      readonly factor: number
      readonly forMs: number
    }

export interface Schedule {
  readonly durationMs: number
  /** In order of time. */
  readonly faults: readonly Fault[]
}

const DURATION_MS = 20_000
const SURVIVALS: readonly CrashKind[] = ['lost', 'torn', 'scattered', 'reordered']

/** A schedule from a seed's numbers: several faults of all kinds, some of them while another one lasts. */
export function randomSchedule(random: Random): Schedule {
  const count = 2 + random.below(7)
  const faults = Array.from({ length: count }, () => randomFault(random))
  return { durationMs: DURATION_MS, faults: faults.sort((a, b) => a.atMs - b.atMs) }
}

function randomFault(random: Random): Fault {
  const atMs = 500 + random.below(DURATION_MS - 2000)
  const forMs = 50 + random.below(4000)
  const downMs = 20 + random.below(3000)
  switch (random.below(9)) {
    case 0:
    case 1:
      return { atMs, type: 'kill', downMs }
    case 2:
    case 3:
      return { atMs, type: 'power', survives: SURVIVALS[random.below(4)]!, downMs }
    case 4:
      return { atMs, type: 'stop', downMs }
    case 5:
      return { atMs, type: 'reset' }
    case 6: {
      const way = (['to broker', 'from broker', 'both'] as const)[random.below(3)]!
      return { atMs, type: 'cut', way, forMs }
    }
    case 7:
      return random.below(2) === 0
        ? { atMs, type: 'clock', byMs: random.below(2 * 86_400_000) - 86_400_000 }
        : { atMs, type: 'slow disk', factor: 2 + random.below(100), forMs }
    default:
      return { atMs, type: 'full disk', roomBytes: random.below(20_000), forMs }
  }
}
