import type { Scheduler } from '../../../src/host/sim/scheduler.ts'
import type { PeerListener, Peers } from '../../../src/quorum/peers.ts'
import { snapshotPath } from '../../../src/quorum/snapshot.ts'
import { ANYBODY } from '../../../src/quorum/types.ts'
import type { LogPosition, RaftRequest } from '../../../src/quorum/types.ts'
import type { QuorumHistory } from './history.ts'
import type { Driver } from './driver.ts'

const LEAST_DELAY_MS = 0.1
const MOST_DELAY_MS = 12
const PIECE_BYTES = 300
/** As the way over the network waits. */
const AGAIN_MS = 100

/**
 * The ways between the nodes of a quorum: messages are delayed, overtake each other and are lost; ways are cut. The machine
 * of a process that is not there says so.
 */
export class SimulatedWays {
  /** Of a million messages so many are lost. */
  #lossPerMillion = 0
  readonly #scheduler: Scheduler
  readonly #history: QuorumHistory
  readonly #members: ReadonlyMap<number, Driver>
  readonly #cuts = new Set<string>()
  /** Who waits for answers of a node. */
  readonly #waiting = new Map<Driver, Set<() => void>>()
  readonly #failed: (error: unknown) => void

  constructor(
    scheduler: Scheduler,
    history: QuorumHistory,
    members: ReadonlyMap<number, Driver>,
    failed: (error: unknown) => void,
  ) {
    this.#scheduler = scheduler
    this.#history = history
    this.#members = members
    this.#failed = failed
  }

  cut(from: number, to: number): void {
    this.#cuts.add(`${from} ${to}`)
  }

  lose(perMillion: number): void {
    this.#lossPerMillion = perMillion
  }

  heal(): void {
    this.#cuts.clear()
    this.#lossPerMillion = 0
  }

  /** Those of one life of a node. */
  of(member: Driver): Peers {
    const { id, life } = member
    return {
      discovers: true,
      listenerName: null,
      endpointOf: (_id, voter) => voter?.endpoints[0] ?? null,
      attach: (listener) => {
        member.listener = listener
      },
      send: (to, _voter, request) => {
        if (member.life === life) this.#send(member, to, request)
      },
      kraftVersionsOf: () => Promise.resolve({ min: 0, max: 1 }),
      disconnect: (other) =>
        this.#failed(new Error(`${id} does not believe ${other}, and nobody lies here`)),
      fetchSnapshot: (from, _voter, snapshot) => this.#snapshot(from, id, snapshot),
    }
  }

  /** The process of a node has ended; a machine that goes on tells who waits for its answers. */
  ended(member: Driver, isPowered: boolean): void {
    if (isPowered) for (const tell of this.#waiting.get(member) ?? []) tell()
    this.#waiting.delete(member)
  }

  #send(member: Driver, to: number, request: RaftRequest): void {
    const { id, life, key } = member
    const target = this.#members.get(to === ANYBODY ? this.#anybodyBut(id) : to)!
    this.#attempt(() => this.#history.says(key, target.key, request))
    if (request.type === 'beginQuorumEpoch') {
      this.#attempt(() => this.#history.begins({ id, life }, request.epoch, () => member.storedLog))
    }
    const back = (what: string, tell: (listener: PeerListener) => void): void =>
      this.#pass(target, member, what, () => {
        if (member.life === life && member.listener !== null) tell(member.listener)
      })
    const lost = (): void => back('lost', (listener) => listener.unanswered(to, request))
    const { life: targetLife } = target
    this.#pass(member, target, request.type, () => {
      if (!target.machine.isPowered) return
      if (!target.machine.isRunning) {
        if (request.type === 'fetch')
          this.#lookAgain(target, () => back('gone', (listener) => listener.gone(target.id)))
        return lost()
      }
      if (target.life !== targetLife || target.quorum === null) return lost()
      const waiting = this.#waiting.get(target) ?? new Set()
      this.#waiting.set(target, waiting.add(lost))
      target.quorum.request(request, (reply) => {
        if (!waiting.delete(lost) || target.life !== targetLife) return
        if (reply === null) return lost()
        this.#attempt(() => this.#history.says(target.key, key, reply))
        back(reply.type, (listener) => listener.replied(to, reply))
      })
    })
  }

  /** Whoever was refused asks once more whether the process has ended. */
  #lookAgain(target: Driver, tell: () => void): void {
    this.#scheduler.after(AGAIN_MS, `is ${target.id} gone`, () => {
      if (!target.machine.isRunning) tell()
    })
  }

  #anybodyBut(id: number): number {
    const others = [...this.#members.keys()].filter((other) => other !== id)
    return others[this.#scheduler.random.below(others.length)]!
  }

  #pass(from: Driver, to: Driver, what: string, arrives: () => void): void {
    if (!this.#passes(from.id, to.id)) return
    const delayMs = this.#scheduler.delay(LEAST_DELAY_MS, MOST_DELAY_MS)
    this.#scheduler.after(delayMs, `${from.id} to ${to.id}: ${what}`, arrives)
  }

  #passes(from: number, to: number): boolean {
    if (this.#cuts.has(`${from} ${to}`)) return false
    return this.#scheduler.random.below(1_000_000) >= this.#lossPerMillion
  }

  async *#snapshot(from: number, to: number, id: LogPosition): AsyncIterable<Buffer> {
    const source = this.#members.get(from)!
    for (let at = 0, size = 1; at < size; at += PIECE_BYTES) {
      await new Promise<void>((resolve) => {
        this.#scheduler.after(this.#scheduler.delay(1, 30), 'piece of a snapshot', resolve)
      })
      const path = snapshotPath(source.directory, id)
      const { disk, isRunning } = source.machine
      if (!isRunning || !this.#passes(to, from) || !this.#passes(from, to) || !disk.exists(path)) {
        throw new Error(`Node ${from} does not send its snapshot`)
      }
      const content = disk.readFile(path)
      size = content.length
      yield content.subarray(at, at + PIECE_BYTES)
    }
  }

  #attempt(run: () => void): void {
    try {
      run()
    } catch (error) {
      this.#failed(error)
    }
  }
}
