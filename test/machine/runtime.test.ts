import type { Clock } from '../../src/host/host.ts'
import type { Alarm, Decision, DecisionContext, Machine } from '../../src/machine/machine.ts'
import { Runtime } from '../../src/machine/runtime.ts'
import type { ShardError, ShardLog } from '../../src/machine/runtime.ts'

type Command =
  | { add: number }
  | { read: true }
  | { touch: number }
  | { alarmAt: number | null }
  | { park: true }
  | { explode: true }
  | { addEach: number[] }
  | { tellContext: true }
  | { tellNextOffset: true }
type Fact = { add: number } | { touch: number } | { rang: string } | { broken: true }

/** Counts; `touch` is volatile, `park` is answered by the next `add`. */
class Counter implements Machine<Command, Fact, number, string, number> {
  limit = 1001
  /** What it decides in place of what was refused. */
  instead: Decision<Fact, number, string> | null = null
  total = 0
  touched = 0
  rang: string[] = []
  offsets: number[] = []
  parked: number[] = []

  decide(
    command: Command | Alarm,
    { ticket, wallNow, nextOffset, settings }: DecisionContext<number>,
  ): Decision<Fact, number, string> {
    if ('alarm' in command) {
      // A bell of this name decides what the log refuses.
      const large = command.alarm === 'large' ? [{ add: this.limit }] : []
      return { facts: [{ rang: command.alarm }, ...large] }
    }
    if ('addEach' in command) {
      const facts = command.addEach.map((add) => ({ add }))
      return { facts, isDivisible: true, replies: [{ ticket, reply: facts.length }] }
    }
    if ('add' in command) {
      const total = this.total + command.add
      const parked = this.parked.splice(0)
      return {
        facts: [command],
        replies: [...parked, ticket].map((to) => ({ ticket: to, reply: total })),
        effects: [`effect ${total}`],
      }
    }
    if ('tellContext' in command) return { replies: [{ ticket, reply: wallNow + settings }] }
    if ('tellNextOffset' in command) return { replies: [{ ticket, reply: nextOffset }] }
    if ('touch' in command) return { facts: [command], replies: [{ ticket, reply: 0 }] }
    if ('alarmAt' in command) {
      return { alarms: [{ name: 'bell', at: command.alarmAt }], replies: [{ ticket, reply: 0 }] }
    }
    if ('explode' in command) return { facts: [{ broken: true }] }
    if ('park' in command) {
      this.parked.push(ticket)
      return {}
    }
    return { replies: [{ ticket, reply: this.total }] }
  }

  decideRefused(): Decision<Fact, number, string> | null {
    return this.instead
  }

  apply(fact: Fact, offset: number): void {
    this.offsets.push(offset)
    if ('broken' in fact) throw new Error('a bug')
    if ('add' in fact) this.total += fact.add
    else if ('touch' in fact) this.touched += fact.touch
    else this.rang.push(fact.rang)
  }

  isVolatile(fact: Fact): boolean {
    return 'touch' in fact
  }
}

function setUp() {
  let now = 0
  let wallNow = 0
  let timers: { at: number; callback: () => void; cancelled: boolean }[] = []
  let turnEnds: (() => void)[] = []
  const clock: Clock = {
    now: () => wallNow,
    monotonic: () => now,
    after: (delayMs, callback) => {
      const timer = { at: now + delayMs, callback, cancelled: false }
      timers.push(timer)
      return { cancel: () => void (timer.cancelled = true) }
    },
    endOfTurn: (callback) => void turnEnds.push(callback),
    afterTask: (callback) => queueMicrotask(callback),
  }
  const appends: { groups: readonly (readonly Fact[])[]; done: (f: Error | null) => void }[] = []
  const prepared: unknown[] = []
  const log: ShardLog<Fact, readonly Fact[]> & { nextOffset: number } = {
    nextOffset: 10,
    prepare: (facts) => {
      const isTooLarge = facts.some((fact) => 'add' in fact && fact.add > 1000)
      if (!isTooLarge) prepared.push(facts)
      return isTooLarge ? new Error('too large') : facts
    },
    append: (groups, done) => {
      log.nextOffset += groups.flat().length
      appends.push({ groups, done })
    },
  }
  const machine = new Counter()
  const settings = { value: 1 }
  const effects: string[] = []
  const lost: ShardError[] = []
  const refused: unknown[] = []
  const runtime = new Runtime<Command, Fact, number, string, number>({
    clock,
    machine,
    log,
    settings: () => settings.value,
    commitTimeoutMs: 100,
    runEffect: (effect) => void effects.push(effect),
    onLost: (error) => void lost.push(error),
    onRefused: (command) => void refused.push(command),
  })
  return {
    machine,
    runtime,
    appends,
    effects,
    lost,
    refused,
    prepared,
    settings,
    setWallClock: (time: number) => void (wallNow = time),
    endTurn: () => {
      const due = turnEnds
      turnEnds = []
      for (const callback of due) callback()
    },
    advance: (to: number) => {
      for (;;) {
        timers = timers.filter((timer) => !timer.cancelled)
        const next = timers.filter((timer) => timer.at <= to).sort((a, b) => a.at - b.at)[0]
        if (next === undefined) break
        timers.splice(timers.indexOf(next), 1)
        now = next.at
        next.callback()
      }
      now = to
    },
    watch: (promise: Promise<number>) => {
      const seen: { value?: number; error?: { code?: string; message: string } } = {}
      promise.then(
        (value) => void (seen.value = value),
        (error: Error) => void (seen.error = error),
      )
      return seen
    },
    settle: async () => {
      for (let index = 0; index < 5; index++) await Promise.resolve()
    },
  }
}

describe('the runtime of machines', () => {
  test('later commands of a turn see what earlier ones did, and all their facts are one append', async () => {
    const { runtime, appends, endTurn, watch, settle } = setUp()
    const first = watch(runtime.submit({ add: 1 }))
    const second = watch(runtime.submit({ add: 2 }))
    endTurn()
    expect(appends.map(({ groups }) => groups)).toEqual([[[{ add: 1 }], [{ add: 2 }]]])
    await settle()
    expect([first.value, second.value]).toEqual([undefined, undefined])
    appends[0]!.done(null)
    await settle()
    expect([first.value, second.value]).toEqual([1, 3])
  })

  test('what a turn has decided so far is appended before its end where something else takes offsets', async () => {
    const { runtime, appends, endTurn, watch, settle } = setUp()
    const first = watch(runtime.submit({ add: 1 }))
    runtime.flush()
    expect(appends.map(({ groups }) => groups)).toEqual([[[{ add: 1 }]]])
    const second = watch(runtime.submit({ add: 2 }))
    const next = watch(runtime.submit({ tellNextOffset: true }))
    runtime.flush()
    endTurn()
    endTurn()
    expect(appends.map(({ groups }) => groups)).toEqual([[[{ add: 1 }]], [[{ add: 2 }]]])
    for (const { done } of appends) done(null)
    await settle()
    expect([first.value, second.value, next.value]).toEqual([1, 3, 12])
  })

  test('a read waits for the commit of what it has seen, and not for what came later', async () => {
    const { runtime, appends, endTurn, watch, settle } = setUp()
    const early = watch(runtime.submit({ read: true }))
    await settle()
    expect(early.value).toBe(0)
    void runtime.submit({ add: 5 })
    const read = watch(runtime.submit({ read: true }))
    endTurn()
    void runtime.submit({ add: 1 })
    endTurn()
    await settle()
    expect(read.value).toBeUndefined()
    appends[0]!.done(null)
    await settle()
    expect(read.value).toBe(5)
  })

  test('volatile facts are applied and not appended', async () => {
    const { runtime, machine, appends, endTurn, watch, settle } = setUp()
    const touched = watch(runtime.submit({ touch: 7 }))
    endTurn()
    await settle()
    expect([touched.value, machine.touched, appends.length]).toEqual([0, 7, 0])
    for (let count = 0; count < 3; count++) void runtime.submit({ add: 1 })
    expect(machine.offsets).toEqual([-1, 10, 11, 12])
  })

  test('a parked command is answered by a later decision', async () => {
    const { runtime, appends, endTurn, watch, settle } = setUp()
    const parked = watch(runtime.submit({ park: true }))
    void runtime.submit({ add: 4 })
    endTurn()
    appends[0]!.done(null)
    await settle()
    expect(parked.value).toBe(4)
  })

  test('effects run in order, only after the commit', () => {
    const { runtime, appends, effects, endTurn } = setUp()
    void runtime.submit({ add: 1 })
    void runtime.submit({ add: 1 })
    endTurn()
    expect(effects).toEqual([])
    appends[0]!.done(null)
    expect(effects).toEqual(['effect 1', 'effect 2'])
  })

  test('a failed append loses the shard: everybody who waits gets an error, and later ones too', async () => {
    const { runtime, appends, lost, endTurn, watch, settle, effects } = setUp()
    const held = watch(runtime.submit({ add: 1 }))
    const parked = watch(runtime.submit({ park: true }))
    endTurn()
    appends[0]!.done(new Error('disk full'))
    const late = watch(runtime.submit({ read: true }))
    await settle()
    expect([held, parked, late].map((seen) => seen.error?.code)).toEqual(
      Array(3).fill('ERR_SHARD_LOST'),
    )
    expect((lost[0]!.cause as Error).message).toBe('disk full')
    expect([lost.length, effects.length]).toEqual([1, 0])
  })

  test('a fact that cannot be applied loses the shard', async () => {
    const { runtime, lost, watch, settle } = setUp()
    const seen = watch(runtime.submit({ explode: true }))
    await settle()
    expect([seen.error?.code, lost.length]).toEqual(['ERR_SHARD_LOST', 1])
  })

  test('time and settings come in with each command, as they are then', async () => {
    const { runtime, settings, setWallClock, watch, settle } = setUp()
    setWallClock(1000)
    const first = watch(runtime.submit({ tellContext: true }))
    settings.value = 2
    setWallClock(5000)
    const second = watch(runtime.submit({ tellContext: true }))
    await settle()
    expect([first.value, second.value]).toEqual([1001, 5002])
  })

  test('what is held against the limits is appended as it was prepared then', () => {
    const { runtime, appends, prepared, endTurn } = setUp()
    void runtime.submit({ add: 1 })
    void runtime.submit({ addEach: [2, 3] })
    endTurn()
    expect(prepared.length).toBe(3)
    expect(appends[0]!.groups.map((group, index) => group === prepared[index])).toEqual([
      true,
      true,
      true,
    ])
  })

  test('a decision that the log refuses changes nothing', async () => {
    const { runtime, machine, watch, settle } = setUp()
    const seen = watch(runtime.submit({ add: 1001 }))
    await settle()
    expect([seen.error?.message, machine.total, runtime.lost]).toEqual(['too large', 0, null])
  })

  test('a reply that waits too long for its commit becomes an error; its effects still run', async () => {
    const { runtime, appends, effects, endTurn, advance, watch, settle } = setUp()
    const first = watch(runtime.submit({ add: 1 }))
    endTurn()
    advance(60)
    const second = watch(runtime.submit({ add: 1 }))
    endTurn()
    advance(100)
    await settle()
    expect([first.error?.code, second.error]).toEqual(['ERR_COMMIT_TIMEOUT', undefined])
    appends[0]!.done(null)
    appends[1]!.done(null)
    await settle()
    expect([second.value, effects.length]).toEqual([2, 2])
    advance(1000)
  })

  test('an alarm becomes a command at its time, moves, and can be cleared', () => {
    const { runtime, machine, advance, watch } = setUp()
    watch(runtime.submit({ alarmAt: 50 }))
    watch(runtime.submit({ alarmAt: 80 }))
    advance(79)
    expect(machine.rang).toEqual([])
    advance(80)
    expect(machine.rang).toEqual(['bell'])
    watch(runtime.submit({ alarmAt: 200 }))
    watch(runtime.submit({ alarmAt: 150 }))
    advance(160)
    expect(machine.rang).toEqual(['bell', 'bell'])
    watch(runtime.submit({ alarmAt: 300 }))
    watch(runtime.submit({ alarmAt: null }))
    advance(1000)
    expect(machine.rang).toEqual(['bell', 'bell'])
  })

  test('facts that stand each for itself are groups of their own, without those that the log refuses', async () => {
    const { runtime, machine, appends, refused, endTurn, watch, settle } = setUp()
    const each = watch(runtime.submit({ addEach: [1, 2000, 3] }))
    const whole = watch(runtime.submit({ addEach: [4, 5] }))
    endTurn()
    expect(appends[0]!.groups).toEqual([[{ add: 1 }], [{ add: 3 }], [{ add: 4 }], [{ add: 5 }]])
    expect([machine.total, machine.offsets]).toEqual([13, [10, 11, 12, 13]])
    expect(refused).toEqual([{ addEach: [1, 2000, 3] }])
    appends[0]!.done(null)
    await settle()
    expect([each.value, whole.value]).toEqual([3, 2])
  })

  test('where the log refuses all of them, nothing has changed and who asked is told', async () => {
    const { runtime, machine, appends, endTurn, watch, settle } = setUp()
    const each = watch(runtime.submit({ addEach: [2000, 3000] }))
    endTurn()
    await settle()
    expect([each.error?.message, machine.total, appends.length]).toEqual(['too large', 0, 0])
  })

  test('what the machine decides in place of what was refused is carried out', async () => {
    const { runtime, machine, refused, lost, watch, settle } = setUp()
    const parked = watch(runtime.submit({ park: true }))
    machine.instead = { replies: [1, 2].map((ticket) => ({ ticket, reply: -1 })) }
    const asked = watch(runtime.submit({ add: 2000 }))
    await settle()
    expect([parked.value, asked.value, machine.total]).toEqual([-1, -1, 0])
    expect([refused, lost]).toEqual([[{ add: 2000 }], []])
    machine.instead = { facts: [{ add: 3000 }] }
    const again = watch(runtime.submit({ add: 2000 }))
    await settle()
    expect([again.error?.message, machine.total]).toEqual(['too large', 0])
  })

  test('an alarm whose decision is refused comes again, and the shard stays', () => {
    const { runtime, machine, lost, refused, advance } = setUp()
    runtime.setAlarm('large', 50)
    advance(60_049)
    expect([refused.length, lost.length, machine.rang]).toEqual([1, 0, []])
    advance(60_050)
    expect(refused).toEqual([{ alarm: 'large' }, { alarm: 'large' }])
    machine.limit = 1000
    advance(120_050)
    expect([machine.rang, machine.total]).toEqual([['large'], 1000])
    advance(1_000_000)
    expect(refused.length).toBe(2)
  })

  test('after close nothing fires and nobody waits', async () => {
    const { runtime, machine, lost, advance, watch, settle } = setUp()
    watch(runtime.submit({ alarmAt: 50 }))
    const parked = watch(runtime.submit({ park: true }))
    runtime.close()
    advance(100)
    await settle()
    expect([parked.error?.code, machine.rang.length, lost.length]).toEqual(['ERR_SHARD_LOST', 0, 0])
  })
})
