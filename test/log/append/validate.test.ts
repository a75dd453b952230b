import {
  batchMaxTimestamp,
  batchSizeBytes,
  buildBatch,
  setBatchCrc,
  setBatchMaxTimestamp,
} from '../../../protocol/records/batch.ts'
import type { CompressionType } from '../../../protocol/records/codecs.ts'
import { DEFAULT_LOG_CONFIG, type LogConfig } from '../../../src/log/base/config.ts'
import { validateBatches } from '../../../src/log/append/validate.ts'
import { rulesOf } from '../../../src/log/append/prepare.ts'
import { codecs } from '../support.ts'

const NOW_MS = 1_700_000_000_000
const DAY_MS = 86_400_000

const rules = (config: Partial<LogConfig> = {}) =>
  rulesOf('t-0', { ...DEFAULT_LOG_CONFIG, ...config }, 'client')

const recordOf = (timestamp: number, offset = 0) => ({ timestamp, offset, key: null, value: null })

/** A batch that says another greatest timestamp than its record has. */
function wrongBatch(timestamp: number): Buffer {
  const batch = buildBatch({ records: [recordOf(timestamp)] }, codecs)
  setBatchMaxTimestamp(batch, 0, 'CreateTime', 5n)
  setBatchCrc(batch, 0, codecs.crc32c)
  return batch
}

test('that something was changed is told wherever it was among the batches', () => {
  const right = buildBatch({ records: [recordOf(NOW_MS)] }, codecs)
  const validate = (...batches: Buffer[]) =>
    validateBatches(Buffer.concat(batches), rules(), NOW_MS, codecs) as {
      bytes: Buffer
      isChanged: boolean
    }
  expect(validate(right, right).isChanged).toBe(false)
  const first = validate(wrongBatch(NOW_MS - 1), right)
  expect([first.isChanged, batchMaxTimestamp(first.bytes, 0)]).toEqual([true, BigInt(NOW_MS - 1)])
  const last = validate(right, wrongBatch(NOW_MS - 2))
  const at = batchSizeBytes(last.bytes, 0)
  expect([last.isChanged, batchMaxTimestamp(last.bytes, at)]).toEqual([true, BigInt(NOW_MS - 2)])
})

test.each<[CompressionType, boolean]>([
  ['none', true],
  ['gzip', false],
  ['lz4', false],
])('offsets with gaps within a batch, %s: taken %s', (compression, isTaken) => {
  const records = [recordOf(NOW_MS, 0), recordOf(NOW_MS, 2)]
  const batch = buildBatch({ records, compression }, codecs)
  const zstd = { compression: { type: 'zstd', level: null } } as const
  for (const config of [{}, zstd]) {
    const validated = validateBatches(batch, rules(config), NOW_MS, codecs)
    expect('fault' in validated ? validated.fault.errorCode : 'NONE').toBe(
      isTaken ? 'NONE' : 'INVALID_RECORD',
    )
  }
})

describe('message.timestamp.before.max.ms and message.timestamp.after.max.ms', () => {
  const bounds = { messageTimestampBeforeMaxMs: DAY_MS, messageTimestampAfterMaxMs: 1000 }
  const outcome = (timestamps: readonly number[], config = bounds) => {
    const records = timestamps.map((timestamp, index) => recordOf(timestamp, index))
    const batch = buildBatch({ records }, codecs)
    const validated = validateBatches(batch, rules(config), NOW_MS, codecs)
    if (!('fault' in validated)) return 'NONE'
    const { errorCode, recordErrors } = validated.fault
    return [errorCode, ...(recordErrors ?? []).map(({ batchIndex }) => batchIndex)]
  }

  test('hold for a record of just as long ago or ahead, and not for one of a millisecond more', () => {
    expect(outcome([NOW_MS - DAY_MS])).toBe('NONE')
    expect(outcome([NOW_MS - DAY_MS - 1])).toEqual(['INVALID_TIMESTAMP', 0])
    expect(outcome([NOW_MS + 1000])).toBe('NONE')
    expect(outcome([NOW_MS + 1001])).toEqual(['INVALID_TIMESTAMP', 0])
  })

  test('hold for each record, wherever it is in its batch', () => {
    const old = NOW_MS - 2 * DAY_MS
    expect(outcome([old, NOW_MS, NOW_MS])).toEqual(['INVALID_TIMESTAMP', 0])
    expect(outcome([NOW_MS, old, NOW_MS])).toEqual(['INVALID_TIMESTAMP', 1])
    expect(outcome([NOW_MS, NOW_MS, old])).toEqual(['INVALID_TIMESTAMP', 2])
    expect(outcome([old, NOW_MS + 5000])).toEqual(['INVALID_TIMESTAMP', 0, 1])
  })

  test('hold for none that has no timestamp', () => {
    expect(outcome([-1, NOW_MS, -1])).toBe('NONE')
    expect(outcome([-2])).toEqual(['INVALID_TIMESTAMP', 0])
  })
})
