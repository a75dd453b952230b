import type { DirectoryAssignments } from '../../../src/metadata/controller/commands.ts'
import { nodeHost } from '../../../src/host/node.ts'
import { AssignmentReporter } from '../../../src/replication/directories/assignment-reporter.ts'
import type { AssignmentReply } from '../../../src/replication/directories/assignment-reporter.ts'

const [A, B] = ['a'.padEnd(22, 'A'), 'b'.padEnd(22, 'A')]
const TOPIC = 't'.padEnd(22, 'A')

/** A reporter whose controller and clock a test plays. */
function reporting() {
  const asked: {
    directories: readonly DirectoryAssignments[]
    answer: (reply: Partial<AssignmentReply>) => void
    fail: (error: Error) => void
  }[] = []
  const turns: (() => void)[] = []
  const timers: { delayMs: number; callback: () => void }[] = []
  const reporter = new AssignmentReporter({
    log: nodeHost({ log: { level: 'silent' } }).log,
    clock: {
      now: () => 0,
      monotonic: () => 0,
      endOfTurn: (callback) => void turns.push(callback),
      afterTask: (callback) => void turns.push(callback),
      after: (delayMs, callback) => {
        timers.push({ delayMs, callback })
        return { cancel: () => void timers.splice(0) }
      },
    },
    ask: (directories) =>
      new Promise((resolve, reject) => {
        const answer = (reply: Partial<AssignmentReply>): void =>
          resolve({ errorCode: 'NONE', errorMessage: null, directories: [], ...reply })
        asked.push({ directories, answer, fail: reject })
      }),
  })
  const endTurn = async (): Promise<void> => {
    for (const turn of turns.splice(0)) turn()
    for (let i = 0; i < 10; i++) await Promise.resolve()
  }
  return { reporter, asked, timers, endTurn }
}

/** Takes note of all that was asked. */
const accepting = (directories: readonly DirectoryAssignments[]): Partial<AssignmentReply> => ({
  directories: directories.map(({ id, topics }) => ({
    id,
    topics: topics.map(({ topicId, partitions }) => ({
      topicId,
      partitions: partitions.map((each) => ({ ...each, errorCode: 'NONE' as const })),
    })),
  })),
})

describe('AssignmentReporter', () => {
  test('tells nothing before the broker is registered, then all in one request, by directory', async () => {
    const { reporter, asked, endTurn } = reporting()
    reporter.report(TOPIC, 0, A)
    reporter.report(TOPIC, 1, B)
    reporter.report(TOPIC, 2, A)
    await endTurn()
    expect(asked).toHaveLength(0)
    reporter.start()
    expect(asked.map(({ directories }) => directories)).toEqual([
      [
        {
          id: A,
          topics: [{ topicId: TOPIC, partitions: [{ partitionIndex: 0 }, { partitionIndex: 2 }] }],
        },
        { id: B, topics: [{ topicId: TOPIC, partitions: [{ partitionIndex: 1 }] }] },
      ],
    ])
  })

  test('asks one request at a time, and says when what it told is accepted', async () => {
    const { reporter, asked, endTurn } = reporting()
    const accepted: number[] = []
    reporter.start()
    reporter.report(TOPIC, 0, A, () => accepted.push(0))
    await endTurn()
    reporter.report(TOPIC, 1, A, () => accepted.push(1))
    await endTurn()
    expect(asked).toHaveLength(1)
    asked[0]!.answer(accepting(asked[0]!.directories))
    await endTurn()
    expect(accepted).toEqual([0])
    expect(asked).toHaveLength(2)
  })

  test('a later word on a partition takes the place of an earlier one, asked already or not', async () => {
    const { reporter, asked, endTurn } = reporting()
    const accepted: string[] = []
    reporter.start()
    reporter.report(TOPIC, 0, A, () => accepted.push('first'))
    await endTurn()
    reporter.report(TOPIC, 0, A)
    reporter.report(TOPIC, 0, B, () => accepted.push('second'))
    asked[0]!.answer(accepting(asked[0]!.directories))
    await endTurn()
    expect(accepted).toEqual([])
    expect(asked[1]!.directories).toMatchObject([{ id: B }])
    asked[1]!.answer(accepting(asked[1]!.directories))
    await endTurn()
    expect(accepted).toEqual(['second'])
  })

  test('the same word again, while it is on its way, changes nothing', async () => {
    const { reporter, asked, endTurn } = reporting()
    const accepted: number[] = []
    reporter.start()
    reporter.report(TOPIC, 0, A, () => accepted.push(0))
    await endTurn()
    reporter.report(TOPIC, 0, A)
    asked[0]!.answer(accepting(asked[0]!.directories))
    await endTurn()
    expect([accepted, asked.length]).toEqual([[0], 1])
  })

  test('a controller that is lost or refuses is asked again, after ever longer waits', async () => {
    const { reporter, asked, timers, endTurn } = reporting()
    reporter.start()
    reporter.report(TOPIC, 0, A)
    await endTurn()
    asked[0]!.fail(new Error('lost'))
    await endTurn()
    expect(timers.map(({ delayMs }) => delayMs)).toEqual([100])
    timers.shift()!.callback()
    asked[1]!.answer({ errorCode: 'STALE_BROKER_EPOCH' })
    await endTurn()
    expect(timers.map(({ delayMs }) => delayMs)).toEqual([200])
    timers.shift()!.callback()
    asked[2]!.answer(accepting(asked[2]!.directories))
    await endTurn()
    expect([asked.length, timers.length]).toEqual([3, 0])
  })

  test('waits ever longer up to ten seconds, and as little as at first once the controller was there again', async () => {
    const { reporter, asked, timers, endTurn } = reporting()
    const failure = async (): Promise<number> => {
      await endTurn()
      asked.at(-1)!.fail(new Error('lost'))
      await endTurn()
      const { delayMs, callback } = timers.shift()!
      callback()
      return delayMs
    }
    reporter.start()
    reporter.report(TOPIC, 0, A)
    const delays: number[] = []
    for (let count = 0; count < 9; count++) delays.push(await failure())
    expect(delays).toEqual([100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000])
    asked.at(-1)!.answer(accepting(asked.at(-1)!.directories))
    await endTurn()
    reporter.report(TOPIC, 1, A)
    expect(await failure()).toBe(100)
  })

  test('what the controller has no use for isn’t told again', async () => {
    const { reporter, asked, timers, endTurn } = reporting()
    const accepted: number[] = []
    reporter.start()
    reporter.report(TOPIC, 0, A, () => accepted.push(0))
    await endTurn()
    asked[0]!.answer({
      directories: [
        {
          id: A,
          topics: [
            { topicId: TOPIC, partitions: [{ partitionIndex: 0, errorCode: 'UNKNOWN_TOPIC_ID' }] },
          ],
        },
      ],
    })
    await endTurn()
    expect([accepted.length, asked.length, timers.length]).toEqual([0, 1, 0])
  })

  test('a broker that stops waits until all is told, but not for a controller that is lost', async () => {
    const { reporter, asked, endTurn } = reporting()
    let settled = 0
    const wait = () => void reporter.settled().then(() => settled++)
    reporter.start()
    wait()
    await endTurn()
    expect(settled).toBe(1)
    reporter.report(TOPIC, 0, A)
    wait()
    await endTurn()
    expect(settled).toBe(1)
    asked[0]!.answer(accepting(asked[0]!.directories))
    await endTurn()
    expect(settled).toBe(2)
    reporter.report(TOPIC, 0, B)
    wait()
    await endTurn()
    asked[1]!.fail(new Error('lost'))
    await endTurn()
    expect(settled).toBe(3)
  })

  test('nobody is asked after the close, though a request failed', async () => {
    const { reporter, asked, timers, endTurn } = reporting()
    reporter.start()
    reporter.report(TOPIC, 0, A)
    await endTurn()
    reporter.close()
    asked[0]!.fail(new Error('lost'))
    await endTurn()
    expect([asked.length, timers.length]).toEqual([1, 0])
  })
})
