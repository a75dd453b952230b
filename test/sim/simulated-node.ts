import { startBroker } from '../../src/index.ts'
import { SimMachine, type World } from '../../src/host/sim/machine.ts'
import type { Scheduler } from '../../src/host/sim/scheduler.ts'
import type { CrashKind } from '../../src/host/sim/disk.ts'

type Running = Awaited<ReturnType<typeof startBroker>>

/** How long whoever watches over the process takes to start it again. */
const RESTART_MS = 200

/**
 * A whole node, as it ships, on a simulated machine; somebody starts it again whenever it ends. What was acknowledged
 * has to outlive a power cut too, so each append is flushed (`log.flush.interval.messages=1`).
 */
export class SimulatedNode {
  readonly machine: SimMachine
  /** Starts that were refused, and ends that nobody asked for: their reasons. */
  readonly troubles: string[] = []
  readonly #scheduler: Scheduler
  readonly #settings: Readonly<Record<string, string>>
  #running: Running | null = null
  /** Somebody else has to start it: the fault that took it down. */
  #isHeldDown = false
  /** How far its clock was ahead at most. */
  #greatestOffsetMs = 0
  starts = 0

  constructor(
    machine: SimMachine,
    scheduler: Scheduler,
    settings: Readonly<Record<string, string>>,
  ) {
    this.machine = machine
    this.#scheduler = scheduler
    this.#settings = settings
  }

  get isServing(): boolean {
    return this.#running !== null
  }

  start(): void {
    this.#isHeldDown = false
    if (this.machine.isRunning) return
    const host = this.machine.start()
    const start = ++this.starts
    const isCurrent = (): boolean => this.starts === start && this.machine.isRunning
    startBroker({ host, settings: this.#settings }).then(
      (running) => {
        if (!isCurrent()) return
        this.#running = running
        void running.failed.then((error) => isCurrent() && this.#ended(`failed: ${error.message}`))
      },
      (error: Error) => isCurrent() && this.#ended(`did not start: ${error.message}`),
    )
  }

  /** @param portsMs its ports are closed so much later than its connections */
  kill(portsMs = 0): void {
    this.#down()
    this.machine.kill(portsMs)
  }

  losePower(survives: CrashKind): void {
    this.#down()
    this.machine.losePower(survives)
  }

  /** An orderly stop, then the end of the process. */
  stop(): void {
    const running = this.#running
    if (running === null) return this.kill()
    this.#running = null
    this.#isHeldDown = true
    const start = this.starts
    void running.close().then(() => {
      if (this.starts === start && this.machine.isRunning) this.machine.kill()
      // Asked for again while it was stopping.
      if (!this.#isHeldDown) this.start()
    })
  }

  pause(): void {
    this.machine.pause()
  }

  resume(): void {
    this.machine.resume()
  }

  /** The same node on another machine, as somebody makes one who copies the disk. */
  copy(world: World): SimulatedNode {
    const { name } = this.machine
    const machine = new SimMachine(`${name}-copy`, world, this.machine.disk)
    const { listeners } = this.#settings
    const own = { ...this.#settings, listeners: listeners!.replaceAll(name, machine.name) }
    return new SimulatedNode(machine, this.#scheduler, own)
  }

  /** The time that a fault keeps it down is over. */
  letUp(): void {
    this.#isHeldDown = false
    this.start()
  }

  jump(byMs: number): void {
    const { wall } = this.machine
    this.#greatestOffsetMs = Math.max(this.#greatestOffsetMs, wall.offsetMs)
    wall.offsetMs += byMs
  }

  /** All faults of its machine are over. */
  heal(): void {
    const { disk, wall } = this.machine
    this.resume()
    disk.capacityBytes = Infinity
    this.machine.diskSlowness = 1
    // What began before a clock was set back, an abandoned transaction say, would else not be too long ago for days.
    wall.offsetMs = Math.max(wall.offsetMs, this.#greatestOffsetMs)
    this.letUp()
  }

  #down(): void {
    this.#isHeldDown = true
    this.#running = null
  }

  #ended(reason: string): void {
    this.troubles.push(`${this.#scheduler.now.toFixed(0)} ms: ${reason}`)
    this.#running = null
    this.machine.kill()
    this.#scheduler.after(RESTART_MS, 'restart', () => this.#isHeldDown || this.start())
  }
}
