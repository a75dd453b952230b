import assert from 'node:assert/strict'
import type { Clock, Timer } from '../host/host.ts'
import { Alarms } from './alarms.ts'
import type { Alarm, Decision, DecisionContext, Machine, Ticket } from './machine.ts'
import { NO_TICKET } from './machine.ts'

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

  constructor(options: RuntimeOptions<Command, Fact, Reply, Effect, Settings>) {
    this.#options = options
    this.#alarms = new Alarms(options.clock, (name) => this.#alarm(name))
  }

  /** Null while the shard is in service. */
  get lost(): ShardError | null {
    return this.#lost
  }

  /**
   * Decides and applies the command now; the promise settles when the reply was given and is committed. Rejects with
   * ShardError, with the log's refusal, or with what `decide` threw.
   */
  submit(command: Command): Promise<Reply> {
    return new Promise((resolve, reject) => {
      if (this.#lost !== null) return reject(this.#lost)
      const ticket = ++this.#lastTicket
      this.#waiters.set(ticket, { resolve, reject })
      try {
        this.#run(command, ticket)
      } catch (error) {
        this.#waiters.delete(ticket)
        reject(error)
      }
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

  #run(command: Command | Alarm, ticket: Ticket): void {
    const { machine, clock, settings, onRefused } = this.#options
    const now = clock.monotonic()
    const context: DecisionContext<Settings> = {
      ticket,
      now,
      wallNow: clock.now(),
      nextOffset: this.#nextOffset,
      settings: settings(),
    }
    const decision = machine.decide(command, context)
    const plan = this.#plan(decision)
    for (const refusal of plan.refusals) onRefused?.(command, refusal)
    if (plan.isAdmitted) return this.#carryOut(decision, plan, now)
    if ('alarm' in (command as object)) {
      // Nothing has changed, so it is due still; the log may take it later, when its limit was raised.
      const { alarm } = command as Alarm
      return this.#alarms.set(alarm, now + REFUSED_ALARM_AGAIN_MS)
    }
    const refusal = plan.refusals[0]!
    const instead = machine.decideRefused?.(command as Command, refusal, context) ?? null
    if (instead === null) throw refusal
    const second = this.#plan(instead)
    if (!second.isAdmitted) throw second.refusals[0]!
    this.#carryOut(instead, second, now)
  }

  /** Holds what was decided against what the log takes. */
  #plan({ facts = [], isDivisible = false }: Decision<Fact, Reply, Effect>): Plan<Fact> {
    const { machine, log } = this.#options
    const durable = facts.filter((fact) => machine.isVolatile?.(fact) !== true)
    if (durable.length === 0) return { facts, prepared: [], refusals: [], isAdmitted: true }
    if (isDivisible) return this.#planEach(facts, durable)
    const prepared = log.prepare(durable)
    return prepared instanceof Error
      ? { facts: [], prepared: [], refusals: [prepared], isAdmitted: false }
      : { facts, prepared: [prepared], refusals: [], isAdmitted: true }
  }

  #planEach(facts: readonly Fact[], durable: readonly Fact[]): Plan<Fact> {
    const refused = new Map<Fact, Error>()
    const prepared: object[] = []
    for (const fact of durable) {
      const one = this.#options.log.prepare([fact])
      if (one instanceof Error) refused.set(fact, one)
      else prepared.push(one)
    }
    const refusals = [...refused.values()]
    // Whoever goes on until nothing is left to do would never come to an end.
    if (prepared.length === 0) {
      return { facts: [], prepared, refusals: refusals.slice(0, 1), isAdmitted: false }
    }
    const taken = refused.size === 0 ? facts : facts.filter((fact) => !refused.has(fact))
    return { facts: taken, prepared, refusals, isAdmitted: true }
  }

  #carryOut(decision: Decision<Fact, Reply, Effect>, plan: Plan<Fact>, now: number): void {
    if (plan.facts.length > 0) this.#applyAll(plan)
    for (const { name, at } of decision.alarms ?? []) this.#alarms.set(name, at)
    this.#hold(decision, now)
  }

  #applyAll({ facts, prepared }: Plan<Fact>): void {
    const { machine, clock } = this.#options
    const firstOffset = this.#nextOffset
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
    if (prepared.length === 0) return
    if (this.#prepared.length === 0) clock.endOfTurn(() => this.#append())
    for (const one of prepared) this.#prepared.push(one)
    this.#preparedCount += offset - firstOffset
  }

  /** Of the next fact: those that this turn has collected come before it. */
  get #nextOffset(): number {
    return this.#options.log.nextOffset + this.#preparedCount
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
    this.#held = []
    this.#prepared = []
    const waiters = [...this.#waiters.values()]
    this.#waiters.clear()
    for (const waiter of waiters) waiter.reject(error)
  }
}
