import { nodeCodecs } from '../../src/host/codecs.ts'
import { SimMachine, type World } from '../../src/host/sim/machine.ts'
import { SimNetwork } from '../../src/host/sim/network.ts'
import { Scheduler } from '../../src/host/sim/scheduler.ts'
import { PARTITIONS, type ClientParts } from './clients.ts'
import { SimulationFailure } from './failure.ts'
import { randomSchedule, type Fault, type Schedule } from './faults.ts'
import { SimulatedBroker } from './simulated-broker.ts'
import { plainWorkload, type Workload } from './workload.ts'

const BROKER = 'broker'
const PORT = 9092
const SETTINGS: Readonly<Record<string, string>> = {
  listeners: `PLAINTEXT://${BROKER}:${PORT}`,
  'log.dirs': '/data',
  'num.partitions': String(PARTITIONS),
  'offsets.topic.num.partitions': '2',
  'group.initial.rebalance.delay.ms': '0',
  'log.flush.interval.messages': '1',
  // Clocks jump: nothing may be old.
  'log.retention.ms': '-1',
  'log.message.timestamp.after.max.ms': '9223372036854775807',
}
/** Simulated time for what must come about once all faults have ended. */
const PATIENCE_MS = 120_000

export interface SimulationResult {
  readonly seed: number
  readonly schedule: Schedule
  readonly hash: string
  readonly events: number
  readonly acknowledged: number
  readonly reads: number
  readonly starts: number
}

interface SimulationOptions {
  /** In place of the seed's own. */
  readonly schedule?: Schedule | undefined
  /** Of `npm run sim`, to repeat it. */
  readonly option?: string
}

/**
 * One broker as it ships, and what its clients do, under a schedule of faults. When the schedule has ended all must come
 * right: the broker serves, the clients get on, and the broker holds exactly what they were told.
 * @throws SimulationFailure
 */
export async function simulateBroker(
  seed: number,
  { schedule, option = '' }: SimulationOptions = {},
  workload: Workload = plainWorkload(),
): Promise<SimulationResult> {
  const simulation = new BrokerSimulation(seed, schedule, workload)
  try {
    return await simulation.run()
  } catch (error) {
    const options = `--seed ${seed}${option}`
    throw new SimulationFailure(options, simulation.schedule, error, simulation.log())
  }
}

class BrokerSimulation {
  readonly schedule: Schedule
  readonly #scheduler: Scheduler
  readonly #world: World
  readonly #broker: SimulatedBroker
  readonly #workload: Workload
  /** Of clients: what they could not cope with. */
  readonly #failures: unknown[] = []
  #isOver = false
  /** How far the broker's clock was ahead at most. */
  #greatestOffsetMs = 0
  #ended = 0

  constructor(seed: number, schedule: Schedule | undefined, workload: Workload) {
    this.#workload = workload
    this.#scheduler = new Scheduler(seed)
    this.schedule = schedule ?? randomSchedule(this.#scheduler.random)
    const network = new SimNetwork(this.#scheduler)
    this.#world = { scheduler: this.#scheduler, network, codecs: nodeCodecs() }
    const machine = new SimMachine(BROKER, this.#world)
    machine.disk.makeDirectory('/data')
    machine.disk.syncDirectory('/')
    this.#broker = new SimulatedBroker(machine, this.#scheduler, {
      ...SETTINGS,
      ...workload.settings,
    })
  }

  async run(): Promise<SimulationResult> {
    const scheduler = this.#scheduler
    this.#broker.start()
    await scheduler.until(() => this.#broker.isServing, PATIENCE_MS, 'broker that serves')
    const { clients } = this.#workload
    for (const [name, run] of clients) this.#runClient(name, run)
    for (const fault of this.schedule.faults) {
      scheduler.after(fault.atMs, `fault: ${fault.type}`, () => this.#inflict(fault))
    }
    await this.#watch(scheduler.pass(this.schedule.durationMs))
    this.#healAll()
    await this.#watch(this.#getsOn())
    this.#isOver = true
    await this.#watch(
      scheduler.until(() => this.#ended === clients.length, PATIENCE_MS, 'end of the clients'),
    )
    const checking = this.#workload.check(this.#client('last'))
    const judge = await this.#watch(scheduler.resolve(checking, PATIENCE_MS, 'last reading'))
    judge()
    return this.#result()
  }

  /** For whoever looks into a failure. */
  log(): string[] {
    const { machine, troubles } = this.#broker
    return [
      'troubles:',
      ...troubles,
      'log:',
      ...machine.lines,
      'trace:',
      ...this.#scheduler.trace.lastLines.slice(-80),
    ]
  }

  #result(): SimulationResult {
    const { trace, seed } = this.#scheduler
    const { acknowledged, reads } = this.#workload
    const { schedule } = this
    const { starts } = this.#broker
    return { seed, schedule, hash: trace.hash, events: trace.count, acknowledged, reads, starts }
  }

  #client(name: string): ClientParts {
    const machine = new SimMachine(name, this.#world)
    return {
      name,
      host: machine.start(),
      codecs: this.#world.codecs,
      bootstrap: { host: BROKER, port: PORT },
      isOver: () => this.#isOver,
    }
  }

  #runClient(name: string, run: (parts: ClientParts) => Promise<void>): void {
    run(this.#client(name)).then(
      () => void this.#ended++,
      (error: unknown) => void this.#failures.push(error),
    )
  }

  /** What a client can't cope with ends the simulation. */
  async #watch<Result>(until: Promise<Result>): Promise<Result> {
    const result = await until
    if (this.#failures.length > 0) throw this.#failures[0]
    return result
  }

  /** Liveness: more is acknowledged after the faults. */
  #getsOn(): Promise<void> {
    const before = this.#workload.acknowledged
    const isOn = (): boolean =>
      this.#failures.length > 0 || this.#workload.acknowledged > before + 10
    return this.#scheduler.until(isOn, PATIENCE_MS, 'further record after the faults')
  }

  #healAll(): void {
    this.#world.network.heal()
    const { machine } = this.#broker
    machine.disk.capacityBytes = Infinity
    machine.diskSlowness = 1
    // What began before a clock was set back, an abandoned transaction say, would else not be too long ago for days.
    machine.wall.offsetMs = Math.max(machine.wall.offsetMs, this.#greatestOffsetMs)
    this.#broker.letUp()
  }

  #inflict(fault: Fault): void {
    const { network } = this.#world
    const broker = this.#broker
    const { machine } = broker
    const later = (delayMs: number, run: () => void): void =>
      void this.#scheduler.after(delayMs, `end of fault: ${fault.type}`, run)
    switch (fault.type) {
      case 'kill':
        broker.kill()
        return later(fault.downMs, () => broker.letUp())
      case 'power':
        broker.losePower(fault.survives)
        return later(fault.downMs, () => broker.letUp())
      case 'stop':
        broker.stop()
        return later(fault.downMs, () => broker.letUp())
      case 'reset':
        network.resetOne()
        return
      case 'cut':
        for (const [name] of this.#workload.clients) {
          if (fault.way !== 'from broker') network.cut(name, BROKER)
          if (fault.way !== 'to broker') network.cut(BROKER, name)
        }
        return later(fault.forMs, () => network.heal())
      case 'clock':
        this.#greatestOffsetMs = Math.max(this.#greatestOffsetMs, machine.wall.offsetMs)
        machine.wall.offsetMs += fault.byMs
        return
      case 'full disk':
        machine.disk.capacityBytes = machine.disk.usedBytes + fault.roomBytes
        return later(fault.forMs, () => (machine.disk.capacityBytes = Infinity))
      case 'slow disk':
        machine.diskSlowness = fault.factor
        return later(fault.forMs, () => (machine.diskSlowness = 1))
    }
  }
}
