import type { Random } from '../../../src/host/host.ts'
import type { CrashKind } from '../../../src/host/sim/disk.ts'
import { DEFAULT_TIMEOUTS, type RaftTimeouts } from '../../../src/quorum/types.ts'

/** Where it goes wrong: a node, counted from 0, or the one that leads then. */
type At = number | 'leader'

/** Something that goes wrong at a time of the simulation. */
export type QuorumFault = { readonly atMs: number } & (
  | { readonly type: 'kill' | 'stop'; readonly node: At; readonly downMs: number }
  | {
      readonly type: 'power'
      readonly node: At
      readonly survives: CrashKind
      readonly downMs: number
    }
  | {
      readonly type: 'cut'
      readonly node: At
      /** Which way is cut, or both. */
      readonly way: 'to' | 'from' | 'both'
      readonly forMs: number
    }
  | { readonly type: 'loss'; readonly perMillion: number; readonly forMs: number }
  | {
      readonly type: 'slow disk'
      readonly node: At
      readonly factor: number
      readonly forMs: number
    }
)

export interface QuorumSchedule {
  readonly durationMs: number
  /** How soon the nodes give a leader up, and each other. */
  readonly timeouts: Pick<RaftTimeouts, 'electionTimeoutMs' | 'fetchTimeoutMs'>
  /** In order of time. */
  readonly faults: readonly QuorumFault[]
}

const DURATION_MS = 40_000
/** Two nodes often ask for votes in the same epoch: messages take up to a third of the election's time-out. */
const HASTY_TIMEOUTS = { electionTimeoutMs: 40, fetchTimeoutMs: 700 }
const SURVIVALS: readonly CrashKind[] = ['lost', 'torn', 'scattered', 'reordered']

export function randomQuorumSchedule(random: Random, nodes: number): QuorumSchedule {
  const count = 6 + random.below(18)
  const faults = Array.from({ length: count }, () => randomFault(random, nodes))
  const { electionTimeoutMs, fetchTimeoutMs } =
    random.below(2) === 0 ? HASTY_TIMEOUTS : DEFAULT_TIMEOUTS
  return {
    durationMs: DURATION_MS,
    timeouts: { electionTimeoutMs, fetchTimeoutMs },
    faults: faults.sort((a, b) => a.atMs - b.atMs),
  }
}

function randomFault(random: Random, nodes: number): QuorumFault {
  const atMs = 500 + random.below(DURATION_MS - 2000)
  const forMs = 50 + random.below(8000)
  const downMs = 20 + random.below(6000)
  const node = random.below(2) === 0 ? 'leader' : random.below(nodes)
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
