import { pinoLogger } from '../../src/host/logger.ts'

describe('the logger of a Node host', () => {
  test('a line is JSON with level, time, the fields of its logger, its own fields and the message', () => {
    const lines: string[] = []
    const log = pinoLogger({
      level: 'info',
      destination: { write: (line) => void lines.push(line) },
    })
    log.debug({}, 'not written')
    log.child({ brokerId: 1 }).warn({ err: new Error('no space') }, 'Directory offline')
    expect(lines).toHaveLength(1)
    expect(JSON.parse(lines[0]!)).toMatchObject({
      level: 'warn',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
      brokerId: 1,
      err: { message: 'no space' },
      msg: 'Directory offline',
    })
  })
})
