import { nodeCodecs } from '../../../src/host/codecs.ts'
import { SimMachine } from '../../../src/host/sim/machine.ts'
import { SimNetwork } from '../../../src/host/sim/network.ts'
import { Scheduler, SimulationError } from '../../../src/host/sim/scheduler.ts'
import { SimulationFailure } from '../failure.ts'
import { randomQuorumSchedule, type QuorumFault, type QuorumSchedule } from './faults.ts'
import { QuorumHistory } from './history.ts'
import { Member } from './member.ts'
import { SimulatedWays } from './peers.ts'

/** Simulated time for what must come about once all faults have ended. */
const PATIENCE_MS = 60_000
const APPEND_EVERY_MS = 60
const SNAPSHOT_EVERY_MS = 700

export interface QuorumSimulationResult {
  readonly seed: number
  readonly schedule: QuorumSchedule
  readonly hash: string
  readonly events: number
  readonly acknowledged: number
  readonly epochs: number
  readonly starts: number
}

/**
 * The quorum's driver as it ships, on so many machines, under a schedule of faults. When the schedule has ended all must
 * come right: one leads, takes records, and everybody has been told of the same.
 * @param schedule in place of the seed's own
 * @throws SimulationFailure
 */
export async function simulateQuorum(
  seed: number,
  nodes: number,
  schedule?: QuorumSchedule,
): Promise<QuorumSimulationResult> {
  const simulation = new QuorumSimulation(seed, nodes, schedule)
  try {
    return await simulation.run()
  } catch (error) {
    const options = `--seed ${seed} --nodes ${nodes}`
    throw new SimulationFailure(options, simulation.schedule, error, simulation.log())
  }
}

class QuorumSimulation {
  readonly schedule: QuorumSchedule
  readonly #scheduler: Scheduler
  readonly #history = new QuorumHistory()
  readonly #members = new Map<number, Member>()
  readonly #ways: SimulatedWays
  readonly #heldDown = new Set<Member>()
  readonly #failures: unknown[] = []
  #values = 0
  #isOver = false

  constructor(seed: number, nodes: number, schedule?: QuorumSchedule) {
    const scheduler = new Scheduler(seed)
    this.#scheduler = scheduler
    this.schedule = schedule ?? randomQuorumSchedule(scheduler.random, nodes)
    const failed = (error: unknown): void => void this.#failures.push(error)
    this.#ways = new SimulatedWays(scheduler, this.#history, this.#members, failed)
    const world = { scheduler, network: new SimNetwork(scheduler), codecs: nodeCodecs() }
    const voters = Array.from({ length: nodes }, (_, id) => ({
      id,
      directoryId: `${id}`.repeat(21) + 'Q',
      endpoints: [],
    }))
    for (const { id } of voters) {
      const machine = new SimMachine(`node${id}`, world)
      const ways = (): SimulatedWays => this.#ways
      const history = this.#history
      const { timeouts } = this.schedule
      const parts = { id, machine, scheduler, voters, timeouts, ways, history, failed }
      this.#members.set(id, new Member(parts))
    }
  }

  async run(): Promise<QuorumSimulationResult> {
    const scheduler = this.#scheduler
    for (const member of this.#all) member.start()
    this.#every(APPEND_EVERY_MS, 'append', () => this.#append())
    this.#every(SNAPSHOT_EVERY_MS, 'snapshot', () => {
      this.#all[scheduler.random.below(this.#all.length)]!.writeSnapshot()
    })
    for (const fault of this.schedule.faults) {
      scheduler.after(fault.atMs, `fault: ${fault.type}`, () => this.#inflict(fault))
    }
    await this.#watch(scheduler.pass(this.schedule.durationMs))
    this.#ways.heal()
    for (const member of this.#all) {
      member.machine.diskSlowness = 1
      this.#letUp(member)
    }
    const before = this.#history.acknowledgedCount
    await this.#until(() => this.#history.acknowledgedCount > before + 5, 'further record')
    this.#isOver = true
    await this.#until(() => this.#agree(), 'agreement of all nodes')
    this.#history.check()
    return this.#result()
  }

  /** For whoever looks into a failure. */
  log(): string[] {
    return [
      ...this.#all.flatMap(({ machine }) => ['log:', ...machine.lines.slice(-40)]),
      'trace:',
      ...this.#scheduler.trace.lastLines.slice(-120),
    ]
  }

  get #all(): Member[] {
    return [...this.#members.values()]
  }

  #result(): QuorumSimulationResult {
    const { trace, seed } = this.#scheduler
    const { schedule } = this
    const { acknowledgedCount: acknowledged, epochs } = this.#history
    const starts = this.#all.reduce((sum, member) => sum + member.starts, 0)
    return { seed, schedule, hash: trace.hash, events: trace.count, acknowledged, epochs, starts }
  }

  #append(): void {
    const leaders = this.#all.filter(({ quorum }) => quorum?.isLeader === true)
    for (const leader of leaders) leader.append(`v${++this.#values}`)
  }

  #every(delayMs: number, label: string, run: () => void): void {
    this.#scheduler.after(this.#scheduler.delay(1, 2 * delayMs), label, () => {
      if (this.#isOver) return
      run()
      this.#every(delayMs, label, run)
    })
  }

  #agree(): boolean {
    const values = this.#history.values().join()
    return this.#all.every((member) => member.values.join() === values)
  }

  #until(condition: () => boolean, what: string): Promise<void> {
    const isOver = (): boolean => this.#failures.length > 0 || condition()
    return this.#watch(this.#scheduler.until(isOver, PATIENCE_MS, what))
  }

  async #watch(until: Promise<void>): Promise<void> {
    await until
    const [failure] = this.#failures
    if (failure === undefined) return
    throw failure instanceof Error ? failure : new SimulationError(String(failure))
  }

  #letUp(member: Member): void {
    this.#heldDown.delete(member)
    member.start()
  }

  /** Where nobody leads, or several believe that they do, it is the first one. */
  #at(node: number | 'leader'): Member {
    const leader = this.#all.find(({ quorum }) => quorum?.isLeader === true)
    return node === 'leader' ? (leader ?? this.#all[0]!) : this.#members.get(node)!
  }

  #inflict(fault: QuorumFault): void {
    const later = (delayMs: number, run: () => void): void =>
      void this.#scheduler.after(delayMs, `end of fault: ${fault.type}`, run)
    if (fault.type === 'loss') {
      this.#ways.lossPerMillion = fault.perMillion
      return later(fault.forMs, () => (this.#ways.lossPerMillion = 0))
    }
    const member = this.#at(fault.node)
    const { machine, id: node } = member
    switch (fault.type) {
      case 'cut':
        for (const { id } of this.#all) {
          if (id !== node && fault.way !== 'from') this.#ways.cut(id, node)
          if (id !== node && fault.way !== 'to') this.#ways.cut(node, id)
        }
        return later(fault.forMs, () => this.#ways.heal())
      case 'slow disk':
        machine.diskSlowness = fault.factor
        return later(fault.forMs, () => (machine.diskSlowness = 1))
      case 'kill':
        member.kill()
        break
      case 'power':
        member.losePower(fault.survives)
        break
      case 'stop':
        member.stop()
    }
    this.#heldDown.add(member)
    later(fault.downMs, () => this.#comeBack(member))
  }

  /** An orderly stop may last longer than it should. */
  #comeBack(member: Member): void {
    if (!member.machine.isRunning) return this.#letUp(member)
    this.#scheduler.after(100, 'wait for the stop', () => this.#comeBack(member))
  }
}
