import { buildBatch } from '../../protocol/records/batch.ts'
import { setBatchBaseOffset } from '../../protocol/records/header.ts'
import type { ReadResult } from '../../src/log/base/results.ts'
import type { Log } from '../../src/log/log.ts'
import { mendHoles, readForFollower } from '../../src/quorum/replica-log.ts'
import { codecs } from '../log/support.ts'

/** A log whose read fails, and which has these bounds by then. */
function failing(logStartOffset: number, logEndOffset: number): Log {
  const result: Partial<ReadResult> = { errorCode: 'OFFSET_OUT_OF_RANGE', sizeBytes: 0 }
  return {
    logStartOffset,
    logEndOffset,
    read: () => Promise.resolve(result as ReadResult),
  } as unknown as Log
}

test('what was cut off or removed while it was read for a follower is nothing', async () => {
  expect(await readForFollower(failing(0, 90), 100)).toBe(null)
  expect(await readForFollower(failing(101, 200), 100)).toBe(null)
})

test('what can not be read though the log has it is a failure of the log', async () => {
  const message = 'Reading the metadata log at 100 failed: OFFSET_OUT_OF_RANGE'
  await expect(readForFollower(failing(100, 200), 100)).rejects.toThrow(message)
  await expect(readForFollower(failing(0, 100), 100)).rejects.toThrow(message)
})

describe('A log that was just opened', () => {
  /** It has a record at each of these offsets, and takes itself to end there. */
  function opened(offsets: readonly number[], logEndOffset: number) {
    const done: string[] = []
    const log = {
      logStartOffset: offsets[0] ?? 0,
      logEndOffset,
      read: (from: number) => {
        const chunks = offsets.filter((offset) => offset >= from).map(batchAt)
        const sizeBytes = chunks.reduce((sum, { length }) => sum + length, 0)
        return Promise.resolve({ errorCode: 'NONE', chunks, sizeBytes, release: () => undefined })
      },
      truncateTo: (offset: number) => Promise.resolve(void done.push(`ends at ${offset}`)),
      truncateFullyAndStartAt: (offset: number) =>
        Promise.resolve(void done.push(`begins anew at ${offset}`)),
      advanceLogStart: (offset: number) => void done.push(`starts at ${offset}`),
    }
    return { log: log as unknown as Log, done }
  }
  const batchAt = (offset: number): Buffer => {
    const records = [{ timestamp: 1, key: null, value: Buffer.from('v') }]
    const batch = buildBatch({ records }, codecs)
    setBatchBaseOffset(batch, 0, offset)
    return batch
  }

  test.each([
    ['is as it is where nothing is missing', [3, 4, 5], 6, [3], []],
    ['starts behind its holes, where a snapshot ends', [3, 6, 7, 8], 9, [3, 7], ['starts at 7']],
    ['ends before a segment that nothing came into', [3, 4], 9, [3], ['ends at 5']],
    ['begins anew behind a snapshot that has more', [3, 4], 9, [3, 7], ['begins anew at 7']],
    ['is what a snapshot left of it', [], 0, [], []],
  ])('%s', async (_, offsets, end, ends, expected) => {
    const { log, done } = opened(offsets, end)
    await mendHoles(log, ends)
    expect(done).toEqual(expected)
  })

  test('can not be used where nobody has what is missing in it', async () => {
    const { log } = opened([3, 6], 7)
    const message = 'The metadata log lacks records before 6, and the latest snapshot ends at 3'
    await expect(mendHoles(log, [3])).rejects.toThrow(message)
  })
})
