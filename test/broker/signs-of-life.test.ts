import { SignsOfLife } from '../../src/broker/signs-of-life.ts'
import type { Logger, Timer } from '../../src/host/host.ts'
import { BrokerLinkError } from '../../src/peer/broker-links.ts'

const NO_ANSWER = new BrokerLinkError('NO_ANSWER', 'lost')

/** A question that is on its way to a broker. */
interface Question {
  readonly brokerId: number
  answer(): void
  fail(error?: Error): void
}

function asking() {
  const time = { ms: 0 }
  /** Timers that were set, and not cancelled. */
  const timers: { readonly ms: number; ring(): void }[] = []
  const clock = {
    monotonic: () => time.ms,
    after: (ms: number, ring: () => void): Timer => {
      const timer = { ms, ring }
      timers.push(timer)
      return {
        cancel: () => {
          if (timers.includes(timer)) timers.splice(timers.indexOf(timer), 1)
        },
      }
    },
    endOfTurn: (callback: () => void): void => void setImmediate(callback),
  }
  /** Half a second passes: all timers ring. */
  const pass = (): void => {
    time.ms += 500
    for (const timer of timers.splice(0)) timer.ring()
  }
  const questions: Question[] = []
  const ask = (brokerId: number): Promise<never> =>
    new Promise((resolve, reject) => {
      questions.push({
        brokerId,
        answer: () => resolve({} as never),
        fail: (error = NO_ANSWER) => reject(error),
      })
    })
  const logged: string[] = []
  const write = (_fields: object, message: string): void => void logged.push(message)
  const log: Logger = { debug: write, info: write, warn: write, error: write, child: () => log }
  const signs = new SignsOfLife({ clock, log, links: { ask } })
  /** Who waits for a sign of this broker: told when that is over. */
  const wait = (brokerId: number) => {
    const waiting = { isOver: false, end: Promise.resolve() }
    waiting.end = signs.of(brokerId).then(() => void (waiting.isOver = true))
    return waiting
  }
  return { time, timers, pass, questions, logged, wait }
}

/** All that follows from what has happened is done by then. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe('a sign of life', () => {
  test('is an answer of the broker that is asked', async () => {
    const { questions, timers, wait } = asking()
    const [of2, of3] = [wait(2), wait(3)]
    expect(questions.map(({ brokerId }) => brokerId)).toEqual([2, 3])
    questions[0]!.answer()
    await of2.end
    await settled()
    expect(of3.isOver).toBe(false)
    questions[1]!.answer()
    await of3.end
    expect(timers).toEqual([])
  })

  test('is none where it answers what was put before: those who come meanwhile have the next question together', async () => {
    const { questions, wait } = asking()
    const first = wait(2)
    await settled()
    const [second, third] = [wait(2), wait(2)]
    await settled()
    expect(questions).toHaveLength(1)
    questions[0]!.answer()
    await first.end
    await settled()
    expect([second.isOver, third.isOver, questions.length]).toEqual([false, false, 2])
    const fourth = wait(2)
    questions[1]!.answer()
    await Promise.all([second.end, third.end])
    await settled()
    expect([fourth.isOver, questions.length]).toEqual([false, 3])
    questions[2]!.answer()
    await fourth.end
    // Nobody is left to ask for.
    await settled()
    expect(questions).toHaveLength(3)
  })

  test('is asked for once more where there was no answer, for a connection may have been forgotten on its way', async () => {
    const { questions, wait } = asking()
    const [first, second] = [wait(2), wait(2)]
    questions[0]!.fail()
    await settled()
    expect([questions.length, first.isOver]).toEqual([2, false])
    questions[1]!.fail()
    await first.end
    await settled()
    // Nobody could be asked; who has come since may be in luck.
    expect([questions.length, second.isOver]).toEqual([3, false])
    questions[2]!.answer()
    await second.end
  })

  test('is waited for half a second, from when somebody asks: until the broker has answered in time it keeps nobody waiting', async () => {
    const { timers, pass, questions, wait } = asking()
    const [first, second] = [wait(2), wait(2)]
    await settled()
    expect([timers.map(({ ms }) => ms), first.isOver]).toEqual([[500, 500], false])
    pass()
    await Promise.all([first.end, second.end])
    await wait(2).end
    expect(questions).toHaveLength(1)
    // Each is tried twice.
    for (let failures = 1; failures <= 4; failures++) {
      questions.at(-1)!.fail()
      await settled()
      await wait(2).end
    }
    // They have failed, another one is on its way: nothing was heard yet.
    questions.at(-1)!.answer()
    await settled()
    const asked = questions.length
    const last = wait(2)
    questions.at(-1)!.answer()
    await settled()
    expect([last.isOver, questions.length]).toEqual([false, asked + 1])
    questions.at(-1)!.answer()
    await last.end
    expect(timers).toEqual([])
  })

  test('keeps nobody waiting while each comes too late', async () => {
    const { time, pass, questions, wait } = asking()
    const first = wait(2)
    pass()
    await first.end
    time.ms += 1
    questions[0]!.answer()
    await settled()
    await wait(2).end
    expect(questions).toHaveLength(2)
    questions[1]!.answer()
    await settled()
    const third = wait(2)
    await settled()
    expect(third.isOver).toBe(false)
    questions[2]!.answer()
    await third.end
  })

  test('counts where it came while this process had no time to look', async () => {
    const { pass, questions, wait } = asking()
    const first = wait(2)
    pass()
    questions[0]!.answer()
    await first.end
    await settled()
    const second = wait(2)
    await settled()
    expect([second.isOver, questions.length]).toEqual([false, 2])
    questions[1]!.answer()
    await second.end
  })

  test('that could not be asked for by a mistake of our own is missed in the log alone', async () => {
    const { questions, logged, wait } = asking()
    const waiting = wait(2)
    questions[0]!.fail(new TypeError('a mistake'))
    await waiting.end
    expect([logged, questions.length]).toEqual([
      ['A broker could not be asked whether it is there'],
      1,
    ])
  })
})
