import type { Random } from '../../../src/host/host.ts'
import type { CrashKind } from '../../../src/host/sim/disk.ts'
import { DEFAULT_TIMEOUTS } from '../../../src/quorum/types.ts'
import type { QuorumFault, QuorumNodes, QuorumSchedule } from './faults.ts'

/** Most quorums have formed by then, where nothing goes wrong. */
const FORMING_MS = 4000
const DURATION_MS = 14_000
const SURVIVALS: readonly CrashKind[] = ['lost', 'torn', 'scattered', 'reordered']

const forming = (
  nodes: QuorumNodes,
  voters: number,
  faults: readonly QuorumFault[],
): QuorumSchedule => ({
  nodes,
  durationMs: DURATION_MS,
  timeouts: DEFAULT_TIMEOUTS,
  isDynamic: false,
  formsItself: true,
  voters,
  observers: 0,
  maxIdleIntervalMs: 0,
  faults,
})

/** Voters that form their quorum by themselves, crash meanwhile and soon after, and lose their disks. */
export function randomFormingSchedule(
  random: Random,
  nodes: QuorumNodes,
  voters: number,
): QuorumSchedule {
  const faults = Array.from({ length: 3 + random.below(10) }, () => randomFault(random, voters))
  return forming(
    nodes,
    voters,
    faults.sort((a, b) => a.atMs - b.atMs),
  )
}

function randomFault(random: Random, voters: number): QuorumFault {
  const atMs = random.below(random.below(3) === 0 ? DURATION_MS - 2000 : FORMING_MS)
  const downMs = 20 + random.below(4000)
  const node = random.below(3) === 0 ? 'leader' : random.below(voters)
  switch (random.below(8)) {
    case 0:
      return { atMs, type: 'kill', node, downMs }
    case 1:
    case 2:
    case 3:
      return { atMs, type: 'power', node, survives: SURVIVALS[random.below(4)]!, downMs }
    case 4:
    case 5:
      return { atMs, type: 'wipe', node, downMs }
    case 6:
      return { atMs, type: 'loss', perMillion: random.below(300_000), forMs: downMs }
    default:
      return { atMs, type: 'cut', node, way: 'both', forMs: downMs }
  }
}

/** A quorum of three of which one node loses power at a moment of its forming, and all power with it if told so. */
export function crashedAt(
  nodes: QuorumNodes,
  atMs: number,
  crashed: readonly number[],
): QuorumSchedule {
  const faults = crashed.map((node): QuorumFault => ({
    atMs,
    type: 'power',
    node,
    survives: 'lost',
    downMs: 100 + 400 * node,
  }))
  return { ...forming(nodes, 3, faults), durationMs: atMs + 2000 }
}
