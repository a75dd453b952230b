import type { Random } from '../../../src/host/host.ts'
import type { CrashKind } from '../../../src/host/sim/disk.ts'

/** Something that goes wrong at a time of the simulation. `node` counts from 0. */
export type QuorumFault = { readonly atMs: number } & (
  | { readonly type: 'kill' | 'stop'; readonly node: number; readonly downMs: number }
  | {
      readonly type: 'power'
      readonly node: number
      readonly survives: CrashKind
      readonly downMs: number
    }
  | {
      readonly type: 'cut'
      readonly node: number
      /** Which way is cut, or both. */
      readonly way: 'to' | 'from' | 'both'
      readonly forMs: number
    }
  | { readonly type: 'loss'; readonly perMillion: number; readonly forMs: number }
  | {
      readonly type: 'slow disk'
      readonly node: number
      readonly factor: number
      readonly forMs: number
    }
)

export interface QuorumSchedule {
  readonly durationMs: number
  /** In order of time. */
  readonly faults: readonly QuorumFault[]
}

const DURATION_MS = 40_000
const SURVIVALS: readonly CrashKind[] = ['lost', 'torn', 'scattered', 'reordered']

export function randomQuorumSchedule(random: Random, nodes: number): QuorumSchedule {
  const count = 4 + random.below(14)
  const faults = Array.from({ length: count }, () => randomFault(random, nodes))
  return { durationMs: DURATION_MS, faults: faults.sort((a, b) => a.atMs - b.atMs) }
}

function randomFault(random: Random, nodes: number): QuorumFault {
  const atMs = 500 + random.below(DURATION_MS - 2000)
  const forMs = 50 + random.below(8000)
  const downMs = 20 + random.below(6000)
  const node = random.below(nodes)
  switch (random.below(10)) {
    case 0:
    case 1:
      return { atMs, type: 'kill', node, downMs }
    case 2:
    case 3:
    case 4:
      return { atMs, type: 'power', node, survives: SURVIVALS[random.below(4)]!, downMs }
    case 5:
      return { atMs, type: 'stop', node, downMs }
    case 6:
    case 7:
      return {
        atMs,
        type: 'cut',
        node,
        way: (['to', 'from', 'both'] as const)[random.below(3)]!,
        forMs,
      }
    case 8:
      return { atMs, type: 'loss', perMillion: random.below(300_000), forMs }
    default:
      return { atMs, type: 'slow disk', node, factor: 2 + random.below(100), forMs }
  }
}
