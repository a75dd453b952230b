import type { Logger } from '../../src/host/host.ts'
import { RatedLog } from '../../src/host/rated-log.ts'

function rated() {
  const lines: { level: string; fields: object; message: string }[] = []
  const line = (level: string) => (fields: object, message: string) =>
    void lines.push({ level, fields, message })
  const log: Logger = {
    debug: line('debug'),
    info: line('info'),
    warn: line('warn'),
    error: line('error'),
    child: () => log,
  }
  const timers: { delayMs: number; callback: () => void; isCancelled: boolean }[] = []
  const faults = new RatedLog(log, {
    after: (delayMs, callback) => {
      const timer = { delayMs, callback, isCancelled: false }
      timers.push(timer)
      return { cancel: () => void (timer.isCancelled = true) }
    },
  })
  return { faults, lines, timers }
}

describe('Lines about what clients do wrong', () => {
  test('are written up to five of a kind; how many more there were, and whose the last was, is told later', () => {
    const { faults, lines, timers } = rated()
    for (let client = 0; client < 1000; client++) faults.warn('bad', { client }, `bad ${client}`)
    expect(lines.map(({ message }) => message)).toEqual([0, 1, 2, 3, 4].map((n) => `bad ${n}`))
    expect(timers).toMatchObject([{ delayMs: 10_000 }])
    timers[0]!.callback()
    expect(lines.slice(5)).toEqual([
      {
        level: 'warn',
        fields: { client: 999, kind: 'bad', leftOut: 995 },
        message: 'Lines like these were left out: bad',
      },
    ])
  })

  test('of one kind do not hide those of another', () => {
    const { faults, lines } = rated()
    for (let client = 0; client < 10; client++) faults.warn('bad', {}, 'bad')
    faults.error('bug', { err: 1 }, 'a bug')
    expect(lines.at(-1)).toEqual({ level: 'error', fields: { err: 1 }, message: 'a bug' })
  })

  test('are written again when the time is over, and nothing is told where nothing was left out', () => {
    const { faults, lines, timers } = rated()
    for (let client = 0; client < 5; client++) faults.warn('bad', {}, 'bad')
    timers[0]!.callback()
    expect(lines).toHaveLength(5)
    faults.warn('bad', {}, 'again')
    expect(lines.at(-1)!.message).toBe('again')
    expect(timers).toHaveLength(2)
  })

  test('that were left out are told at the end, and no timer stays', () => {
    const { faults, lines, timers } = rated()
    for (let client = 0; client < 6; client++) faults.error('bug', {}, 'a bug')
    faults.close()
    expect(lines.at(-1)!.fields).toEqual({ kind: 'bug', leftOut: 1 })
    expect(timers[0]!.isCancelled).toBe(true)
    faults.close()
    expect(lines).toHaveLength(6)
  })
})
