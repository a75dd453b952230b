import type { SimMachine } from '../../../src/host/sim/machine.ts'
import type { Scheduler } from '../../../src/host/sim/scheduler.ts'
import type { CrashKind } from '../../../src/host/sim/disk.ts'
import { DEFAULT_LOG_CONFIG } from '../../../src/log/base/config.ts'
import { LogManager } from '../../../src/log/manager.ts'
import { openQuorum } from '../../../src/quorum/open-quorum.ts'
import type { PeerListener } from '../../../src/quorum/peers.ts'
import type { Quorum } from '../../../src/quorum/quorum.ts'
import { listSnapshots } from '../../../src/quorum/snapshot.ts'
import type { RaftTimeouts, Voter } from '../../../src/quorum/types.ts'
import { DEFAULT_TIMEOUTS } from '../../../src/quorum/types.ts'
import { nodeCodecs } from '../../../src/host/codecs.ts'
import type { QuorumHistory } from './history.ts'
import type { SimulatedWays } from './peers.ts'

const ROOT = '/data'
const CONFIG = { ...DEFAULT_LOG_CONFIG, segmentBytes: 1500, fileDeleteDelayMs: 100 }
/** A snapshot is worth writing after so many offsets. */
const SNAPSHOT_OFFSETS = 20

export interface MemberParts {
  readonly id: number
  readonly machine: SimMachine
  readonly scheduler: Scheduler
  readonly voters: readonly Voter[]
  readonly timeouts: Partial<RaftTimeouts>
  readonly ways: () => SimulatedWays
  readonly history: QuorumHistory
  readonly failed: (error: unknown) => void
}

/** A node of the quorum as it ships, on a simulated machine, with a state machine that is a list of values. */
export class Member {
  readonly directory = `${ROOT}/__cluster_metadata-0`
  listener: PeerListener | null = null
  /** Another one after each end of its process. */
  life = 0
  starts = 0
  readonly #parts: MemberParts
  #values: string[] = []
  #next = 0
  #epoch = 0
  #snapshotOffset = 0
  #isWritingSnapshot = false
  #running: { readonly quorum: Quorum; readonly manager: LogManager } | null = null

  constructor(parts: MemberParts) {
    this.#parts = parts
    const { disk } = parts.machine
    disk.makeDirectory(this.directory)
    disk.syncDirectory(ROOT)
    disk.syncDirectory('/')
  }

  get id(): number {
    return this.#parts.id
  }

  get machine(): SimMachine {
    return this.#parts.machine
  }

  get quorum(): Quorum | null {
    return this.#running?.quorum ?? null
  }

  get values(): readonly string[] {
    return this.#values
  }

  start(): void {
    if (this.machine.isRunning) return
    const { failed } = this.#parts
    const life = ++this.life
    this.starts++
    const ifAlive = (error: unknown): void => {
      if (life === this.life) failed(error)
    }
    this.#open(life, ifAlive).then((running) => {
      if (life === this.life) this.#running = running
    }, ifAlive)
  }

  kill(): void {
    this.#end()
    this.machine.kill()
  }

  losePower(survives: CrashKind): void {
    this.#end()
    this.machine.losePower(survives)
  }

  /** An orderly stop, then the end of the process. */
  stop(): void {
    const { life } = this
    const running = this.#running
    if (running === null) return this.kill()
    this.#running = null
    running.quorum
      .close()
      .then(() => running.manager.close())
      .then(
        () => life === this.life && this.kill(),
        (error: unknown) => life === this.life && this.#parts.failed(error),
      )
  }

  /** Where it leads. */
  append(value: string): void {
    const { quorum } = this
    if (quorum === null || !quorum.isLeader) return
    const { history } = this.#parts
    history.sent(value)
    quorum.append([[Buffer.from(value)]], (failure) => {
      if (failure === null) history.acknowledged(value)
    })
  }

  writeSnapshot(): void {
    const { quorum, life } = this
    if (quorum === null || this.#isWritingSnapshot) return
    if (this.#next < this.#snapshotOffset + SNAPSHOT_OFFSETS) return
    this.#isWritingSnapshot = true
    this.#snapshotOffset = this.#next
    const records = this.#values.map((value) => Buffer.from(value))
    quorum.writeSnapshot({ offset: this.#next, epoch: this.#epoch }, 0, records).then(
      () => {
        if (life === this.life) this.#isWritingSnapshot = false
      },
      (error: unknown) => life === this.life && this.#parts.failed(error),
    )
  }

  async #open(life: number, ifAlive: (error: unknown) => void) {
    const { id, machine, voters, timeouts, history, ways } = this.#parts
    const host = machine.start()
    this.#values = []
    this.#next = this.#epoch = this.#snapshotOffset = 0
    this.#isWritingSnapshot = false
    const codecs = nodeCodecs()
    const manager = LogManager.open({
      host,
      codecs,
      directories: [ROOT],
      onDirectoryFailed: (_directory, error) => ifAlive(error),
    })
    const oldest = listSnapshots(host, this.directory)[0]?.offset ?? 0
    /** What a node is told of when its life is over is nobody's. */
    const checked =
      <Args extends unknown[]>(run: (...args: Args) => void) =>
      (...args: Args): void => {
        if (life !== this.life) return
        try {
          run(...args)
        } catch (error) {
          ifAlive(error)
        }
      }
    const quorum = await openQuorum({
      host,
      codecs,
      directory: this.directory,
      openLog: () => manager.openMetadataLog(manager.directories[0]!, CONFIG, oldest),
      self: voters.find((voter) => voter.id === id)!,
      initialVoters: voters,
      peers: ways().of(this),
      timeouts: { ...DEFAULT_TIMEOUTS, ...timeouts },
      retention: { maxBytes: 4000, maxMs: -1 },
      listener: {
        loadSnapshot: checked(({ offset, epoch }, snapshot) => {
          this.#values = snapshot.records.map(String)
          history.restored(id, offset, this.#values)
          this.#next = this.#snapshotOffset = offset
          this.#epoch = epoch
        }),
        committed: checked((batch) => {
          this.#values.push(...history.delivered(id, this.#next, batch))
          this.#next = batch.lastOffset + 1
          this.#epoch = batch.epoch
        }),
        caughtUp: () => undefined,
        leading: checked((epoch) => history.leads(id, epoch)),
        resigned: () => undefined,
        beforeVoters: () => undefined,
        leaderChanged: () => undefined,
        failed: ifAlive,
      },
    })
    return { quorum, manager }
  }

  #end(): void {
    this.life++
    this.listener = null
    this.#running = null
  }
}
