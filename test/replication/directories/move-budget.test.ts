import { MoveBudget } from '../../../src/replication/directories/move-budget.ts'
import { quotaOf } from '../quota/support.ts'
import { PassingClock } from '../quota/passing-clock.ts'

function budgeted(rate: () => number) {
  const clock = new PassingClock()
  const settle = async (): Promise<void> => {
    for (let i = 0; i < 5; i++) await Promise.resolve()
  }
  /** Lets the only timer fire. */
  const pass = async (): Promise<number> => {
    const passedMs = clock.passToTimer()
    await settle()
    return passedMs
  }
  return { budget: new MoveBudget(quotaOf(clock, rate)), clock, pass, settle }
}

describe('MoveBudget', () => {
  test('lets nobody go on before what was spent is paid for, all together', async () => {
    const { budget, pass, clock } = budgeted(() => 1000)
    let isReady = false
    budget.spend(1500)
    budget.spend(200)
    void budget.ready(() => true).then(() => (isReady = true))
    expect(await pass()).toBe(1700)
    expect([isReady, clock.timers]).toEqual([true, 0])
  })

  test('makes nobody wait who has spent nothing, or without a limit', async () => {
    const limited = budgeted(() => 1000)
    await limited.budget.ready(() => true)
    const { budget, clock } = budgeted(() => Infinity)
    budget.spend(1e12)
    await budget.ready(() => true)
    expect([limited.clock.timers, clock.timers]).toEqual([0, 0])
  })

  test('without a budget nobody goes on until there is one; a change is noticed at once', async () => {
    let rate = 0
    const { budget, clock, settle } = budgeted(() => rate)
    let isReady = false
    void budget.ready(() => true).then(() => (isReady = true))
    budget.wake()
    await settle()
    // Nothing but a change can help.
    expect([isReady, clock.timers]).toEqual([false, 0])
    rate = 10
    budget.wake()
    await settle()
    expect(isReady).toBe(true)
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
