import { Scheduler, SimulationError } from '../../../src/host/sim/scheduler.ts'
import { SimulationFailure } from '../failure.ts'
import { VoterRequests } from './changes.ts'
import { randomQuorumSchedule } from './faults.ts'
import type { At, QuorumFault, QuorumNodes, QuorumSchedule } from './faults.ts'
import { broken, QuorumHistory } from './history.ts'
import { keyText } from '../../../src/quorum/roles.ts'
import type { Voter } from '../../../src/quorum/types.ts'
import type { Member } from './member.ts'
import { makeWorld, type QuorumWorld } from './world.ts'

/** Simulated time for what must come about once all faults have ended. */
const PATIENCE_MS = 60_000
const APPEND_EVERY_MS = 60
const SNAPSHOT_EVERY_MS = 700
/** How often logs are held against each other. */
const COMPARE_EVERY_MS = 60
/** How often a node that is to vote asks for it. */
const JOIN_EVERY_MS = 700

export interface QuorumSimulationResult {
  readonly seed: number
  readonly schedule: QuorumSchedule
  readonly hash: string
  readonly events: number
  readonly acknowledged: number
  readonly epochs: number
  readonly starts: number
  /** Different sets of voters that the nodes have known. */
  readonly voterSets: number
}

/** What is drawn from the seed: so many voters of that kind. */
interface Draw {
  readonly nodes: QuorumNodes
  readonly voters: number
}

/**
 * The quorum as it ships, on so many machines, under a schedule of faults. When the schedule has ended all must come right: one
 * leads, takes records, and everybody has been told of the same.
 * @param chosen a schedule, or what to draw one of
 * @throws SimulationFailure
 */
export async function simulateQuorum(
  seed: number,
  chosen: Draw | QuorumSchedule,
): Promise<QuorumSimulationResult> {
  const simulation = new QuorumSimulation(seed, chosen)
  try {
    return await simulation.run()
  } catch (error) {
    const { nodes, voters } = chosen
    const options = `--seed ${seed} --nodes ${voters}${nodes === 'controllers' ? ' --controllers' : ''}`
    throw new SimulationFailure(options, simulation.schedule, error, simulation.log())
  }
}

class QuorumSimulation {
  readonly schedule: QuorumSchedule
  readonly #scheduler: Scheduler
  readonly #history = new QuorumHistory()
  readonly #world: QuorumWorld
  readonly #requests: VoterRequests
  /** What keeps a node down: the last fault that took it down says when it comes back. */
  readonly #heldDown = new Map<Member, QuorumFault>()
  readonly #failures: unknown[] = []
  readonly #voterSets = new Set<string>()
  readonly #seenVoters = new WeakSet<readonly Voter[]>()
  readonly #done: string[] = []
  #values = 0
  #isOver = false

  constructor(seed: number, chosen: Draw | QuorumSchedule) {
    const scheduler = new Scheduler(seed)
    this.#scheduler = scheduler
    this.schedule =
      'faults' in chosen
        ? chosen
        : randomQuorumSchedule(scheduler.random, chosen.nodes, chosen.voters)
    this.#world = makeWorld({
      scheduler,
      schedule: this.schedule,
      history: this.#history,
      failed: (error) => void this.#failures.push(error),
    })
    this.#requests = new VoterRequests(this.#world.members)
  }

  async run(): Promise<QuorumSimulationResult> {
    const scheduler = this.#scheduler
    for (const member of this.#all) member.start()
    this.#every(APPEND_EVERY_MS, 'append', () => this.#append())
    this.#every(SNAPSHOT_EVERY_MS, 'snapshot', () => {
      this.#all[scheduler.random.below(this.#all.length)]!.writeSnapshot()
    })
    this.#every(COMPARE_EVERY_MS, 'compare', () => this.#compare())
    this.#every(JOIN_EVERY_MS, 'join', () =>
      this.#requests.askAgain(scheduler.random.below(2) === 0),
    )
    for (const fault of this.schedule.faults) {
      scheduler.after(fault.atMs, `fault: ${fault.type}`, () => this.#inflict(fault))
    }
    const end = scheduler.now + this.schedule.durationMs
    await this.#until(() => scheduler.now >= end, 'end of the faults', 2 * this.schedule.durationMs)
    this.#world.between.heal()
    for (const member of this.#all) {
      member.machine.diskSlowness = 1
      const fault = this.#heldDown.get(member)
      if (fault !== undefined) this.#comeBack(member, fault)
    }
    const { acknowledgedValues: acknowledged } = this.#history
    const before = acknowledged.size
    await this.#comesRight(() => acknowledged.size > before + 5, 'further record')
    this.#isOver = true
    await this.#comesRight(() => this.#agree(), 'agreement of all nodes')
    this.#compare()
    this.#throwFailure()
    this.#history.check(this.#all)
    return this.#result()
  }

  /** For whoever looks into a failure. */
  log(): string[] {
    return [
      'voters, as each node knows them:',
      ...this.#all.map(({ key, voters }) => `${keyText(key)}: ${voters.map(keyText).join()}`),
      'asked for, and done:',
      ...this.#done,
      ...this.#all.flatMap(({ machine }) => ['log:', ...machine.lines.slice(-40)]),
      'trace:',
      ...this.#scheduler.trace.lastLines.slice(-120),
    ]
  }

  get #all(): Member[] {
    return [...this.#world.members.values()]
  }

  #result(): QuorumSimulationResult {
    const { trace, seed } = this.#scheduler
    const { schedule } = this
    const { acknowledgedValues, epochs } = this.#history
    const acknowledged = acknowledgedValues.size
    const starts = this.#all.reduce((sum, member) => sum + member.starts, 0)
    const voterSets = this.#voterSets.size
    const { hash, count: events } = trace
    return { seed, schedule, hash, events, acknowledged, epochs, starts, voterSets }
  }

  #append(): void {
    const leaders = this.#all.filter(({ quorum }) => quorum?.isLeader === true)
    for (const leader of leaders) leader.append(`v${++this.#values}`)
  }

  #compare(): void {
    for (const member of this.#all) {
      try {
        this.#history.noteLog(member, member.log)
      } catch (error) {
        this.#failures.push(error)
      }
      if (member.quorum !== null) this.#noteVoters(member.voters)
    }
  }

  #noteVoters(voters: readonly Voter[]): void {
    if (this.#seenVoters.has(voters)) return
    this.#seenVoters.add(voters)
    this.#voterSets.add(JSON.stringify(voters))
  }

  #every(delayMs: number, label: string, run: () => void): void {
    this.#scheduler.after(this.#scheduler.delay(1, 2 * delayMs), label, () => {
      if (this.#isOver) return
      run()
      this.#every(delayMs, label, run)
    })
  }

  /** What the nodes were told of is not all where one of them was told of more. */
  #agree(): boolean {
    const [first] = this.#all
    const { state } = first!
    if (!this.#all.every((member) => member.state === state)) return false
    return first!.has(this.#history.values())
  }

  /** Liveness: what must come about once all faults have ended. */
  async #comesRight(condition: () => boolean, what: string): Promise<void> {
    let isThere = false
    const end = this.#scheduler.now + PATIENCE_MS
    const isOver = (): boolean => (isThere = condition()) || this.#scheduler.now >= end
    await this.#until(isOver, what, 2 * PATIENCE_MS)
    if (!isThere) broken('liveness', `within ${PATIENCE_MS} ms there was no ${what}`)
  }

  #until(condition: () => boolean, what: string, limitMs: number): Promise<void> {
    const isOver = (): boolean => {
      this.#observe()
      return this.#failures.length > 0 || condition()
    }
    return this.#scheduler.until(isOver, limitMs, what).then(() => this.#throwFailure())
  }

  /** Whoever says that it leads. */
  #observe(): void {
    for (const member of this.#world.members.values()) {
      const { quorum } = member
      if (quorum?.isLeader !== true) continue
      try {
        this.#history.leads(member, quorum.epoch)
      } catch (error) {
        this.#failures.push(error)
      }
    }
  }

  #throwFailure(): void {
    const [failure] = this.#failures
    if (failure === undefined) return
    throw failure instanceof Error ? failure : new SimulationError(String(failure))
  }

  #letUp(member: Member): void {
    this.#heldDown.delete(member)
    member.start()
  }

  /** Where nobody leads, or several believe that they do, it is the first one. */
  #at(node: At): Member {
    const leader = this.#all.find(({ quorum }) => quorum?.isLeader === true)
    return node === 'leader' ? (leader ?? this.#all[0]!) : this.#world.members.get(node)!
  }

  /** Where voters are told by their ids alone, those whose disks are new need all who remember. */
  #othersRemember(member: Member): boolean {
    if (this.schedule.formsItself !== true) return true
    return this.#all.every((other) => other === member || other.remembers)
  }

  #inflict(fault: QuorumFault): void {
    const later = (delayMs: number, run: () => void): void =>
      void this.#scheduler.after(delayMs, `end of fault: ${fault.type}`, run)
    const { between } = this.#world
    if (fault.type === 'loss') {
      between.lose(fault.perMillion)
      return later(fault.forMs, () => between.lose(0))
    }
    const member = this.#at(fault.node)
    const { machine, id: node } = member
    this.#done.push(
      `${this.#scheduler.now.toFixed(0)} ms: ${fault.type} of ${node}; ${this.#all.map(({ voters }) => voters.map(({ id }) => id).join('')).join(' ')}`,
    )
    switch (fault.type) {
      case 'cut':
        for (const { id } of this.#all) {
          if (id !== node && fault.way !== 'from') between.cut(id, node)
          if (id !== node && fault.way !== 'to') between.cut(node, id)
        }
        return later(fault.forMs, () => between.heal())
      case 'slow disk':
        machine.diskSlowness = fault.factor
        return later(fault.forMs, () => (machine.diskSlowness = 1))
      case 'clock':
        machine.wall.offsetMs += fault.byMs
        return
      case 'join':
        return this.#requests.join(member)
      case 'remove':
        return this.#requests.leave(member)
      case 'move':
        return this.#requests.move(member, fault.port)
      case 'wipe':
        if (!this.#requests.mayWipe(member) || !this.#othersRemember(member)) {
          return void this.#done.push('not wiped')
        }
        member.wipe()
        break
      case 'kill':
        member.kill()
        break
      case 'power':
        member.losePower(fault.survives)
        break
      case 'stop':
        member.stop()
    }
    this.#heldDown.set(member, fault)
    later(fault.downMs, () => this.#comeBack(member, fault))
  }

  /** An orderly stop may last longer than it should. */
  #comeBack(member: Member, fault: QuorumFault): void {
    if (this.#heldDown.get(member) !== fault) return
    if (!member.machine.isRunning) return this.#letUp(member)
    this.#scheduler.after(100, 'wait for the stop', () => this.#comeBack(member, fault))
  }
}
