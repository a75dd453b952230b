import type { Random } from '../../../src/host/host.ts'
import type { CrashKind } from '../../../src/host/sim/disk.ts'
import { DEFAULT_TIMEOUTS, type RaftTimeouts } from '../../../src/quorum/types.ts'

/** Where it goes wrong: a node, counted from 0, or the one that leads then. */
export type At = number | 'leader'

/** Something that goes wrong at a time of the simulation, or that somebody asks of the quorum. */
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
  /** The wall clock jumps. */
  | { readonly type: 'clock'; readonly node: At; readonly byMs: number }
  | VoterFault
)

/** What can only be done to a quorum whose voters stand in its log (KIP-853). */
type VoterFault =
  /** The node's disk is another one from now on, with another directory id and nothing on it. */
  | { readonly type: 'wipe'; readonly node: At; readonly downMs: number }
  /** The node is to vote, and asks for that until it does, in the place of the disk that it had before. */
  | { readonly type: 'join'; readonly node: number }
  /** Votes no longer, and doesn't ask for it. */
  | { readonly type: 'remove'; readonly node: At }
  /** Says that it listens elsewhere. */
  | { readonly type: 'move'; readonly node: number; readonly port: number }

/** `drivers` send each other messages, which may come in any order; `controllers` are whole, with a network between them. */
export type QuorumNodes = 'drivers' | 'controllers'

export interface QuorumSchedule {
  readonly nodes: QuorumNodes
  readonly durationMs: number
  /** How soon the nodes give a leader up, and each other. */
  readonly timeouts: Pick<RaftTimeouts, 'electionTimeoutMs' | 'fetchTimeoutMs'>
  /** Whether the voters stand in the log (kraft.version 1), where they can be changed, or in the settings. */
  readonly isDynamic: boolean
  /** Nobody has formatted the nodes: those that the settings name form the quorum by themselves. */
  readonly formsItself?: boolean
  /** The first nodes vote; the others only follow, as long as they don't join. */
  readonly voters: number
  readonly observers: number
  /** How often controllers write a record that says nothing; 0 for never. */
  readonly maxIdleIntervalMs: number
  /** In order of time. */
  readonly faults: readonly QuorumFault[]
}

const DURATION_MS = 40_000
/** Two nodes often ask for votes in the same epoch: messages take up to a third of the election's time-out. */
const HASTY_TIMEOUTS = { electionTimeoutMs: 40, fetchTimeoutMs: 700 }
const SURVIVALS: readonly CrashKind[] = ['lost', 'torn', 'scattered', 'reordered']

export function randomQuorumSchedule(
  random: Random,
  nodes: QuorumNodes,
  voters: number,
): QuorumSchedule {
  const isDynamic = random.below(3) > 0
  const drawn = isDynamic ? random.below(3) : random.below(2)
  // Where the settings name the voters, no other node may be a controller.
  const observers = isDynamic || nodes === 'drivers' ? drawn : 0
  const count = voters + observers
  const { electionTimeoutMs, fetchTimeoutMs } =
    random.below(2) === 0 ? HASTY_TIMEOUTS : DEFAULT_TIMEOUTS
  const maxIdleIntervalMs = random.below(2) === 0 ? 500 : 0
  const faults = Array.from({ length: 6 + random.below(18) }, () => randomFault(random, count))
  if (isDynamic) {
    const changes = 4 + random.below(12)
    for (let made = 0; made < changes; made++) faults.push(randomChange(random, count))
  }
  return {
    nodes,
    durationMs: DURATION_MS,
    timeouts: { electionTimeoutMs, fetchTimeoutMs },
    isDynamic,
    voters,
    observers,
    maxIdleIntervalMs,
    faults: faults.sort((a, b) => a.atMs - b.atMs),
  }
}

const anyTime = (random: Random): number => 500 + random.below(DURATION_MS - 2000)
const anyNode = (random: Random, nodes: number): At =>
  random.below(2) === 0 ? 'leader' : random.below(nodes)

function randomFault(random: Random, nodes: number): QuorumFault {
  const atMs = anyTime(random)
  const forMs = 50 + random.below(8000)
  const downMs = 20 + random.below(6000)
  const node = anyNode(random, nodes)
  switch (random.below(11)) {
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
    case 9:
      return { atMs, type: 'clock', node, byMs: random.below(2 * 86_400_000) - 86_400_000 }
    default:
      return { atMs, type: 'slow disk', node, factor: 2 + random.below(100), forMs }
  }
}

/** The first node stays where it is: the others' settings name it. */
function randomChange(random: Random, nodes: number): QuorumFault {
  const atMs = anyTime(random)
  switch (random.below(6)) {
    case 0:
    case 1:
      return { atMs, type: 'join', node: random.below(nodes) }
    case 2:
    case 3:
      return { atMs, type: 'remove', node: anyNode(random, nodes) }
    case 4:
      return { atMs, type: 'wipe', node: anyNode(random, nodes), downMs: 20 + random.below(3000) }
    default:
      return {
        atMs,
        type: 'move',
        node: 1 + random.below(nodes - 1),
        port: 9000 + random.below(999),
      }
  }
}
