import type { Scheduler } from '../../../src/host/sim/scheduler.ts'
import type { Peers } from '../../../src/quorum/peers.ts'
import { snapshotPath } from '../../../src/quorum/snapshot.ts'
import type { LogPosition } from '../../../src/quorum/types.ts'
import type { QuorumHistory } from './history.ts'
import type { Member } from './member.ts'

const LEAST_DELAY_MS = 0.1
const MOST_DELAY_MS = 12
const PIECE_BYTES = 300

/** The ways between the nodes of a quorum: messages are delayed, overtake each other and are lost; ways are cut. */
export class SimulatedWays {
  /** Of a million messages so many are lost. */
  lossPerMillion = 0
  readonly #scheduler: Scheduler
  readonly #history: QuorumHistory
  readonly #members: ReadonlyMap<number, Member>
  readonly #cuts = new Set<string>()
  readonly #failed: (error: unknown) => void

  constructor(
    scheduler: Scheduler,
    history: QuorumHistory,
    members: ReadonlyMap<number, Member>,
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

  heal(): void {
    this.#cuts.clear()
    this.lossPerMillion = 0
  }

  /** Those of one life of a node. */
  of(member: Member): Peers {
    const { id, life } = member
    return {
      discovers: false,
      listenerName: null,
      endpointOf: (_id, voter) => voter?.endpoints[0] ?? null,
      attach: (listener) => {
        member.listener = listener
      },
      send: (to, _voter, request) => {
        if (member.life !== life) return
        this.#attempt(() => this.#history.says(id, to, request))
        this.#pass(id, to, request.type, (target) => {
          const answering = target.life
          target.quorum?.request(request, (reply) => {
            if (reply === null || target.life !== answering) return
            this.#attempt(() => this.#history.says(to, id, reply))
            this.#pass(to, id, reply.type, ({ listener }) => listener?.replied(to, reply))
          })
        })
      },
      disconnect: (other) =>
        this.#failed(new Error(`${id} does not believe ${other}, and nobody lies here`)),
      fetchSnapshot: (from, _voter, snapshot) => this.#snapshot(from, id, snapshot),
    }
  }

  #pass(from: number, to: number, what: string, arrives: (target: Member) => void): void {
    const target = this.#members.get(to)!
    const { life } = target
    if (!this.#passes(from, to)) return
    const delayMs = this.#scheduler.delay(LEAST_DELAY_MS, MOST_DELAY_MS)
    this.#scheduler.after(delayMs, `${from} to ${to}: ${what}`, () => {
      // A connection does not outlive the process at its end.
      if (target.life === life) arrives(target)
    })
  }

  #passes(from: number, to: number): boolean {
    if (this.#cuts.has(`${from} ${to}`)) return false
    return this.#scheduler.random.below(1_000_000) >= this.lossPerMillion
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
