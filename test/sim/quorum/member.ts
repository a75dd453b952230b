import type { CrashKind } from '../../../src/host/sim/disk.ts'
import type { SimMachine } from '../../../src/host/sim/machine.ts'
import type { Quorum } from '../../../src/quorum/quorum.ts'
import type { ReplicaKey, Voter } from '../../../src/quorum/types.ts'
import type { VoterChange } from '../../../src/quorum/voter-changes.ts'
import type { QuorumHistory } from './history.ts'
import { LogReader, type LogFiles } from './log-entries.ts'

export const ROOT = '/data'
export const LISTENER = 'CONTROLLER'
const FIRST_PORT = 9093

const nameOf = (id: number): string => `node${id}`

/** A node with its n-th disk. */
function voterWith(id: number, disk: number, port = FIRST_PORT): Voter {
  const directoryId = `${`${id}${disk % 10}`.repeat(11).slice(0, 21)}Q`
  return { id, directoryId, endpoints: [{ name: LISTENER, host: nameOf(id), port }] }
}

/** A node as it is formatted with its first disk. */
export const firstVoter = (id: number): Voter => voterWith(id, 0)

export interface MemberParts {
  readonly id: number
  readonly machine: SimMachine
  readonly history: QuorumHistory
  /** The first voters, where this node is one of them, or where the settings name them. */
  readonly voters: readonly Voter[] | null
  /** Whether the voters stand in the log (kraft.version 1), or in the settings. */
  readonly isDynamic: boolean
  /** Nobody formats the disk: the voters that the settings name form their quorum by themselves. */
  readonly formsItself: boolean
  readonly failed: (error: unknown) => void
}

/** What runs in a member's process. */
export interface Running {
  readonly quorum: Quorum
  /** An orderly stop. */
  close(): Promise<void>
}

/** A node of a quorum, as it ships, on a simulated machine: what is the same whatever runs in its process. */
export abstract class Member<Process extends Running = Running> {
  readonly directory = `${ROOT}/__cluster_metadata-0`
  /** Another one after each end of its process. */
  life = 0
  starts = 0
  /** Changes of the voters that it was asked for, and has not answered. */
  pendingChanges = 0
  protected readonly parts: MemberParts
  protected running: Process | null = null
  readonly #log = new LogReader()
  #disks = 0
  #port = FIRST_PORT
  /** What it knew last of who votes. */
  #voters: readonly Voter[] = []

  constructor(parts: MemberParts) {
    this.parts = parts
  }

  /** What its state machine has come to; the same for two that have followed equally far. */
  abstract get state(): string
  /** Where it leads: has something written. */
  abstract append(value: string): void
  /** Whether its state machine has all of these. */
  abstract has(values: Iterable<string>): boolean
  /** Whether it knows how to ask to vote by itself, and whether it does. */
  abstract readonly joinsByItself: boolean
  abstract readonly isJoining: boolean
  abstract setJoins(joins: boolean): void
  abstract writeSnapshot(): void
  protected abstract open(life: number, ifAlive: (error: unknown) => void): Promise<Process>
  /** @param voters null where only the quorum that the node is to follow knows them */
  protected abstract writeFormat(voters: readonly Voter[] | null): void

  get id(): number {
    return this.parts.id
  }

  get machine(): SimMachine {
    return this.parts.machine
  }

  /** The node as a voter, with the disk that it has now. */
  get asVoter(): Voter {
    return voterWith(this.id, this.#disks, this.#port)
  }

  get key(): ReplicaKey {
    const { id, directoryId } = this.asVoter
    return { id, directoryId }
  }

  /** Whether its disk remembers elections. */
  get remembers(): boolean {
    return this.machine.disk.exists(`${this.directory}/quorum-state`)
  }

  get port(): number {
    return this.#port
  }

  get quorum(): Quorum | null {
    return this.running?.quorum ?? null
  }

  /** What its log has on the disk; nothing before it is recovered. */
  get log(): LogFiles {
    return this.running === null ? [] : this.storedLog
  }

  /** The same, of a node that is about to end, too. */
  get storedLog(): LogFiles {
    return this.#log.files(this.machine.disk, this.directory)
  }

  /** Who votes, as far as this node knows or knew last. */
  get voters(): readonly Voter[] {
    return (this.#voters = this.quorum?.voters ?? this.#voters)
  }

  /** Its disk is empty but for what it was formatted with. */
  format(voters: readonly Voter[] | null): void {
    const { disk } = this.machine
    disk.makeDirectory(this.directory)
    this.writeFormat(voters)
    for (const directory of [this.directory, ROOT, '/']) disk.syncDirectory(directory)
  }

  start(): void {
    if (this.machine.isRunning) return
    const life = ++this.life
    this.starts++
    const ifAlive = (error: unknown): void => {
      if (life === this.life) this.parts.failed(error)
    }
    this.open(life, ifAlive).then((running) => {
      if (life === this.life) this.running = running
    }, ifAlive)
  }

  kill(): void {
    this.end(true)
    this.machine.kill()
  }

  losePower(survives: CrashKind): void {
    this.end(false)
    this.machine.losePower(survives)
  }

  /** An orderly stop, then the end of the process. */
  stop(): void {
    const { life, running } = this
    if (running === null) return this.kill()
    this.#voters = this.voters
    this.running = null
    running.close().then(
      () => life === this.life && this.kill(),
      (error: unknown) => life === this.life && this.parts.failed(error),
    )
  }

  /** Its disk is another one: it is another replica, which has nothing. */
  wipe(): void {
    this.kill()
    this.machine.disk.removeDirectory(ROOT)
    this.#disks++
    this.format(null)
  }

  /** It listens elsewhere from now on. */
  move(port: number): void {
    this.#port = port
  }

  /** Where it leads: changes the voters. */
  changeVoters(change: VoterChange): void {
    const { quorum, life } = this
    if (quorum === null || !quorum.isLeader) return
    this.pendingChanges++
    quorum.changeVoters(change).then(
      () => {
        if (life === this.life) this.pendingChanges--
      },
      (error: unknown) => life === this.life && this.parts.failed(error),
    )
  }

  /**
   * Its process is over.
   * @param isPowered the machine goes on, and can say so
   */
  protected end(_isPowered: boolean): void {
    this.#voters = this.voters
    this.life++
    this.running = null
    this.pendingChanges = 0
  }
}
