import type { Codecs } from '../../../protocol/records/codecs.ts'
import type { Host, Logger } from '../host.ts'
import { inlineWorkers } from './workers.ts'
import { SimDisk, type CrashKind, type SimDiskOptions } from './disk.ts'
import { simClock, type WallClock } from './clock.ts'
import type { NetworkMachine, SimNetwork } from './network.ts'
import { seededRandom } from './random.ts'
import type { Life, Scheduler } from './scheduler.ts'

/** How long a disk's thread takes, in all. */
const LEAST_DISK_MS = 0.02
const MOST_DISK_MS = 8
const KEPT_LINES = 200

/** What the machines of a simulation share. */
export interface World {
  readonly scheduler: Scheduler
  readonly network: SimNetwork
  readonly codecs: Codecs
  /** Sees each line of a process's log as it is written. */
  readonly told?: (life: string, message: string, fields: object) => void
}

/**
 * A simulated machine with one process at a time. A process gets its Host from `start`; when it is killed, or the machine
 * loses its power, nothing of that Host settles or calls back any more.
 */
export class SimMachine implements NetworkMachine {
  readonly name: string
  readonly wall: WallClock = { offsetMs: 0 }
  /** The process's last log lines, those of earlier lives among them. */
  readonly lines: string[] = []
  /** Multiplies the time that the disk takes. */
  diskSlowness = 1
  isPowered = true
  readonly #world: World
  #disk: SimDisk
  #life: Life | null = null
  #lives = 0

  /** @param copied its disk has what is on that one; else nothing */
  constructor(name: string, world: World, copied: SimDisk | null = null) {
    this.name = name
    this.#world = world
    const { scheduler } = world
    const options: SimDiskOptions = {
      random: seededRandom(scheduler.random.below(2 ** 31)),
      later: (work) => {
        const delayMs = scheduler.delay(LEAST_DISK_MS, MOST_DISK_MS) * this.diskSlowness
        scheduler.after(delayMs, 'disk', work, this.#life)
      },
    }
    this.#disk = copied === null ? new SimDisk(options) : copied.copy(options)
    world.network.add(this)
  }

  /** As it is now; another one after each end of a process. */
  get disk(): SimDisk {
    return this.#disk
  }

  get isRunning(): boolean {
    return this.#life !== null
  }

  /** The machine has power, and a process starts. */
  start(): Host {
    if (this.#life !== null) throw new Error(`${this.name} runs already`)
    this.isPowered = true
    const life: Life = { name: `${this.name}#${++this.#lives}`, isOver: false }
    this.#life = life
    const { scheduler, network, codecs } = this.#world
    const clock = simClock(scheduler, life, this.wall)
    const disk = this.#disk
    return {
      clock,
      disk,
      network: network.of(this, life),
      random: seededRandom(scheduler.random.below(2 ** 31)),
      workers: inlineWorkers({ disk, codecs, clock, later: (work) => disk.later(work) }),
      log: this.#logger({}, life),
    }
  }

  /** `kill -STOP`: the process does nothing, and the kernel goes on taking connections and bytes for it. */
  pause(): void {
    if (this.#life !== null) this.#world.scheduler.pause(this.#life)
  }

  /** `kill -CONT`. */
  resume(): void {
    if (this.#life !== null) this.#world.scheduler.resume(this.#life)
  }

  /**
   * `kill -9`: what was written is there, since the kernel goes on.
   * @param portsMs that closes the process's ports so much later than its connections
   */
  kill(portsMs = 0): void {
    this.#end(portsMs)
    this.#disk = this.#disk.leave()
  }

  /** What was not synced may be gone. */
  losePower(kind: CrashKind): void {
    this.isPowered = false
    this.#end()
    this.#disk = this.#disk.crash(kind)
  }

  #end(portsMs = 0): void {
    const life = this.#life
    if (life === null) return
    life.isOver = true
    this.#life = null
    this.#world.network.end(life, this.isPowered, portsMs)
  }

  #logger(bound: object, life: Life): Logger {
    const { scheduler } = this.#world
    const line =
      (level: string) =>
      (fields: object, message: string): void => {
        if (life.isOver) return
        this.#world.told?.(life.name, message, { ...bound, ...fields })
        const { err, ...others } = { ...bound, ...fields } as { err?: unknown }
        const reason = err instanceof Error ? ` ${err.stack ?? err.message}` : ''
        this.lines.push(
          `${scheduler.now.toFixed(2)} ${life.name} ${level} ${message} ${JSON.stringify(others)}${reason}`,
        )
        if (this.lines.length > KEPT_LINES) this.lines.shift()
        scheduler.trace.add(Math.floor(scheduler.now), life.name, `${level} ${message}`)
      }
    return {
      debug: () => undefined,
      info: line('info'),
      warn: line('warn'),
      error: line('error'),
      child: (fields) => this.#logger({ ...bound, ...fields }, life),
    }
  }
}
