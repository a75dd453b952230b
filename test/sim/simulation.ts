import { nodeCodecs } from '../../src/host/codecs.ts'
import type { Address } from '../../src/host/address.ts'
import type { SimDisk } from '../../src/host/sim/disk.ts'
import { SimMachine, type World } from '../../src/host/sim/machine.ts'
import { SimNetwork } from '../../src/host/sim/network.ts'
import { Scheduler, SimulationError } from '../../src/host/sim/scheduler.ts'
import { PARTITIONS, type ClientParts } from './clients.ts'
import { SimulationFailure } from './failure.ts'
import { randomSchedule, type At, type Fault, type Schedule } from './faults.ts'
import { EvidenceHistory } from './replication/evidence.ts'
import { differencesOf } from './replication/replicas.ts'
import { plainLayout, prepare, topologyOf, type Layout } from './topology.ts'
import type { SimulatedNode } from './simulated-node.ts'
import { plainWorkload, type Workload } from './workload.ts'

const SETTINGS: Readonly<Record<string, string>> = {
  'num.partitions': String(PARTITIONS),
  'offsets.topic.num.partitions': '2',
  'group.initial.rebalance.delay.ms': '0',
  'log.flush.interval.messages': '1',
  // Clocks jump: nothing may be old.
  'log.retention.ms': '-1',
  'log.message.timestamp.after.max.ms': '9223372036854775807',
}
/** All records are read for it. */
const LOOK_EVERY_MS = 50
const A_COPY_SERVES = 'one process a broker: a copy of its machine serves in its place'
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
  /** How many brokers were fenced before their sessions were over. */
  readonly earlyFences: number
}

interface SimulationOptions {
  /** In place of the seed's own. */
  readonly schedule?: Schedule | undefined
  /** Unless the schedule has one: one broker. */
  readonly layout?: Layout
  /** Whether the seed's schedule is a short one. */
  readonly isShort?: boolean
  /** Of `npm run sim`, to repeat it. */
  readonly option?: string
}

/**
 * One broker as it ships, or several with their controller, and what their clients do, under a schedule of faults. When the
 * schedule has ended all must come right: the brokers serve, the clients get on, there is exactly what they were told, and each
 * replica has what the others have.
 * @throws SimulationFailure
 */
export async function simulateBroker(
  seed: number,
  { schedule, layout = plainLayout(1), isShort = false, option = '' }: SimulationOptions = {},
  workload: Workload = plainWorkload(),
): Promise<SimulationResult> {
  const simulation = new BrokerSimulation(seed, { layout, isShort, schedule }, workload)
  try {
    return await simulation.run()
  } catch (error) {
    const options = `--seed ${seed}${option}${isShort ? ' --short' : ''}`
    throw new SimulationFailure(options, simulation.schedule, error, simulation.log())
  }
}

/** What decides on a schedule. */
type Course = Pick<SimulationOptions, 'schedule'> &
  Required<Pick<SimulationOptions, 'layout' | 'isShort'>>

class BrokerSimulation {
  readonly schedule: Schedule
  readonly #scheduler: Scheduler
  readonly #world: World
  readonly #nodes: readonly SimulatedNode[]
  readonly #bootstrap: readonly Address[]
  readonly #workload: Workload
  readonly #evidence: EvidenceHistory
  /** What is to be held against the evidence at the end. */
  readonly #kills: { readonly brokerId: number; readonly atMs: number }[] = []
  /** Of clients: what they could not cope with. */
  readonly #failures: unknown[] = []
  #isOver = false
  #clients = 0
  #ended = 0

  constructor(seed: number, course: Course, workload: Workload) {
    const { schedule, isShort } = course
    const { layout = course.layout, settings } = schedule ?? {}
    this.#workload = workload
    this.#scheduler = new Scheduler(seed)
    // Where the workload doesn't say, every other seed has topics of one replica.
    const replicas = workload.replicas ?? (seed % 2 === 0 ? 1 : 3)
    const common = { ...SETTINGS, ...workload.settings }
    const { nodes, bootstrap } = topologyOf(layout, replicas, common, settings)
    this.#bootstrap = bootstrap
    this.schedule = schedule ?? {
      layout,
      ...randomSchedule(this.#scheduler.random, layout, isShort),
    }
    const network = new SimNetwork(this.#scheduler)
    this.#evidence = new EvidenceHistory({
      now: () => this.#scheduler.now,
      nameOf: (brokerId) => `broker${brokerId}`,
      hasOneController: layout.combined + layout.controllers === 1,
    })
    network.watch = this.#evidence
    const told = (life: string, message: string, fields: object): void =>
      this.#attempt(() => this.#evidence.told(life, message, fields))
    this.#world = { scheduler: this.#scheduler, network, codecs: nodeCodecs(), told }
    this.#nodes = nodes.map((node) => prepare(node, this.#world))
  }

  async run(): Promise<SimulationResult> {
    const scheduler = this.#scheduler
    for (const node of this.#nodes) node.start()
    const areServing = (): boolean => this.#nodes.every(({ isServing }) => isServing)
    await scheduler.until(areServing, PATIENCE_MS, 'broker that serves')
    const { clients } = this.#workload
    for (const [name, run] of clients) this.#runClient(name, run)
    for (const fault of this.schedule.faults) {
      scheduler.after(fault.atMs, `fault: ${fault.type}`, () => this.#inflict(fault))
    }
    await this.#watch(this.#pass(this.schedule.durationMs))
    this.#checkNoticed()
    this.#healAll()
    await this.#watch(scheduler.until(areServing, PATIENCE_MS, 'broker that serves again'))
    await this.#watch(this.#getsOn())
    this.#isOver = true
    await this.#watch(
      scheduler.until(() => this.#ended === clients.length, PATIENCE_MS, 'end of the clients'),
    )
    const checking = this.#workload.check(this.#client('last'))
    const judge = await this.#watch(scheduler.resolve(checking, PATIENCE_MS, 'last reading'))
    judge()
    if ((this.#workload.replicas ?? 1) > 1) await this.#areReplicas()
    return this.#result()
  }

  /** For whoever looks into a failure. */
  log(): string[] {
    return [
      ...this.#nodes.flatMap(({ machine, troubles }) => [
        `troubles of ${machine.name}:`,
        ...troubles,
        'log:',
        ...machine.lines,
      ]),
      'trace:',
      ...this.#scheduler.trace.lastLines.slice(-80),
    ]
  }

  #result(): SimulationResult {
    const { trace, seed } = this.#scheduler
    const { acknowledged, reads } = this.#workload
    const { schedule } = this
    const starts = this.#nodes.reduce((sum, node) => sum + node.starts, 0)
    const earlyFences = this.#evidence.count
    const counts = { events: trace.count, acknowledged, reads, starts, earlyFences }
    return { seed, schedule, hash: trace.hash, ...counts }
  }

  #client(name: string): ClientParts {
    const machine = new SimMachine(name, this.#world)
    // Each knows of another broker first.
    const first = this.#clients++ % this.#bootstrap.length
    return {
      name,
      host: machine.start(),
      codecs: this.#world.codecs,
      bootstrap: [...this.#bootstrap.slice(first), ...this.#bootstrap.slice(0, first)],
      isOver: () => this.#isOver,
    }
  }

  #runClient(name: string, run: (parts: ClientParts) => Promise<void>): void {
    run(this.#client(name)).then(
      () => void this.#ended++,
      (error: unknown) => void this.#failures.push(error),
    )
  }

  /** Nodes don't come to know what is wrong with them. */
  #attempt(check: () => void): void {
    try {
      check()
    } catch (error) {
      this.#failures.push(error)
    }
  }

  /** Of a controller alone no session is to be over. */
  #noteKill(index: number): void {
    if (index >= this.#bootstrap.length) return
    this.#kills.push({ brokerId: index + 1, atMs: this.#scheduler.now })
  }

  #checkServes(node: SimulatedNode): void {
    const { servesWithinMs } = this.schedule
    if (servesWithinMs === undefined) return
    const { starts } = node
    this.#scheduler.after(servesWithinMs, 'look whether it serves', () => {
      // It may have been killed again meanwhile.
      if (node.isServing || node.starts !== starts) return
      const what = `serves again: ${node.machine.name} does not, ${servesWithinMs} ms after its start`
      this.#failures.push(new SimulationError(what))
    })
  }

  #checkNoticed(): void {
    const { noticedWithinMs } = this.schedule
    if (noticedWithinMs === undefined) return
    for (const { brokerId, atMs } of this.#kills) {
      this.#evidence.checkNoticed(brokerId, atMs, noticedWithinMs)
    }
  }

  #at(node: At): SimulatedNode {
    if (node !== 'controller') return this.#nodes[node]!
    const name = this.#evidence.activeController
    return this.#nodes.find(({ machine }) => machine.name === name) ?? this.#nodes[0]!
  }

  /** So much time, or less where something has gone wrong already. */
  #pass(durationMs: number): Promise<void> {
    const end = this.#scheduler.now + durationMs
    const isOver = (): boolean => this.#failures.length > 0 || this.#scheduler.now >= end
    // So that something happens then.
    this.#scheduler.after(durationMs, 'pass', () => undefined)
    return this.#scheduler.until(isOver, durationMs + 1, 'end of the faults')
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

  /** In the end every broker has the same bytes of each partition. */
  #areReplicas(): Promise<void> {
    const brokers = this.#nodes.slice(0, this.#bootstrap.length)
    const disks = (): SimDisk[] => brokers.map(({ machine }) => machine.disk)
    const { replicas = 1 } = this.#workload
    let lookedMs = -Infinity
    const areEqual = (): boolean => {
      if (this.#scheduler.now < lookedMs + LOOK_EVERY_MS) return false
      lookedMs = this.#scheduler.now
      return differencesOf(disks(), replicas).length === 0
    }
    return this.#scheduler.until(areEqual, PATIENCE_MS, 'equal replicas')
  }

  #healAll(): void {
    this.#world.network.heal()
    for (const node of this.#nodes) node.heal()
  }

  /** Of a machine's ways: that of one node, or all. */
  #otherEnds(machine: SimMachine, peer: number | undefined): string[] {
    if (peer !== undefined) return [this.#nodes[peer]!.machine.name]
    const nodes = this.#nodes.map((node) => node.machine.name)
    const clients = this.#workload.clients.map(([name]) => name)
    return [...clients, ...nodes].filter((name) => name !== machine.name)
  }

  #inflict(fault: Fault): void {
    const { network } = this.#world
    const node = this.#at(fault.node ?? 0)
    const { machine } = node
    const later = (delayMs: number, run: () => void): void =>
      void this.#scheduler.after(delayMs, `end of fault: ${fault.type}`, run)
    switch (fault.type) {
      case 'kill':
        this.#noteKill(this.#nodes.indexOf(node))
        node.kill(fault.portsMs)
        return later(fault.downMs, () => {
          node.letUp()
          this.#checkServes(node)
        })
      case 'power':
        node.losePower(fault.survives)
        return later(fault.downMs, () => node.letUp())
      case 'stop':
        node.stop()
        return later(fault.downMs, () => node.letUp())
      case 'reset':
        network.resetOne()
        return
      case 'cut':
        for (const name of this.#otherEnds(machine, fault.peer)) {
          const ways = [
            ...(fault.way === 'from broker' ? [] : [[name, machine.name] as const]),
            ...(fault.way === 'to broker' ? [] : [[machine.name, name] as const]),
          ]
          for (const [from, to] of ways) {
            network.cut(from, to)
            later(fault.forMs, () => network.mend(from, to))
          }
        }
        return
      case 'pause':
        node.pause()
        return later(fault.forMs, () => node.resume())
      case 'refuse':
        network.refuse(machine.name)
        return later(fault.forMs, () => network.accept(machine.name))
      case 'copy': {
        const copy = node.copy(this.#world)
        copy.start()
        return later(fault.forMs, () => {
          if (copy.isServing) this.#failures.push(new SimulationError(A_COPY_SERVES))
          copy.kill()
        })
      }
      case 'break':
        return network.break(machine.name)
      case 'clock':
        return node.jump(fault.byMs)
      case 'full disk':
        machine.disk.capacityBytes = machine.disk.usedBytes + fault.roomBytes
        return later(fault.forMs, () => (machine.disk.capacityBytes = Infinity))
      case 'slow disk':
        machine.diskSlowness = fault.factor
        return later(fault.forMs, () => (machine.diskSlowness = 1))
    }
  }
}
