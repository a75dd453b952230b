import type { Lives, NetworkWatch, Way } from '../../../src/host/sim/network.ts'
import type { Ending } from '../../../src/host/sim/socket.ts'
import { SimulationError } from '../../../src/host/sim/scheduler.ts'
import { CONTROLLER_PORT } from '../topology.ts'

/** What a broker that is fenced before its session is over is held against; a failure begins with its rule. */
export type EvidenceRule =
  | 'ended by its machine'
  | 'proven'
  | 'refused twice'
  | 'not heard of since'
  | 'three times in ten minutes'
  | 'noticed'

const FENCED = 'The process of a broker has ended: it is fenced before its session is over'
const BROKER_HEARTBEAT = 63
/** An end is no older: a first dial that nobody answers takes a second. */
const ENDED_MS = 3000
/** Refusals are no older: what was seen before an election counts for five seconds, and then it is dialled and decided. */
const REFUSED_MS = 6000
/** What a port resets that is closed was not taken: it had been accepted just before. */
const RESET_MS = 500 + 5
/** Between two refusals; an attempt takes up to 4 ms to the other machine. */
const AGAIN_MS = 150 - 5
const MOST_FENCES = 3
const FENCES_MS = 10 * 60_000

interface Dial {
  readonly atMs: number
  readonly outcome: 'accepted' | 'refused' | 'silent'
  /** Of the process that accepted. */
  readonly life: string
  readonly port: number
  /** When the machine that had accepted has reset the connection; null: never. */
  resetMs: number | null
}

/** How a life of a broker is heard of by a life of a controller. */
interface Heard {
  readonly life: string
  connection: object
  atMs: number
  /** When its machine said last that such a connection has ended; null: never. */
  endedMs: number | null
}

/** A cluster as a checker knows it. */
interface KnownCluster {
  readonly now: () => number
  readonly nameOf: (brokerId: number) => string
  /** Of one controller alone it is known when it takes office: when it starts. */
  readonly hasOneController: boolean
}

/**
 * What really went over the network, held against each broker that is fenced early: what a controller believes of a dead process
 * has to be what it was told, by that process's machine. That a process lives all the same may be: machines can lie, and it costs
 * an election.
 */
export class EvidenceHistory implements NetworkWatch {
  readonly #cluster: KnownCluster
  readonly #dials = new Map<string, Dial[]>()
  /** By the end of the connection that whoever has dialled has. */
  readonly #accepted = new WeakMap<object, Dial>()
  /** By the life of a controller, and the broker: a new process has heard of nobody. */
  readonly #heard = new Map<string, Heard>()
  readonly #fences = new Map<number, number[]>()
  /** The one that a heartbeat came to last. */
  activeController: string | null = null

  constructor(cluster: KnownCluster) {
    this.#cluster = cluster
  }

  get count(): number {
    return [...this.#fences.values()].reduce((sum, times) => sum + times.length, 0)
  }

  failed(way: Way, outcome: 'refused' | 'silent'): void {
    this.#dialled(way, {
      atMs: this.#cluster.now(),
      outcome,
      life: '',
      port: way.port,
      resetMs: null,
    })
  }

  accepted(way: Way, life: string, end: object): void {
    const atMs = this.#cluster.now()
    const dial: Dial = { atMs, outcome: 'accepted', life, port: way.port, resetMs: null }
    this.#accepted.set(end, dial)
    this.#dialled(way, dial)
  }

  #dialled({ from, to }: Way, dial: Dial): void {
    const key = `${from} ${to}`
    const dials = this.#dials.get(key) ?? []
    this.#dials.set(key, dials)
    dials.push(dial)
  }

  arrived({ from, to, port }: Way, connection: object, lives: Lives, bytes: Buffer): void {
    const isHeartbeat =
      port === CONTROLLER_PORT && bytes.length > 6 && bytes.readInt16BE(4) === BROKER_HEARTBEAT
    if (!isHeartbeat) return
    this.activeController = to
    const key = `${lives.to} ${from}`
    const { endedMs = null } = this.#heard.get(key) ?? {}
    this.#heard.set(key, { life: lives.from, connection, atMs: this.#cluster.now(), endedMs })
  }

  ended(_way: Way, end: object, how: Ending): void {
    for (const heard of this.#heard.values()) {
      if (heard.connection === end) heard.endedMs = this.#cluster.now()
    }
    const dial = this.#accepted.get(end)
    if (dial !== undefined && how === 'rst') dial.resetMs = this.#cluster.now()
  }

  /**
   * A line of a controller's log.
   * @param life of the controller
   * @throws SimulationError
   */
  told(life: string, message: string, { brokerId }: { readonly brokerId?: number }): void {
    if (message !== FENCED || brokerId === undefined) return
    const now = this.#cluster.now()
    const name = this.#cluster.nameOf(brokerId)
    const times = this.#fences.get(brokerId) ?? []
    this.#fences.set(brokerId, [...times, now])
    const recent = times.filter((time) => time > now - FENCES_MS).length
    if (recent >= MOST_FENCES) broken('three times in ten minutes', `${name}, ${recent + 1} times`)
    const controller = life.slice(0, life.indexOf('#'))
    const dials = (this.#dials.get(`${controller} ${name}`) ?? []).filter(({ atMs }) => atMs <= now)
    const heard = this.#heard.get(`${life} ${name}`)
    this.#checkEnd(name, heard, now)
    const isProven = (of: string): boolean =>
      dials.some((dial) => dial.outcome === 'accepted' && dial.life === of)
    if (heard !== undefined && !isProven(heard.life)) {
      broken('proven', `${heard.life} was never reached, and fenced at ${now.toFixed(0)} ms`)
    }
    const refusals = this.#refusals(dials, now)
    if (refusals === null) {
      const told = dials.slice(-6).map(({ atMs, outcome }) => `${outcome} at ${atMs.toFixed(0)}`)
      broken('refused twice', `${name}, fenced at ${now.toFixed(0)} ms: ${told.join(', ')}`)
    }
    const { atMs = 0, endedMs = null } = heard ?? {}
    const sinceMs = Math.max(refusals.first, endedMs ?? Infinity)
    if (atMs > sinceMs && atMs < refusals.second) {
      broken('not heard of since', `${name} was heard of at ${atMs.toFixed(0)} ms`)
    }
  }

  /** @throws SimulationError where a broker that was killed then is fenced later than that */
  checkNoticed(brokerId: number, killedMs: number, withinMs: number): void {
    const at = this.#fences.get(brokerId)?.find((time) => time >= killedMs)
    const tookMs = (at ?? Infinity) - killedMs
    if (tookMs <= withinMs) return
    broken('noticed', `${this.#cluster.nameOf(brokerId)} has ended, which took ${tookMs} ms`)
  }

  #checkEnd(name: string, heard: Heard | undefined, now: number): void {
    if (!this.#cluster.hasOneController || heard === undefined) return
    if (heard.endedMs !== null && heard.endedMs > now - ENDED_MS) return
    broken('ended by its machine', `nobody said so of ${name}, fenced at ${now.toFixed(0)} ms`)
  }

  /** The last two dials with time between them of which the first was refused, and none was accepted. */
  #refusals(dials: readonly Dial[], now: number): { first: number; second: number } | null {
    const recent = dials.filter(({ atMs }) => atMs > now - REFUSED_MS)
    let last: { first: number; second: number } | null = null
    for (const [at, dial] of recent.entries()) {
      const first = refusedAt(dial, recent.slice(at + 1))
      if (first === null) continue
      for (const { outcome: later, atMs: second } of recent.slice(at + 1)) {
        if (later === 'accepted') break
        if (second - first >= AGAIN_MS) last = { first, second }
      }
    }
    return last
  }
}

/**
 * When a machine has refused a dial, if it has: a port that is closed resets what nobody has taken, and where its machine says nothing
 * by the next dial, that was its refusal.
 */
function refusedAt(dial: Dial, later: readonly Dial[]): number | null {
  if (dial.outcome === 'refused') return dial.atMs
  const { resetMs, atMs, port } = dial
  if (resetMs === null || resetMs > atMs + RESET_MS) return null
  const next = later.find((each) => each.port === port)
  return next?.outcome === 'silent' && next.atMs >= resetMs ? next.atMs : null
}

function broken(rule: EvidenceRule, how: string): never {
  throw new SimulationError(`${rule}: ${how}`)
}
