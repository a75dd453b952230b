import { buildBatch } from '../../protocol/records/batch.ts'
import { nodeCodecs } from '../../src/host/codecs.ts'
import type { Log } from '../../src/log/log.ts'
import { CommittedReader } from '../../src/quorum/committed-reader.ts'

const codecs = nodeCodecs()
const COUNT = 5
const RECORDS_EACH = 600
const END = COUNT * RECORDS_EACH

const batchOf = (count: number, baseOffset: number): Buffer => {
  const records = Array.from({ length: count }, () => ({
    timestamp: 0,
    key: null,
    value: Buffer.from('x'),
  }))
  return buildBatch({ baseOffset, records }, codecs)
}

const batches = Array.from({ length: COUNT }, (_, index) =>
  batchOf(RECORDS_EACH, index * RECORDS_EACH),
)

function setUp(all = Buffer.concat(batches), end = END) {
  const turns: (() => void)[] = []
  const delivered: number[] = []
  const parts: (number | string)[][] = []
  const failures: Error[] = []
  let caughtUp = 0
  const read = () =>
    Promise.resolve({
      errorCode: 'NONE',
      sizeBytes: all.length,
      chunks: [all],
      release: () => undefined,
    })
  const reader = new CommittedReader({
    clock: { endOfTurn: (callback) => void turns.push(callback) },
    log: { read } as unknown as Log,
    codecs,
    from: 0,
    highWatermark: () => end,
    deliver: ({ lastOffset, records, hasMore }) => {
      delivered.push(lastOffset + 1)
      parts.push(hasMore === true ? [records.length, 'of more'] : [records.length])
    },
    caughtUp: () => caughtUp++,
    failed: (error) => void failures.push(error),
  })
  const nextTurn = async (): Promise<void> => {
    turns.shift()!()
    await settled()
  }
  return { reader, delivered, parts, turns, nextTurn, failures, caughtUp: () => caughtUp }
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe('many records that are committed at once', () => {
  test('of this leader are delivered in several turns, each told of after it', async () => {
    const { reader, delivered, turns, nextTurn, caughtUp } = setUp()
    const done: number[] = []
    batches.forEach((batch, index) => {
      const baseOffset = index * RECORDS_EACH
      const nextOffset = baseOffset + RECORDS_EACH
      reader.expect({ batch, baseOffset, nextOffset, done: () => done.push(nextOffset) })
    })
    reader.advance()
    expect(delivered).toEqual([600, 1200])
    expect(done).toEqual([600, 1200])
    // Whoever asks for more meanwhile gets no more.
    reader.advance()
    expect(delivered).toHaveLength(2)
    expect(caughtUp()).toBe(0)
    await nextTurn()
    expect(delivered).toHaveLength(4)
    await nextTurn()
    expect(done).toEqual([600, 1200, 1800, 2400, 3000])
    expect([turns.length, caughtUp()]).toEqual([0, 1])
  })

  test('are read from the log, and delivered in several turns', async () => {
    const { reader, delivered, turns, nextTurn, caughtUp } = setUp()
    reader.advance()
    await settled()
    expect(delivered).toEqual([600, 1200])
    await nextTurn()
    await nextTurn()
    expect(delivered).toEqual([600, 1200, 1800, 2400, 3000])
    expect([turns.length, caughtUp()]).toEqual([0, 1])
  })

  test('are not delivered when the reader was stopped meanwhile', async () => {
    const { reader, delivered, nextTurn, caughtUp, failures } = setUp()
    reader.advance()
    await settled()
    reader.stop()
    await nextTurn()
    await reader.whenIdle()
    expect(delivered).toEqual([600, 1200])
    expect([caughtUp(), failures]).toEqual([0, []])
  })

  const PARTS = [[1000, 'of more'], [1000, 'of more'], [500], [10]]
  const large = [batchOf(2500, 0), batchOf(10, 2500)]

  test('in one batch are delivered in parts, of this leader too, which is told of it after the last', async () => {
    const { reader, parts, nextTurn, turns, caughtUp } = setUp(Buffer.alloc(0), 2510)
    const done: number[] = []
    reader.expect({ batch: large[0]!, baseOffset: 0, nextOffset: 2500, done: () => done.push(1) })
    reader.expect({
      batch: large[1]!,
      baseOffset: 2500,
      nextOffset: 2510,
      done: () => done.push(2),
    })
    reader.advance()
    expect([parts, reader.deliveredTo]).toEqual([PARTS.slice(0, 1), 0])
    reader.advance()
    await nextTurn()
    expect([parts.length, done, reader.deliveredTo, caughtUp()]).toEqual([2, [], 0, 0])
    await nextTurn()
    expect([parts, done, reader.deliveredTo]).toEqual([PARTS, [1, 2], 2510])
    expect([turns.length, caughtUp()]).toEqual([0, 1])
  })

  test('in one batch of the log are delivered in parts', async () => {
    const { reader, parts, nextTurn, caughtUp } = setUp(Buffer.concat(large), 2510)
    reader.advance()
    await settled()
    await nextTurn()
    await nextTurn()
    expect([parts, reader.deliveredTo, caughtUp()]).toEqual([PARTS, 2510, 1])
  })

  test('in one batch of this leader go on where it leads no longer, and nobody is told twice', async () => {
    const { reader, parts, nextTurn } = setUp(Buffer.alloc(0), 2500)
    const done: (Error | null)[] = []
    reader.expect({
      batch: large[0]!,
      baseOffset: 0,
      nextOffset: 2500,
      done: (failure) => done.push(failure),
    })
    reader.advance()
    reader.dropOwn(new Error('another leads'))
    await nextTurn()
    await nextTurn()
    expect([parts.length, reader.deliveredTo, done.length]).toEqual([3, 2500, 1])
  })

  test('in one batch are not delivered any more when the reader was stopped meanwhile', async () => {
    const { reader, parts, nextTurn, failures } = setUp(Buffer.concat(large), 2510)
    reader.advance()
    await settled()
    reader.stop()
    await nextTurn()
    await reader.whenIdle()
    expect([parts.length, reader.deliveredTo, failures]).toEqual([1, 0, []])
  })
})
