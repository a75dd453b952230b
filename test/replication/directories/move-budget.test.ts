import { MoveBudget } from '../../../src/replication/directories/move-budget.ts'

function budgeted(rate: () => number) {
  let nowMs = 1000
  const timers: { delayMs: number; callback: () => void }[] = []
  const budget = new MoveBudget(
    {
      now: () => 0,
      monotonic: () => nowMs,
      endOfTurn: (callback) => callback(),
      afterTask: (callback) => callback(),
      after: (delayMs, callback) => {
        const timer = { delayMs, callback }
        timers.push(timer)
        return { cancel: () => void timers.splice(timers.indexOf(timer), 1) }
      },
    },
    rate,
  )
  const settle = async (): Promise<void> => {
    for (let i = 0; i < 5; i++) await Promise.resolve()
  }
  /** Lets the only timer fire. */
  const pass = async (): Promise<number> => {
    const timer = timers.shift()!
    nowMs += timer.delayMs
    timer.callback()
    await settle()
    return timer.delayMs
  }
  return { budget, timers, pass, settle }
}

describe('MoveBudget', () => {
  test('lets nobody go on before what was spent is paid for, all together', async () => {
    const { budget, pass, timers } = budgeted(() => 1000)
    let isReady = false
    budget.spend(500)
    budget.spend(200)
    void budget.ready(() => true).then(() => (isReady = true))
    expect(await pass()).toBe(700)
    expect([isReady, timers.length]).toEqual([true, 0])
  })

  test('makes nobody wait who has spent nothing, or without a limit', async () => {
    const { budget, timers } = budgeted(() => Number.MAX_VALUE)
    await budget.ready(() => true)
    budget.spend(1e12)
    await budget.ready(() => true)
    expect(timers).toEqual([])
  })

  test('without a budget nobody goes on until there is one; a change is noticed at once', async () => {
    let rate = 0
    const { budget, pass, settle } = budgeted(() => rate)
    let isReady = false
    void budget.ready(() => true).then(() => (isReady = true))
    expect(await pass()).toBe(1000)
    expect(isReady).toBe(false)
    rate = 10
    budget.wake()
    await settle()
    expect(isReady).toBe(true)
  })

  test('what is owed is bytes: at another rate it is paid for in another time', async () => {
    let rate = 10
    const { budget, pass, settle, timers } = budgeted(() => rate)
    let isReady = false
    budget.spend(10_000)
    void budget.ready(() => true).then(() => (isReady = true))
    expect(await pass()).toBe(1000)
    rate = 9990
    budget.wake()
    await settle()
    expect(isReady).toBe(false)
    expect(Math.round(await pass())).toBe(1000)
    expect([isReady, timers.length]).toEqual([true, 0])
  })

  test('no more is to be spent at once than the rate lets through in a second', () => {
    let rate = Infinity
    const { budget } = budgeted(() => rate)
    expect(budget.atOnce(1000)).toBe(1000)
    rate = 100
    expect(budget.atOnce(1000)).toBe(100)
    rate = 0
    expect(budget.atOnce(1000)).toBe(1)
  })

  test('whoever no longer wants to go on is let go when he is woken', async () => {
    const { budget, settle } = budgeted(() => 0)
    let isWanted = true
    let isReady = false
    void budget.ready(() => isWanted).then(() => (isReady = true))
    isWanted = false
    budget.wake()
    await settle()
    expect(isReady).toBe(true)
  })
})
