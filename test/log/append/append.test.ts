import { readFileSync } from 'node:fs'
import {
  batchAttributes,
  batchCrc,
  batchMaxTimestamp,
  readBatches,
  readRecords,
  setBatchCrc,
  setBatchMaxTimestamp,
  timestampType,
} from '../../../protocol/records/batch.ts'
import { buildBatch } from '../../../protocol/records/batch.ts'
import { COMPRESSION_TYPES, type CompressionType } from '../../../protocol/records/codecs.ts'
import type { AppendResult } from '../../../src/log/base/results.ts'
import { useTemporaryDirectories } from '../../support/temporary.ts'
import { append, batchOf, codecs, follow, openLog, readAll } from '../support.ts'

const temporaryDirectory = useTemporaryDirectories()

test.each<[string, () => Buffer, string]>([
  ['cut off', () => batchOf(1).subarray(0, -1), 'INVALID_RECORD'],
  ['of another checksum', () => Buffer.from(batchOf(1).fill(0xff, 70)), 'CORRUPT_MESSAGE'],
  ['of magic 1', () => Buffer.from(batchOf(1)).fill(1, 16, 17), 'INVALID_RECORD'],
  ['of magic 3', () => Buffer.from(batchOf(1)).fill(3, 16, 17), 'CORRUPT_MESSAGE'],
  ['none', () => Buffer.alloc(0), 'INVALID_RECORD'],
  ['a control batch', () => batchOf(1, 1, { isControl: true }), 'INVALID_RECORD'],
  ['with a base offset', () => batchOf(1, 1, { baseOffset: 5 }), 'INVALID_RECORD'],
  ['too large', () => batchOf(1, 2_000_000), 'MESSAGE_TOO_LARGE'],
  [
    'of the far future',
    () => batchOf(1, 1, { timestamp: Date.now() + 7_200_000 }),
    'INVALID_TIMESTAMP',
  ],
])('a batch that is %s is refused and nothing changes', async (_, build, errorCode) => {
  const { log } = await openLog(temporaryDirectory())
  expect(await append(log, build())).toMatchObject({ errorCode, baseOffset: -1, lastOffset: -1 })
  expect(log.logEndOffset).toBe(0)
  expect((await append(log, batchOf(1))).baseOffset).toBe(0)
})

test('more bytes than a segment are refused', async () => {
  const { log } = await openLog(temporaryDirectory(), { config: { segmentBytes: 1000 } })
  expect((await append(log, batchOf(2, 1000))).errorCode).toBe('RECORD_LIST_TOO_LARGE')
})

test('a batch that is more than its segment may have by now is written to one of its own', async () => {
  const { log } = await openLog(temporaryDirectory(), { config: { segmentBytes: 2000 } })
  const appended = [append(log, batchOf(1, 1000)), append(log, batchOf(1, 900))]
  log.updateConfig({ ...log.config, segmentBytes: 500 })
  expect((await Promise.all(appended)).map(({ errorCode }) => errorCode)).toEqual(['NONE', 'NONE'])
  expect(log.segmentCount).toBe(2)
})

test('where segment.index.bytes leaves room for no entry, each batch has a segment', async () => {
  const { log } = await openLog(temporaryDirectory(), { config: { segmentIndexBytes: 4 } })
  for (let each = 0; each < 3; each++) {
    expect((await append(log, batchOf(2))).errorCode).toBe('NONE')
  }
  expect(log.segmentCount).toBe(3)
  expect((await readAll(log, 5)).sizeBytes).toBe(batchOf(2).length)
})

test('a compacted topic names the records that have no key', async () => {
  const { log } = await openLog(temporaryDirectory(), { config: { compacted: true } })
  const records = [
    { timestamp: 1, key: Buffer.from('k'), value: null },
    { timestamp: 1, key: null, value: null },
  ]
  const result = await append(log, buildBatch({ records }, codecs))
  expect(result.errorCode).toBe('INVALID_RECORD')
  expect(result.recordErrors.map((each) => each.batchIndex)).toEqual([1])
  expect((await append(log, buildBatch({ records: records.slice(0, 1) }, codecs))).errorCode).toBe(
    'NONE',
  )
})

test('with LogAppendTime a producer may not claim it; the first thousand records are named', async () => {
  const { log } = await openLog(temporaryDirectory(), {
    config: { messageTimestampType: 'LogAppendTime' },
  })
  const claims = batchOf(1500)
  setBatchMaxTimestamp(claims, 0, 'LogAppendTime', 5n)
  setBatchCrc(claims, 0, codecs.crc32c)
  const result = await append(log, claims)
  expect([result.errorCode, result.recordErrors.length]).toEqual(['INVALID_TIMESTAMP', 1000])
})

test('with LogAppendTime the batch has the broker’s time, and says so', async () => {
  const { log } = await openLog(temporaryDirectory(), {
    config: { messageTimestampType: 'LogAppendTime' },
  })
  const before = Date.now()
  const result = await append(log, batchOf(3, 5, { timestamp: 1000 }))
  expect(result.logAppendTimeMs).toBeGreaterThanOrEqual(before)
  const { bytes } = await readAll(log, 0)
  expect(timestampType(batchAttributes(bytes, 0))).toBe('LogAppendTime')
  expect(Number(batchMaxTimestamp(bytes, 0))).toBe(result.logAppendTimeMs)
  expect(codecs.crc32c(bytes.subarray(21))).toBe(batchCrc(bytes, 0))
  for (const record of readRecords(bytes, codecs)) {
    expect(Number(record.timestamp)).toBe(result.logAppendTimeMs)
  }
})

test.each(['none', 'gzip', 'zstd'] as const)(
  'a greatest timestamp that the client left unset is found (%s)',
  async (compression) => {
    const { log } = await openLog(temporaryDirectory())
    const batch = batchOf(3, 5, { timestamp: 5000, compression })
    setBatchMaxTimestamp(batch, 0, 'CreateTime', -1n)
    setBatchCrc(batch, 0, codecs.crc32c)
    await append(log, batch)
    const { bytes } = await readAll(log, 0)
    expect(batchMaxTimestamp(bytes, 0)).toBe(5002n)
    expect(codecs.crc32c(bytes.subarray(21))).toBe(batchCrc(bytes, 0))
  },
)

test('appends are reported in order, also where some go to the thread pool', async () => {
  const { log } = await openLog(temporaryDirectory())
  const order: number[] = []
  const results: Promise<AppendResult>[] = []
  for (let index = 0; index < 30; index++) {
    const done = append(log, batchOf(1 + (index % 3), index % 4 === 0 ? 230_000 : 10))
    results.push(done)
    void done.then((result) => order.push(result.baseOffset))
    if (index % 7 === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  const offsets = (await Promise.all(results)).map((each) => each.baseOffset)
  expect(order).toEqual(offsets)
  expect([...offsets].sort((one, other) => one - other)).toEqual(offsets)
  expect([...readBatches((await readAll(log, 0, { maxBytes: 1 << 24 })).bytes)]).toHaveLength(30)
})

test('one who is told of the end of an append may append again at once', async () => {
  const { log } = await openLog(temporaryDirectory())
  let left = 50
  await new Promise<void>((resolve) => {
    const again = (): void =>
      left-- === 0 ? resolve() : log.append(batchOf(1), 0, 'client', again)
    again()
  })
  expect(log.logEndOffset).toBe(50)
})

test('a follower keeps offsets and epochs, leaves out a cut batch, and refuses what does not follow', async () => {
  const leader = (await openLog(temporaryDirectory())).log
  await append(leader, batchOf(3), { epoch: 2 })
  await append(leader, batchOf(3), { epoch: 4 })
  const { bytes } = await readAll(leader, 0)
  const { log } = await openLog(temporaryDirectory())
  expect(await follow(log, Buffer.from(bytes.subarray(0, -5)))).toMatchObject({
    errorCode: 'NONE',
    lastOffset: 2,
  })
  expect(await follow(log, Buffer.from(bytes))).toMatchObject({ errorCode: 'UNKNOWN_SERVER_ERROR' })
  const rest = [...readBatches(bytes)][1]!
  expect(await follow(log, Buffer.from(rest))).toMatchObject({ errorCode: 'NONE', baseOffset: 3 })
  expect((await readAll(log, 0)).bytes.equals(bytes)).toBe(true)
  expect([log.epochAt(2), log.epochAt(3), log.latestEpoch]).toEqual([2, 4, 4])
  const rotten = Buffer.from(batchOf(1, 5, { baseOffset: 6 }))
  rotten[65]! ^= 1
  expect((await follow(log, rotten)).errorCode).toBe('CORRUPT_MESSAGE')
})

test('with flush.messages an append is reported after its flush, and one fsync serves all that wait', async () => {
  const { log } = await openLog(temporaryDirectory(), { config: { flushMessages: 1 } })
  const results = await Promise.all([1, 2, 3].map(() => append(log, batchOf(1))))
  expect(results.map((each) => each.baseOffset)).toEqual([0, 1, 2])
  expect(log.recoveryPoint).toBe(3)
})

test('with flush.ms a flush comes by itself', async () => {
  const { log } = await openLog(temporaryDirectory(), { config: { flushMs: 5 } })
  await append(log, batchOf(2))
  expect(log.recoveryPoint).toBe(0)
  while (log.recoveryPoint < 2) await new Promise((resolve) => setTimeout(resolve, 2))
})

describe('the greatest timestamp of a batch is that of its records, whatever the header says', () => {
  const DAY = 86_400_000
  const now = Date.now()
  const batchWith = (
    timestamps: readonly (number | bigint)[],
    header: number | bigint,
    compression: CompressionType = 'none',
  ): Buffer => {
    const records = timestamps.map((timestamp) => ({
      timestamp,
      key: null,
      value: Buffer.from('v'),
    }))
    const batch = buildBatch({ records, compression }, codecs)
    setBatchMaxTimestamp(batch, 0, 'CreateTime', BigInt(header))
    setBatchCrc(batch, 0, codecs.crc32c)
    return batch
  }

  describe.each(COMPRESSION_TYPES)('%s', (compression) => {
    test.each<[string, readonly (number | bigint)[], number, bigint]>([
      [
        'kafkajs: one time of eight days ago, one of now',
        [now - 8 * DAY, now],
        now - 8 * DAY,
        BigInt(now),
      ],
      ['librdkafka: no times at all, and a greatest one of 0', [-1, -1], 0, -1n],
      ['the last record’s, where an earlier one is later', [now, now - 5], now - 5, BigInt(now)],
      ['one later than any record', [now - 5, now - 9], now, BigInt(now - 5)],
      ['records of before 1970', [-7, -5], 0, -1n],
    ])('%s', async (_, timestamps, header, greatest) => {
      const { log } = await openLog(temporaryDirectory())
      const batch = batchWith(timestamps, header, compression)
      expect((await append(log, batch)).errorCode).toBe('NONE')
      const { bytes } = await readAll(log, 0)
      expect(batchMaxTimestamp(bytes, 0)).toBe(greatest)
      expect(codecs.crc32c(bytes.subarray(21))).toBe(batchCrc(bytes, 0))
    })
  })

  test('so fresh records outlive the check of retention, and look-ups find them', async () => {
    const { log } = await openLog(temporaryDirectory())
    await append(log, batchWith([now - 8 * DAY, now], now - 8 * DAY))
    await append(log, batchWith([-1, -1], 0))
    log.setHighWatermark(4)
    await log.deleteOldSegments()
    expect(log.logStartOffset).toBe(0)
    expect(await log.offsetForTimestamp(BigInt(now))).toMatchObject({ offset: 1 })
    expect(await log.latestTimestamp()).toMatchObject({ offset: 1, timestamp: BigInt(now) })
  })

  test('a log whose records have no timestamps says its first record is the latest', async () => {
    const { log } = await openLog(temporaryDirectory())
    await append(log, batchWith([-1, -1], 0))
    await append(log, batchWith([-1, -1], 0))
    expect(await log.latestTimestamp()).toEqual({ offset: 0, timestamp: -1n, leaderEpoch: 0 })
    log.setHighWatermark(4)
    await log.deleteRecordsBefore(3)
    expect(await log.latestTimestamp()).toMatchObject({ offset: 3, timestamp: -1n })
  })

  test('the latest record is the first of those that have its time, in whichever segment', async () => {
    const config = { segmentBytes: 200 }
    const { log } = await openLog(temporaryDirectory(), { config })
    for (const timestamp of [now - 5, now, now, now - 1, now]) {
      await append(log, batchOf(1, 100, { timestamp }))
    }
    expect(log.segmentCount).toBe(5)
    expect(await log.latestTimestamp()).toMatchObject({ offset: 1, timestamp: BigInt(now) })
  })

  test('it is exact beyond 2^53', async () => {
    const config = { messageTimestampAfterMaxMs: Infinity }
    const { log } = await openLog(temporaryDirectory(), { config })
    const far = 2n ** 53n + 1n
    for (const timestamps of [
      [5, far],
      [far, 5],
      [far, far - 1n],
    ]) {
      await append(log, batchWith(timestamps, 0))
    }
    const { bytes } = await readAll(log, 0)
    expect(Array.from(readBatches(bytes), (batch) => batchMaxTimestamp(batch, 0))).toEqual([
      far,
      far,
      far,
    ])
  })
})

test.each([0, 1, 2])('a timestamp out of bounds is found and named: record %i', async (wrong) => {
  const config = { messageTimestampBeforeMaxMs: 60_000 }
  const { log } = await openLog(temporaryDirectory(), { config })
  for (const compression of ['none', 'lz4'] as const) {
    const timestamps = [0, 1, 2].map((index) => Date.now() - (index === wrong ? 70_000 : 0))
    const records = timestamps.map((timestamp) => ({ timestamp, key: null, value: null }))
    const result = await append(log, buildBatch({ records, compression }, codecs))
    expect(result).toMatchObject({
      errorCode: 'INVALID_TIMESTAMP',
      errorMessage: 'One or more records have been rejected due to invalid timestamp',
      recordErrors: [
        {
          batchIndex: wrong,
          batchIndexErrorMessage: expect.stringMatching(
            new RegExp(
              `^Timestamp ${timestamps[wrong]} of message with offset ${wrong} is out of range. The timestamp should be within \\[\\d+, \\d+\\]$`,
            ),
          ) as unknown,
        },
      ],
    })
  }
})

test('a batch of exactly max.message.bytes is taken, one of a byte more is not', async () => {
  const { log } = await openLog(temporaryDirectory(), { config: { maxMessageBytes: 1000 } })
  const largest = batchOf(1, 1000 - batchOf(1, 200).length + 200)
  expect(largest.length).toBe(1000)
  expect((await append(log, largest)).errorCode).toBe('NONE')
  expect((await append(log, batchOf(1, 1001 - batchOf(1, 200).length + 200))).errorCode).toBe(
    'MESSAGE_TOO_LARGE',
  )
})

test('max.decompressed.message.bytes holds for each record of a compressed batch', async () => {
  const { log } = await openLog(temporaryDirectory(), {
    config: { maxDecompressedMessageBytes: 100 },
  })
  // A record without key and headers has six bytes beside a value of so many.
  const recordOf = (bodyBytes: number, compression: CompressionType) =>
    batchOf(1, bodyBytes - 7, { compression })
  for (const compression of COMPRESSION_TYPES) {
    expect((await append(log, recordOf(100, compression))).errorCode).toBe('NONE')
    const { errorCode } = await append(log, recordOf(101, compression))
    expect([compression, errorCode]).toEqual([
      compression,
      compression === 'none' ? 'NONE' : 'INVALID_RECORD',
    ])
  }
})

test('appends of one turn that each need a segment of their own are in it', async () => {
  const path = temporaryDirectory()
  const { manager, log } = await openLog(path, { config: { segmentBytes: batchOf(10).length } })
  const results = await Promise.all([1, 2, 3].map(() => append(log, batchOf(10))))
  expect(results.map(({ baseOffset }) => baseOffset)).toEqual([0, 10, 20])
  expect(log.segmentCount).toBe(3)
  for (const offset of [0, 10, 20])
    expect((await readAll(log, offset)).bytes.length).toBe(batchOf(10).length)
  await manager.close()
  for (const offset of [0, 10, 20]) {
    const file = `${path}/t-0/${String(offset).padStart(20, '0')}.log`
    expect(readFileSync(file).readBigInt64BE(0)).toBe(BigInt(offset))
  }
})

test('an epoch of a leader begins with its own first batch, wherever that is in what a follower takes', async () => {
  const { log } = await openLog(temporaryDirectory())
  const batches = [1, 2].map((leaderEpoch, index) =>
    batchOf(10, 10, { leaderEpoch, baseOffset: index * 10 }),
  )
  expect((await follow(log, Buffer.concat(batches))).errorCode).toBe('NONE')
  expect(log.endOffsetForEpoch(1)).toEqual({ leaderEpoch: 1, endOffset: 10 })
  expect([log.epochAt(9), log.epochAt(10)]).toEqual([1, 2])
})

describe.each(COMPRESSION_TYPES)(
  'with LogAppendTime, of batches with compression %s',
  (compression) => {
    const record = { key: null, value: Buffer.alloc(500, 7), timestamp: 1000n, headers: [] }
    const damages: [string, (batch: Buffer) => void][] = [
      ['whose records can’t be decoded', (batch) => void batch.fill(0xff, 61)],
      [
        'with another count of records than they say',
        (batch) => {
          batch.writeInt32BE(2, 23)
          batch.writeInt32BE(3, 57)
        },
      ],
    ]
    test.each(damages)('those %s are refused, as with CreateTime', async (_, damage) => {
      const { log } = await openLog(temporaryDirectory(), {
        config: { messageTimestampType: 'LogAppendTime' },
      })
      const batch = Buffer.from(buildBatch({ records: [record], compression }, codecs))
      damage(batch)
      setBatchCrc(batch, 0, codecs.crc32c)
      expect((await append(log, batch)).errorCode).toBe('INVALID_RECORD')
      expect(log.logEndOffset).toBe(0)
    })
  },
)
