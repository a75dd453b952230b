import type { Clock } from '../../src/host/host.ts'
import type { Alarm, Decision, DecisionContext, Machine } from '../../src/machine/machine.ts'
import { Runtime } from '../../src/machine/runtime.ts'
import type { ShardError, ShardLog } from '../../src/machine/runtime.ts'
import { atOnce, ITEMS_IN_STEP } from '../../src/machine/steps.ts'
import type { Steps } from '../../src/machine/steps.ts'

type Command =
  | { add: number; steps: number }
  | { read: true }
  | { ringAt: number }
  | { fail: true; steps: number }
type Fact = { begins: number } | { add: 1 } | { rang: string }

/** Counts one by one, in as many steps as it is told; the first fact says which offset was meant for it. */
class SlowCounter implements Machine<Command, Fact, number> {
  total = 0
  begins: number[] = []
  offsets: number[] = []
  rang: string[] = []
  /** How often a decision has begun. */
  begun = 0
  stepsOfAlarm = 0

  decide(command: Command | Alarm, context: DecisionContext<null>): Decision<Fact, number> {
    return atOnce(this.decideInSteps(command, context))
  }

  *decideInSteps(
    command: Command | Alarm,
    { ticket, nextOffset }: DecisionContext<null>,
  ): Steps<Decision<Fact, number>> {
    if ('alarm' in command) {
      for (let step = 0; step < this.stepsOfAlarm; step++) yield
      return { facts: [{ rang: command.alarm }] }
    }
    if ('read' in command) return { replies: [{ ticket, reply: this.total }] }
    if ('ringAt' in command) {
      return { alarms: [{ name: 'bell', at: command.ringAt }], replies: [{ ticket, reply: 0 }] }
    }
    this.begun++
    for (let step = 0; step < command.steps; step++) yield
    if ('fail' in command) throw new Error('a bug')
    const { add } = command
    const facts: Fact[] = [{ begins: nextOffset }]
    for (let count = 0; count < add; count++) facts.push({ add: 1 })
    return { facts, isDivisible: true, replies: [{ ticket, reply: add }] }
  }

  apply(fact: Fact, offset: number): void {
    this.offsets.push(offset)
    if ('begins' in fact) this.begins.push(fact.begins - offset)
    else if ('add' in fact) this.total += 1
    else this.rang.push(fact.rang)
  }
}

function setUp() {
  let now = 0
  let ends: (() => void)[] = []
  let timers: { at: number; callback: () => void }[] = []
  const clock: Clock = {
    now: () => now,
    monotonic: () => now,
    after: (delayMs, callback) => {
      const timer = { at: now + delayMs, callback }
      timers.push(timer)
      return { cancel: () => void (timers = timers.filter((each) => each !== timer)) }
    },
    endOfTurn: (callback) => void ends.push(callback),
    afterTask: (callback) => queueMicrotask(callback),
  }
  const appends: { records: number; done: (failure: Error | null) => void }[] = []
  const log = {
    nextOffset: 0,
    prepare: (facts: readonly Fact[]) => facts,
    append: (prepared: readonly (readonly Fact[])[], done: (failure: Error | null) => void) => {
      const records = prepared.flat().length
      log.nextOffset += records
      appends.push({ records, done })
    },
  } satisfies ShardLog<Fact, readonly Fact[]>
  const machine = new SlowCounter()
  const lost: ShardError[] = []
  const runtime = new Runtime<Command, Fact, number>({
    clock,
    machine,
    log,
    settings: () => null,
    commitTimeoutMs: 1e6,
    onLost: (error) => void lost.push(error),
  })
  const turn = async (): Promise<void> => {
    const due = ends
    ends = []
    for (const callback of due) {
      callback()
      for (let index = 0; index < 10; index++) await Promise.resolve()
    }
  }
  /** Turns until nobody waits for the end of one. */
  const turns = async (): Promise<number> => {
    let count = 0
    for (; ends.length > 0; count++) await turn()
    return count
  }
  const ask = (command: Command) => {
    const seen: { value?: number; error?: Error & { code?: string } } = {}
    runtime.submit(command).then(
      (value) => void (seen.value = value),
      (error: Error) => void (seen.error = error),
    )
    return seen
  }
  const commit = async (): Promise<void> => {
    for (const { done } of appends.splice(0)) done(null)
    for (let index = 0; index < 10; index++) await Promise.resolve()
  }
  const advance = async (to: number): Promise<void> => {
    now = to
    for (const { callback } of timers.filter(({ at }) => at <= to)) callback()
    await Promise.resolve()
  }
  return { runtime, machine, log, appends, lost, turn, turns, ask, commit, advance }
}

const MANY = 2.5 * ITEMS_IN_STEP

describe('what is decided over several turns', () => {
  test('is applied and appended over several, and answered when the last of it is committed', async () => {
    const { machine, appends, ask, turns, commit } = setUp()
    const asked = ask({ add: MANY, steps: 3 })
    expect(machine.total).toBe(0)
    expect(await turns()).toBeGreaterThan(6)
    expect(appends.map(({ records }) => records)).toEqual([
      ITEMS_IN_STEP,
      ITEMS_IN_STEP,
      MANY + 1 - 2 * ITEMS_IN_STEP,
    ])
    expect(machine.offsets).toEqual(Array.from({ length: MANY + 1 }, (_, offset) => offset))
    const last = appends.pop()!
    await commit()
    expect(asked.value).toBeUndefined()
    last.done(null)
    await turns()
    await commit()
    expect([asked.value, machine.total]).toEqual([MANY, MANY])
  })

  test('has the queue to itself: what is asked meanwhile is decided after it, in order, and sees all of it', async () => {
    const { machine, ask, turn, turns, commit } = setUp()
    ask({ add: MANY, steps: 2 })
    const reads = [ask({ read: true })]
    const second = ask({ add: 1, steps: 0 })
    for (let count = 0; count < 4; count++) {
      await turn()
      reads.push(ask({ read: true }))
    }
    await turns()
    await commit()
    expect(reads.map(({ value }) => value)).toEqual([MANY, MANY + 1, MANY + 1, MANY + 1, MANY + 1])
    expect([second.value, machine.total]).toEqual([1, MANY + 1])
  })

  test('may be followed by another one that was asked meanwhile', async () => {
    const { machine, ask, turns, commit } = setUp()
    const all = [1, 2, 3].map((steps) => ask({ add: MANY, steps }))
    await turns()
    await commit()
    expect(all.map(({ value }) => value)).toEqual([MANY, MANY, MANY])
    expect([machine.total, machine.begins]).toEqual([3 * MANY, [0, 0, 0]])
  })

  test('holds alarms up; one that was put off by what was asked meanwhile does not go off', async () => {
    const { machine, ask, turn, turns, commit, advance } = setUp()
    ask({ ringAt: 10 })
    ask({ add: MANY, steps: 2 })
    await turn()
    await advance(20)
    expect(machine.rang).toEqual([])
    ask({ ringAt: 30 })
    await turns()
    expect(machine.rang).toEqual([])
    ask({ add: 1, steps: 2 })
    await advance(40)
    await turns()
    await commit()
    expect(machine.rang).toEqual(['bell'])
  })

  test('holds alarms up no longer than it takes, though something is asked in each turn from then on', async () => {
    const { machine, ask, turn, advance } = setUp()
    ask({ ringAt: 10 })
    ask({ add: MANY, steps: 2 })
    await advance(20)
    for (let asked = 0; asked < 20; asked++) {
      await turn()
      ask({ read: true })
    }
    expect(machine.rang).toEqual(['bell'])
  })

  test('may come from an alarm', async () => {
    const { machine, ask, turns, commit, advance } = setUp()
    machine.stepsOfAlarm = 2
    ask({ ringAt: 10 })
    await advance(10)
    const read = ask({ add: 1, steps: 0 })
    expect(machine.rang).toEqual([])
    await turns()
    await commit()
    expect([machine.rang, read.value]).toEqual([['bell'], 1])
  })

  test('is decided anew where somebody else has taken the offsets that it counts on', async () => {
    const { runtime, machine, log, ask, turn, turns, commit } = setUp()
    const asked = ask({ add: MANY, steps: 2 })
    await turn()
    runtime.flush()
    log.nextOffset++
    await turns()
    await commit()
    expect([asked.value, machine.total]).toEqual([MANY, MANY])
    expect([machine.begun, machine.begins, machine.offsets[0]]).toEqual([2, [0], 1])
  })

  test('goes on behind what somebody else appends while it is applied', async () => {
    const { runtime, machine, log, appends, ask, turn, turns, commit } = setUp()
    const asked = ask({ add: MANY, steps: 1 })
    while (machine.total === 0) await turn()
    runtime.flush()
    expect(appends.map(({ records }) => records)).toEqual([ITEMS_IN_STEP])
    log.nextOffset++
    await turns()
    await commit()
    expect([asked.value, machine.begun, machine.total]).toEqual([MANY, 1, MANY])
    expect(machine.offsets[ITEMS_IN_STEP]).toBe(ITEMS_IN_STEP + 1)
  })

  test('ends with the shard: nothing more of it is applied or appended, and all who wait are told', async () => {
    for (const isApplying of [false, true]) {
      const { runtime, machine, appends, ask, turn, turns } = setUp()
      const asked = ask({ add: MANY, steps: 2 })
      const behind = ask({ read: true })
      await turn()
      while (isApplying && machine.total === 0) await turn()
      const before = [machine.total, appends.length]
      const settled = runtime.settled()
      runtime.close()
      await turns()
      await settled
      expect([machine.total, appends.length]).toEqual(before)
      expect([asked.error?.code, behind.error?.code]).toEqual(['ERR_SHARD_LOST', 'ERR_SHARD_LOST'])
    }
  })

  test('that fails in a later step fails alone', async () => {
    const { machine, lost, ask, turns, commit } = setUp()
    const failed = ask({ fail: true, steps: 2 })
    const next = ask({ add: 1, steps: 0 })
    await turns()
    await commit()
    expect([failed.error?.message, next.value, machine.total]).toEqual(['a bug', 1, 1])
    expect(lost).toEqual([])
  })

  test('is waited for by who wants all settled', async () => {
    const { runtime, ask, turns, commit } = setUp()
    const asked = ask({ add: MANY, steps: 2 })
    const behind = ask({ add: 1, steps: 0 })
    let isSettled = false
    const settled = runtime.settled().then(() => (isSettled = true))
    await turns()
    expect(isSettled).toBe(false)
    await commit()
    await settled
    expect([asked.value, behind.value]).toEqual([MANY, 1])
  })
})
