import type { Random } from '../../src/host/host.ts'
import type { CrashKind } from '../../src/host/sim/disk.ts'
import type { Layout, Settings } from './topology.ts'

/** A node, counted from 0, or the active controller of then. */
export type At = number | 'controller'

/** Something that goes wrong at a time of the simulation. Whole schedules can be written down and given again. */
export type Fault = {
  readonly atMs: number
  /** Where, counted from 0; left out where there is one. */
  readonly node?: At
} & (
  | {
      readonly type: 'kill'
      readonly downMs: number
      /** The kernel closes the ports so much later than the connections; at once where it is left out. */
      readonly portsMs?: number
    }
  | { readonly type: 'power'; readonly survives: CrashKind; readonly downMs: number }
  | { readonly type: 'stop'; readonly downMs: number }
  | { readonly type: 'reset' }
  | {
      readonly type: 'cut'
      /** Which way is cut, or both. */
      readonly way: 'to broker' | 'from broker' | 'both'
      /** The other end, where only the way between two nodes is cut; everybody where it is left out. */
      readonly peer?: number
      readonly forMs: number
    }
  /** The process stands still (SIGSTOP), and its kernel goes on taking what is sent to it. */
  | { readonly type: 'pause'; readonly forMs: number }
  /** The machine refuses connections, whoever listens there; those that are open go on. */
  | { readonly type: 'refuse'; readonly forMs: number }
  /** A copy of the machine starts: the same node, as far as its disk says. */
  | { readonly type: 'copy'; readonly forMs: number }
  /** All connections of the machine break. */
  | { readonly type: 'break' }
  | { readonly type: 'clock'; readonly byMs: number }
  | { readonly type: 'full disk'; readonly roomBytes: number; readonly forMs: number }
  | { readonly type: 'slow disk'; readonly factor: number; readonly forMs: number }
)

export interface Schedule {
  readonly durationMs: number
  /** Of the cluster; the caller has one where it is left out. */
  readonly layout?: Layout
  /** Of all nodes, besides what others have. */
  readonly settings?: Settings
  /** Each broker that is killed is fenced as soon as that, though its session would be longer. */
  readonly noticedWithinMs?: number
  /** Each node that was killed serves again so soon after it was started again. */
  readonly servesWithinMs?: number
  /** In order of time. */
  readonly faults: readonly Fault[]
}

const DURATION_MS = 20_000
/** Faults come twice as close to one another, or four times where there is one node. */
const SHORT_MS = 5000
const SURVIVALS: readonly CrashKind[] = ['lost', 'torn', 'scattered', 'reordered']

/** Of what a process had open that is killed, the last may be closed so much later than the first. */
const CLOSING_MS = 10

/** So many faults in how many hit a node that is a controller alone, where there is one. */
const RARELY = 8

/**
 * A schedule from a seed's numbers: several faults of all kinds, some of them while another one lasts.
 * @param isShort in a quarter of the time, and with half as many faults where there are several nodes
 */
export function randomSchedule(random: Random, layout: Layout, isShort = false): Schedule {
  const nodes = layout.combined + layout.brokers + layout.controllers
  const durationMs = isShort ? SHORT_MS : DURATION_MS
  const count = 2 + random.below(7)
  const faults = Array.from({ length: nodes === 1 || isShort ? count : 2 * count }, () => {
    const fault = randomFault(random, nodes, durationMs)
    return nodes === 1 ? fault : { ...fault, node: randomNode(random, layout) }
  })
  return { durationMs, faults: faults.sort((a, b) => a.atMs - b.atMs) }
}

function randomNode(random: Random, { combined, brokers, controllers }: Layout): number {
  const others = combined + brokers
  if (controllers === 0) return random.below(others)
  return random.below(RARELY) === 0 ? others + random.below(controllers) : random.below(others)
}

/** Of one node alone no process stands still, and none is refused: nobody else would notice. */
const KINDS_ALONE = 9
const KINDS = 13

function randomFault(random: Random, nodes: number, durationMs: number): Fault {
  const atMs = 500 + random.below(durationMs - 2000)
  const forMs = 50 + random.below(4000)
  const downMs = 20 + random.below(3000)
  const anyWay = () => (['to broker', 'from broker', 'both'] as const)[random.below(3)]!
  switch (random.below(nodes === 1 ? KINDS_ALONE : KINDS)) {
    case 0:
    case 1:
      return { atMs, type: 'kill', downMs, portsMs: downMs % CLOSING_MS }
    case 2:
    case 3:
      return { atMs, type: 'power', survives: SURVIVALS[random.below(4)]!, downMs }
    case 4:
      return { atMs, type: 'stop', downMs }
    case 5:
      return { atMs, type: 'reset' }
    case 6:
      return { atMs, type: 'cut', way: anyWay(), forMs }
    case 7:
      return random.below(2) === 0
        ? { atMs, type: 'clock', byMs: random.below(2 * 86_400_000) - 86_400_000 }
        : { atMs, type: 'slow disk', factor: 2 + random.below(100), forMs }
    case 8:
      return { atMs, type: 'full disk', roomBytes: random.below(20_000), forMs }
    case 9:
      return { atMs, type: 'cut', way: anyWay(), peer: random.below(nodes), forMs }
    case 10:
      return { atMs, type: 'refuse', forMs }
    case 11:
      return { atMs, type: 'break' }
    default:
      return { atMs, type: 'pause', forMs }
  }
}
