import { Scheduler, SimulationError, type Life } from '../../../src/host/sim/scheduler.ts'
import { simClock } from '../../../src/host/sim/clock.ts'

const lifeOf = (name: string): Life => ({ name, isOver: false })

test('events happen in the order of their time, those of one instant in the order in which they were made', async () => {
  const scheduler = new Scheduler(1)
  const order: string[] = []
  for (const [name, delayMs] of [
    ['late', 9],
    ['first', 2],
    ['second', 2],
    ['between', 5],
  ] as const) {
    scheduler.after(delayMs, name, () => order.push(`${name} at ${scheduler.now}`))
  }
  await scheduler.pass(20)
  expect(order).toEqual(['first at 2', 'second at 2', 'between at 5', 'late at 9'])
})

test('all microtasks of an event run before the next event', async () => {
  const scheduler = new Scheduler(1)
  const order: string[] = []
  scheduler.after(1, 'event', () => {
    void Promise.resolve()
      .then(() => order.push('microtask'))
      .then(() => order.push('another'))
  })
  scheduler.after(1, 'event', () => order.push('next event'))
  await scheduler.pass(2)
  expect(order).toEqual(['microtask', 'another', 'next event'])
})

test('the end of a turn comes when all else of this instant has happened', async () => {
  const scheduler = new Scheduler(1)
  const life = lifeOf('node')
  const clock = simClock(scheduler, life, { offsetMs: 0 })
  const order: string[] = []
  scheduler.after(1, 'one', () => {
    clock.endOfTurn(() => order.push('end of turn'))
    clock.afterTask(() => order.push('after the task'))
    order.push('one')
  })
  scheduler.after(1, 'two', () => order.push('two'))
  await scheduler.pass(2)
  expect(order).toEqual(['one', 'after the task', 'two', 'end of turn'])
})

test('nothing happens to a life that is over, nor what was cancelled', async () => {
  const scheduler = new Scheduler(1)
  const [dead, alive] = [lifeOf('dead'), lifeOf('alive')]
  const happened: string[] = []
  scheduler.after(2, 'event', () => happened.push('dead'), dead)
  scheduler.after(2, 'event', () => happened.push('alive'), alive)
  scheduler.after(2, 'event', () => happened.push('cancelled'), alive).cancel()
  scheduler.after(1, 'crash', () => (dead.isOver = true))
  simClock(scheduler, dead, { offsetMs: 0 }).after(3, () => happened.push('timer of the dead'))
  await scheduler.pass(5)
  expect(happened).toEqual(['alive'])
})

test('a clock that jumps changes the time of day and no duration', async () => {
  const scheduler = new Scheduler(1)
  const wall = { offsetMs: 0 }
  const clock = simClock(scheduler, lifeOf('node'), wall)
  const before = clock.now()
  wall.offsetMs = -3_600_000
  await scheduler.pass(10)
  expect([clock.now() - before, clock.monotonic()]).toEqual([-3_599_990, 10])
})

test('a condition that never comes is an error, after its time or as soon as nothing is left to happen', async () => {
  const scheduler = new Scheduler(1)
  const never = () => false
  await expect(scheduler.until(never, 10, 'miracle')).rejects.toThrow(SimulationError)
  const again = (): void => void scheduler.after(1, 'again', again)
  again()
  await expect(scheduler.until(never, 10, 'miracle')).rejects.toThrow('no miracle')
})

test('the hash of the trace tells two orders apart, and is equal for the same', async () => {
  const hashOf = async (labels: readonly string[]): Promise<string> => {
    const scheduler = new Scheduler(1)
    for (const label of labels) scheduler.after(1, label, () => undefined)
    await scheduler.pass(2)
    return scheduler.trace.hash
  }
  expect(await hashOf(['a', 'b'])).toBe(await hashOf(['a', 'b']))
  expect(await hashOf(['a', 'b'])).not.toBe(await hashOf(['b', 'a']))
})

test('a life that is paused does nothing until it is resumed, and then all that was due, in its order', async () => {
  const scheduler = new Scheduler(1)
  const [paused, other] = [lifeOf('paused'), lifeOf('other')]
  const seen: string[] = []
  const note = (what: string) => () => void seen.push(`${what} at ${scheduler.now}`)
  scheduler.after(2, 'second', note('second'), paused)
  scheduler.after(1, 'first', note('first'), paused)
  scheduler.after(3, 'other', note('other'), other)
  scheduler.after(9, 'late', note('late'), paused)
  scheduler.pause(paused)
  await scheduler.pass(5)
  scheduler.resume(paused)
  await scheduler.pass(5)
  expect(seen).toEqual(['other at 3', 'first at 5', 'second at 5', 'late at 9'])
})

test('what was due for a life that ends while it is paused never happens', async () => {
  const scheduler = new Scheduler(1)
  const life = lifeOf('paused')
  let hasRun = false
  scheduler.after(1, 'never', () => void (hasRun = true), life)
  scheduler.pause(life)
  await scheduler.pass(2)
  life.isOver = true
  scheduler.resume(life)
  await scheduler.pass(2)
  expect(hasRun).toBe(false)
})
