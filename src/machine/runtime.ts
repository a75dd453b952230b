import assert from 'node:assert/strict'
import type { Clock, Timer } from '../host/host.ts'
import { Alarms } from './alarms.ts'
import type { Alarm, Decision, DecisionContext, Machine, Ticket } from './machine.ts'
import { NO_TICKET } from './machine.ts'
import { atOnce, ITEMS_IN_STEP } from './steps.ts'
import type { Steps } from './steps.ts'

/** An alarm whose decision the log has refused comes again after this. */
const REFUSED_ALARM_AGAIN_MS = 60_000

/**
 * The log of one shard, as the runtime needs it.
 * @typeParam Prepared facts as this log takes them: encoded, and held against its limits
 */
export interface ShardLog<Fact, Prepared extends object = object> {
  /** The offset that the next appended record will have, those given to `append` already counted. */
  readonly nextOffset: number
  /**
   * Encodes the facts of a decision, which must stay together; each is one record. They are not appended yet, nor counted.
   * @returns or why the log doesn't take them, say because they are larger than a batch may be: nothing is applied then, and
   * the command's promise rejects with it
   */
  prepare(facts: readonly Fact[]): Prepared | Error
  /**
   * Appends what was prepared in one turn, in order; several may share a batch.
   * @param done called once, with null when all of it is committed, else with the failure; in the order of the appends;
   *   may be called before this returns
   */
  append(prepared: readonly Prepared[], done: (failure: Error | null) => void): void
}

/** A reply that won't come. `ERR_SHARD_LOST`: the shard was dropped; `ERR_COMMIT_TIMEOUT`: it may yet be committed. */
export class ShardError extends Error {
  override readonly name = 'ShardError'
  readonly code: 'ERR_SHARD_LOST' | 'ERR_COMMIT_TIMEOUT'

  constructor(code: ShardError['code'], message: string, cause?: unknown) {
    super(message, { cause })
    this.code = code
  }
}

export interface RuntimeOptions<Command, Fact, Reply, Effect, Settings> {
  readonly clock: Clock
  /** Rebuilt from the log; from now on only the runtime writes to it. */
  readonly machine: Machine<Command, Fact, Reply, Effect, Settings>
  readonly log: ShardLog<Fact>
  /** Those that the next decision is made by. */
  readonly settings: () => Settings
  /** How long a reply may wait for its commit. */
  readonly commitTimeoutMs: number
  readonly runEffect?: (effect: Effect) => void
  /** The shard is gone, after an append failed or a bug showed: its owner rebuilds it from its log. Not called by `close`. */
  readonly onLost?: (error: ShardError) => void
  /** The log refused what was decided for a command or an alarm, or a fact of it. */
  readonly onRefused?: (command: Command | Alarm, error: Error) => void
}

interface Waiter<Reply> {
  resolve(reply: Reply): void
  reject(error: unknown): void
}

/** What of a decision the log takes. */
interface Plan<Fact> {
  /** All that are to be applied, in order. */
  readonly facts: readonly Fact[]
  /** The durable ones of them, as the log takes them. */
  readonly prepared: readonly object[]
  readonly refusals: readonly Error[]
  readonly isAdmitted: boolean
}

/** A command that waits until what came before it is decided. */
interface Waiting<Command> {
  readonly command: Command
  readonly ticket: Ticket
}

/** Something that waits for the commit of all that was decided before it. */
interface Held {
  readonly turn: number
  /** Monotonic milliseconds of the decision. */
  readonly since: number
  release(): void
  /** For a reply that waits too long; an effect runs however late the commit comes. */
  readonly expire: ((error: ShardError) => void) | null
}

/**
 * Runs one shard of a machine: commands are decided and applied at once, one after the other, so that later ones see
 * what earlier ones did; durable facts of one turn of the event loop are appended together; replies and effects, those of
 * pure reads too, wait until all that was decided before them is committed.
 *
 * What a machine decides in more than one step is decided over several turns, and what is divisible of that is applied and
 * appended over several, too: commands and alarms that come meanwhile wait, so that none sees a part of it.
 */
export class Runtime<Command, Fact, Reply, Effect = never, Settings = null> {
  readonly #options: RuntimeOptions<Command, Fact, Reply, Effect, Settings>
  readonly #alarms: Alarms
  readonly #waiters = new Map<Ticket, Waiter<Reply>>()
  /** In order of `turn`; a ring would save little, since a whole turn is released at a time. */
  #held: Held[] = []
  #deadline: Timer | null = null
  #lastTicket = NO_TICKET
  #prepared: object[] = []
  /** How many records `#prepared` has. */
  #preparedCount = 0
  /** The turn that collects facts now; turns up to `#committed` are committed. */
  #turn = 1
  #committed = 0
  #lost: ShardError | null = null
  /** A decision is being made over several turns, or those are that came meanwhile. */
  #isBusy = false
  /** What came meanwhile, in order. */
  #waiting: Waiting<Command>[] = []
  /** Called when nothing is being decided over several turns any more. */
  #onIdle: (() => void)[] = []

  constructor(options: RuntimeOptions<Command, Fact, Reply, Effect, Settings>) {
    this.#options = options
    this.#alarms = new Alarms(options.clock, (name) => this.#alarm(name))
  }

  /** Null while the shard is in service. */
  get lost(): ShardError | null {
    return this.#lost
  }

  /** Of the next fact: those that this turn has collected come before it. */
  get nextOffset(): number {
    return this.#options.log.nextOffset + this.#preparedCount
  }

  /**
   * Decides and applies the command now, or when what is decided over several turns is; the promise settles when the reply was
   * given and is committed. Rejects with ShardError, with the log's refusal, or with what `decide` threw.
   */
  submit(command: Command): Promise<Reply> {
    return new Promise((resolve, reject) => {
      if (this.#lost !== null) return reject(this.#lost)
      const ticket = ++this.#lastTicket
      this.#waiters.set(ticket, { resolve, reject })
      if (this.#isBusy) this.#waiting.push({ command, ticket })
      else this.#take(command, ticket)
    })
  }

  /** Sets alarms that follow from a rebuilt state. */
  setAlarm(name: string, at: number | null): void {
    this.#alarms.set(name, at)
  }

  /**
   * Appends what this turn has decided so far without waiting for its end. Whoever else writes to the log calls it just
   * before, since decisions and facts know the offsets that their records are to have.
   */
  flush(): void {
    this.#append()
  }

  /** Resolves when all that was asked so far is decided, committed and told, or won't be. */
  async settled(): Promise<void> {
    if (this.#isBusy) await new Promise<void>((resolve) => void this.#onIdle.push(resolve))
    return new Promise((resolve) => {
      const turn = this.#seen()
      if (this.#lost !== null || turn <= this.#committed) return resolve()
      const since = this.#options.clock.monotonic()
      this.#held.push({ turn, since, release: resolve, expire: () => resolve() })
    })
  }

  /** Gives the shard up (resignation, shutdown): whoever waits gets ERR_SHARD_LOST. */
  close(): void {
    if (this.#lost === null) this.#drop(new ShardError('ERR_SHARD_LOST', 'The shard was closed'))
  }

  #alarm(name: string): void {
    if (this.#lost !== null) return
    try {
      this.#run({ alarm: name }, NO_TICKET)
    } catch (error) {
      this.#fail(`Alarm ${name} failed`, error)
    }
  }

  #take(command: Command, ticket: Ticket): void {
    try {
      this.#run(command, ticket)
    } catch (error) {
      this.#refuse(ticket, error)
    }
  }

  #refuse(ticket: Ticket, error: unknown): void {
    const waiter = this.#waiters.get(ticket)
    this.#waiters.delete(ticket)
    waiter?.reject(error)
  }

  #run(command: Command | Alarm, ticket: Ticket): void {
    const { machine } = this.#options
    const context = this.#context(ticket)
    if (machine.decideInSteps === undefined) {
      return this.#decided(command, context, machine.decide(command, context))
    }
    const steps = machine.decideInSteps(command, context)
    const first = steps.next()
    if (first.done === true) return this.#decided(command, context, first.value)
    void this.#overTurns(command, context, steps)
  }

  #context(ticket: Ticket): DecisionContext<Settings> {
    const { clock, settings } = this.#options
    return {
      ticket,
      now: clock.monotonic(),
      wallNow: clock.now(),
      nextOffset: this.nextOffset,
      settings: settings(),
    }
  }

  #decided(
    command: Command | Alarm,
    context: DecisionContext<Settings>,
    decision: Decision<Fact, Reply, Effect>,
  ): void {
    const { machine } = this.#options
    const plan = this.#plan(decision)
    this.#tellRefusals(command, plan)
    if (plan.isAdmitted) return this.#carryOut(decision, plan, context.now)
    if ('alarm' in (command as object)) {
      // Nothing has changed, so it is due still; the log may take it later, when its limit was raised.
      const { alarm } = command as Alarm
      return this.#alarms.set(alarm, context.now + REFUSED_ALARM_AGAIN_MS)
    }
    const refusal = plan.refusals[0]!
    const instead = machine.decideRefused?.(command as Command, refusal, context) ?? null
    if (instead === null) throw refusal
    const second = this.#plan(instead)
    if (!second.isAdmitted) throw second.refusals[0]!
    this.#carryOut(instead, second, context.now)
  }

  #tellRefusals(command: Command | Alarm, { refusals }: Plan<Fact>): void {
    for (const refusal of refusals) this.#options.onRefused?.(command, refusal)
  }

  // Over several turns.

  /** Has the queue to itself until it is decided, applied and handed to the log, or the shard is lost. */
  async #overTurns(
    command: Command | Alarm,
    context: DecisionContext<Settings>,
    steps: Steps<Decision<Fact, Reply, Effect>>,
  ): Promise<void> {
    this.#isBusy = true
    this.#alarms.pause()
    try {
      await this.#decideOverTurns(command, context, steps)
    } catch (error) {
      if (context.ticket === NO_TICKET) this.#fail('An alarm failed', error)
      else this.#refuse(context.ticket, error)
    }
    await this.#goOn()
  }

  async #decideOverTurns(
    command: Command | Alarm,
    context: DecisionContext<Settings>,
    steps: Steps<Decision<Fact, Reply, Effect>>,
  ): Promise<void> {
    const decision = await this.#lastOf(steps)
    if (decision === null) return
    const { facts = [], isDivisible = false } = decision
    const plan = isDivisible ? await this.#lastOf(this.#planEach(facts)) : null
    if (this.#lost !== null) return
    if (this.nextOffset !== context.nextOffset) {
      // Whoever else writes to the log has taken the offsets that it counts on; the state is as it was.
      const again = this.#context(context.ticket)
      const anew = this.#options.machine.decideInSteps!(command, again)
      return this.#decideOverTurns(command, again, anew)
    }
    if (plan?.isAdmitted !== true) return this.#decided(command, context, decision)
    this.#tellRefusals(command, plan)
    const applying = this.#applyEach(plan)
    // In this turn still: now its offsets are the next ones.
    if (applying.next().done !== true) await this.#lastOf(applying)
    if (this.#lost === null) this.#conclude(decision, context.now)
  }

  /** @returns what the last step gives; null where the shard was lost before */
  async #lastOf<Result>(steps: Steps<Result>): Promise<Result | null> {
    for (;;) {
      await new Promise<void>((resolve) => this.#options.clock.endOfTurn(resolve))
      if (this.#lost !== null) return null
      const step = steps.next()
      if (step.done === true) return step.value
    }
  }

  /** Those have their turn that came meanwhile, alarms last: what was asked may have put them off. */
  async #goOn(): Promise<void> {
    while (this.#waiting.length > 0 && this.#lost === null) {
      this.#isBusy = false
      while (this.#waiting.length > 0 && !this.#isBusy && this.#preparedCount < ITEMS_IN_STEP) {
        const { command, ticket } = this.#waiting.shift()!
        this.#take(command, ticket)
      }
      // What has come to be decided over several turns now goes on here after it.
      if (this.#isBusy) return
      // To wait a turn for nothing would have all wait that comes meanwhile, and so for ever.
      if (this.#waiting.length === 0) break
      this.#isBusy = true
      await new Promise<void>((resolve) => this.#options.clock.endOfTurn(resolve))
    }
    this.#isBusy = false
    for (const resolve of this.#onIdle.splice(0)) resolve()
    if (this.#lost === null) this.#alarms.goOn()
  }

  /** Holds what was decided against what the log takes. */
  #plan({ facts = [], isDivisible = false }: Decision<Fact, Reply, Effect>): Plan<Fact> {
    const { machine, log } = this.#options
    const durable = facts.filter((fact) => machine.isVolatile?.(fact) !== true)
    if (durable.length === 0) return { facts, prepared: [], refusals: [], isAdmitted: true }
    if (isDivisible) return atOnce(this.#planEach(facts))
    const prepared = log.prepare(durable)
    return prepared instanceof Error
      ? { facts: [], prepared: [], refusals: [prepared], isAdmitted: false }
      : { facts, prepared: [prepared], refusals: [], isAdmitted: true }
  }

  *#planEach(facts: readonly Fact[]): Steps<Plan<Fact>> {
    const { machine, log } = this.#options
    const taken: Fact[] = []
    const prepared: object[] = []
    const refusals: Error[] = []
    for (const fact of facts) {
      const one = machine.isVolatile?.(fact) === true ? null : log.prepare([fact])
      if (one instanceof Error) {
        refusals.push(one)
        continue
      }
      taken.push(fact)
      if (one !== null) prepared.push(one)
      if (taken.length % ITEMS_IN_STEP === 0) yield
    }
    // Whoever goes on until nothing is left to do would never come to an end.
    return prepared.length === 0 && refusals.length > 0
      ? { facts: [], prepared, refusals: refusals.slice(0, 1), isAdmitted: false }
      : { facts: taken, prepared, refusals, isAdmitted: true }
  }

  #carryOut(decision: Decision<Fact, Reply, Effect>, plan: Plan<Fact>, now: number): void {
    if (plan.facts.length > 0) this.#collect(plan.prepared, this.#apply(plan.facts))
    this.#conclude(decision, now)
  }

  #conclude(decision: Decision<Fact, Reply, Effect>, now: number): void {
    for (const { name, at } of decision.alarms ?? []) this.#alarms.set(name, at)
    this.#hold(decision, now)
  }

  /** What is applied in a turn is appended at its end: the rest follows. */
  *#applyEach({ facts, prepared }: Plan<Fact>): Steps<void> {
    let given = 0
    for (let from = 0; from < facts.length; from += ITEMS_IN_STEP) {
      if (from > 0) yield
      const records = this.#apply(facts.slice(from, from + ITEMS_IN_STEP))
      this.#collect(prepared.slice(given, given + records), records)
      given += records
    }
  }

  /** @returns how many of them have records */
  #apply(facts: readonly Fact[]): number {
    const { machine } = this.#options
    const firstOffset = this.nextOffset
    let offset = firstOffset
    try {
      for (const fact of facts) {
        machine.apply(fact, machine.isVolatile?.(fact) ? -1 : offset++)
      }
    } catch (error) {
      // The state may be half changed.
      this.#fail('A fact could not be applied', error)
      throw error
    }
    return offset - firstOffset
  }

  #collect(prepared: readonly object[], records: number): void {
    if (records === 0) return
    if (this.#prepared.length === 0) this.#options.clock.endOfTurn(() => this.#append())
    for (const one of prepared) this.#prepared.push(one)
    this.#preparedCount += records
  }

  #append(): void {
    if (this.#lost !== null || this.#prepared.length === 0) return
    const prepared = this.#prepared
    const turn = this.#turn++
    this.#prepared = []
    this.#preparedCount = 0
    const done = (failure: Error | null): void => {
      if (this.#lost !== null) return
      if (failure !== null) return this.#fail('An append failed', failure)
      assert(turn === this.#committed + 1, 'commits are reported in the order of the appends')
      this.#committed = turn
      this.#release()
    }
    try {
      this.#options.log.append(prepared, done)
    } catch (error) {
      this.#fail('An append failed', error)
    }
  }

  /** Everything up to this turn must be committed before what is decided now may be told. */
  #seen(): number {
    return this.#prepared.length > 0 ? this.#turn : this.#turn - 1
  }

  #hold(decision: Decision<Fact, Reply, Effect>, since: number): void {
    const turn = this.#seen()
    for (const { ticket, reply } of decision.replies ?? []) {
      const waiter = this.#waiters.get(ticket)
      // Whoever asked may have been given an error already.
      if (waiter === undefined) continue
      const release = (): void => {
        if (this.#waiters.delete(ticket)) waiter.resolve(reply)
      }
      const expire = (error: ShardError): void => {
        if (this.#waiters.delete(ticket)) waiter.reject(error)
      }
      if (turn <= this.#committed) release()
      else this.#held.push({ turn, since, release, expire })
    }
    for (const effect of decision.effects ?? []) {
      const release = (): void => this.#options.runEffect?.(effect)
      if (turn <= this.#committed) release()
      else this.#held.push({ turn, since, release, expire: null })
    }
    if (this.#held.length > 0) this.#armDeadline()
  }

  #release(): void {
    let count = 0
    while (count < this.#held.length && this.#held[count]!.turn <= this.#committed) count++
    for (const held of this.#held.splice(0, count)) held.release()
  }

  #armDeadline(): void {
    const next = this.#held.find(({ expire }) => expire !== null)
    if (next === undefined || this.#deadline !== null) return
    const { clock, commitTimeoutMs } = this.#options
    const delayMs = Math.max(0, next.since + commitTimeoutMs - clock.monotonic())
    this.#deadline = clock.after(delayMs, () => {
      this.#deadline = null
      this.#expire(clock.monotonic() - commitTimeoutMs)
      this.#armDeadline()
    })
  }

  /** Replies since then become errors; the state stays, since what it was made of may yet be committed. */
  #expire(oldest: number): void {
    const timeoutMs = this.#options.commitTimeoutMs
    const error = new ShardError('ERR_COMMIT_TIMEOUT', `Not committed within ${timeoutMs} ms`)
    const isOver = ({ since, expire }: Held): boolean => since <= oldest && expire !== null
    const over = this.#held.filter(isOver)
    this.#held = this.#held.filter((held) => !isOver(held))
    for (const { expire } of over) expire?.(error)
  }

  #fail(message: string, cause: unknown): void {
    if (this.#lost !== null) return
    const error = new ShardError('ERR_SHARD_LOST', message, cause)
    this.#drop(error)
    this.#options.onLost?.(error)
  }

  #drop(error: ShardError): void {
    this.#lost = error
    this.#alarms.close()
    this.#deadline?.cancel()
    const held = this.#held
    this.#held = []
    this.#prepared = []
    this.#waiting = []
    for (const { expire } of held) expire?.(error)
    const waiters = [...this.#waiters.values()]
    this.#waiters.clear()
    for (const waiter of waiters) waiter.reject(error)
  }
}
