import type { ReadResult } from '../../src/log/base/results.ts'
import type { Log } from '../../src/log/log.ts'
import { readForFollower } from '../../src/quorum/replica-log.ts'

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
