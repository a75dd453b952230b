import { nodeHost } from '../../../src/host/node.ts'
import { FailureReporter } from '../../../src/replication/directories/failure-reporter.ts'

const [A, B] = ['a'.padEnd(22, 'A'), 'b'.padEnd(22, 'A')]
const TIMEOUT_MS = 30_000

function reporting() {
  const asked: { ids: readonly string[]; answer: (error?: Error) => void }[] = []
  const timers: { delayMs: number; callback: () => void }[] = []
  const reasons: string[] = []
  const reporter = new FailureReporter({
    log: nodeHost({ log: { level: 'silent' } }).log,
    clock: {
      now: () => 0,
      monotonic: () => 0,
      endOfTurn: (callback) => callback(),
      afterTask: (callback) => callback(),
      after: (delayMs, callback) => {
        const timer = { delayMs, callback }
        timers.push(timer)
        return { cancel: () => void timers.splice(timers.indexOf(timer), 1) }
      },
    },
    timeoutMs: () => TIMEOUT_MS,
    ask: (ids) =>
      new Promise((resolve, reject) => {
        const answer = (error?: Error): void =>
          error === undefined ? resolve({ errorCode: 'NONE', errorMessage: null }) : reject(error)
        asked.push({ ids, answer })
      }),
    giveUp: (reason) => reasons.push(reason.message),
  })
  const settle = async (): Promise<void> => {
    for (let i = 0; i < 10; i++) await Promise.resolve()
  }
  const fire = (delayMs: number): void => {
    const due = timers.findIndex((timer) => timer.delayMs === delayMs)
    timers.splice(due, 1)[0]!.callback()
  }
  return { reporter, asked, timers, reasons, settle, fire }
}

describe('FailureReporter', () => {
  test('tells the controller, and all goes on', async () => {
    const { reporter, asked, reasons, settle, fire } = reporting()
    reporter.start()
    reporter.report(A, '/a')
    expect(asked.map(({ ids }) => ids)).toEqual([[A]])
    asked[0]!.answer()
    await settle()
    fire(TIMEOUT_MS)
    expect(reasons).toEqual([])
  })

  test('what failed before the broker was registered is told afterwards', () => {
    const { reporter, asked } = reporting()
    reporter.report(A, '/a')
    reporter.report(B, '/b')
    expect(asked).toEqual([])
    reporter.start()
    expect(asked.map(({ ids }) => ids)).toEqual([[A, B]])
  })

  test('what fails while the controller is asked is told next', async () => {
    const { reporter, asked, settle } = reporting()
    reporter.start()
    reporter.report(A, '/a')
    reporter.report(B, '/b')
    expect(asked).toHaveLength(1)
    asked[0]!.answer()
    await settle()
    expect(asked.map(({ ids }) => ids)).toEqual([[A], [B]])
  })

  test('a controller that can not be reached is asked again; in the end the broker stops, and says why', async () => {
    const { reporter, asked, reasons, settle, fire } = reporting()
    reporter.start()
    reporter.report(A, '/a')
    asked[0]!.answer(new Error('lost'))
    await settle()
    fire(500)
    expect(asked).toHaveLength(2)
    fire(TIMEOUT_MS)
    expect(reasons).toEqual([
      expect.stringMatching(/\/a is offline.*log\.dir\.failure\.timeout\.ms/),
    ])
  })

  test('sets no timer after the close', async () => {
    const { reporter, asked, timers, settle } = reporting()
    reporter.start()
    reporter.report(A, '/a')
    reporter.close()
    expect(timers).toEqual([])
    asked[0]!.answer(new Error('lost'))
    await settle()
    reporter.report(B, '/b')
    expect([asked.length, timers.length]).toEqual([1, 0])
  })
})
