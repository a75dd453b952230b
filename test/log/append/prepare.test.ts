import {
  batchAttributes,
  batchBaseOffset,
  batchCrc,
  batchMaxTimestamp,
  batchSizeBytes,
  buildBatch,
  readBatches,
  setBatchCrc,
  setBatchMaxTimestamp,
  timestampType,
  type TimestampType,
} from '../../../protocol/records/batch.ts'
import { useTemporaryDirectories } from '../../support/temporary.ts'
import { append, batchOf, codecs, follow, markerOf, openLog, readAll } from '../support.ts'

const temporaryDirectory = useTemporaryDirectories()
const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

/** The batch, but its header says another greatest timestamp, and of which kind it is. */
function claiming(batch: Buffer, type: TimestampType, timestamp: number): Buffer {
  setBatchMaxTimestamp(batch, 0, type, BigInt(timestamp))
  setBatchCrc(batch, 0, codecs.crc32c)
  return batch
}

test('batches of one append follow each other, and each is corrected where it stands', async () => {
  const { log } = await openLog(temporaryDirectory())
  const now = Date.now()
  const batches = [now - 5, now - 50, now].map((timestamp) =>
    claiming(batchOf(1, 10, { timestamp }), 'CreateTime', 7),
  )
  expect(await append(log, Buffer.concat(batches))).toMatchObject({ baseOffset: 0, lastOffset: 2 })
  const stored = [...readBatches((await readAll(log, 0)).bytes)]
  expect(stored.map((batch) => batchBaseOffset(batch, 0))).toEqual([0, 1, 2])
  for (const [index, batch] of stored.entries()) {
    expect(batchMaxTimestamp(batch, 0)).toBe(BigInt(now - [5, 50, 0][index]!))
    const bytes = batch.subarray(21, batchSizeBytes(batch, 0))
    expect(codecs.crc32c(bytes)).toBe(batchCrc(batch, 0))
  }
})

test('a segment ends by the latest time of an append, also where its last batch is earlier', async () => {
  const { log } = await openLog(temporaryDirectory(), { config: { segmentMs: HOUR_MS } })
  const [now, earlier] = [Date.now(), Date.now() - 2 * HOUR_MS]
  await append(log, batchOf(1, 10, { timestamp: earlier }))
  await append(log, batchOf(1, 10, { timestamp: earlier }))
  expect(log.segmentCount).toBe(1)
  const both = [now, earlier].map((timestamp) => batchOf(1, 10, { timestamp }))
  await append(log, Buffer.concat(both))
  expect(log.segmentCount).toBe(2)
})

test('an append of exactly segment.bytes is taken, one of a byte more is not', async () => {
  const segmentBytes = batchOf(1, 500).length
  const { log } = await openLog(temporaryDirectory(), { config: { segmentBytes } })
  expect((await append(log, batchOf(1, 500))).errorCode).toBe('NONE')
  expect((await append(log, batchOf(1, 501))).errorCode).toBe('RECORD_LIST_TOO_LARGE')
})

test('max.message.bytes holds for clients and coordinators, and not for the metadata log', async () => {
  const { log } = await openLog(temporaryDirectory(), { config: { maxMessageBytes: 1000 } })
  const outcomes = []
  for (const origin of ['client', 'coordinator', 'raft'] as const) {
    outcomes.push((await append(log, batchOf(1, 2000), { origin })).errorCode)
  }
  expect(outcomes).toEqual(['MESSAGE_TOO_LARGE', 'MESSAGE_TOO_LARGE', 'NONE'])
})

test('a setting that is changed holds for the next append, and for clients alone where it is theirs', async () => {
  const { log } = await openLog(temporaryDirectory())
  const old = () => batchOf(1, 10, { timestamp: Date.now() - DAY_MS })
  const outcome = async (origin: 'client' | 'coordinator') =>
    (await append(log, old(), { origin })).errorCode
  expect(await outcome('client')).toBe('NONE')
  log.updateConfig({ ...log.config, messageTimestampBeforeMaxMs: HOUR_MS })
  expect(await outcome('client')).toBe('INVALID_TIMESTAMP')
  expect(await outcome('coordinator')).toBe('NONE')
  expect(await outcome('client')).toBe('INVALID_TIMESTAMP')
})

test('a batch that claims LogAppendTime is taken where the topic has CreateTime, and keeps its records’ times', async () => {
  const { log } = await openLog(temporaryDirectory())
  const timestamp = Date.now() - 1000
  const claims = claiming(batchOf(1, 10, { timestamp }), 'LogAppendTime', timestamp)
  expect(await append(log, claims)).toMatchObject({ errorCode: 'NONE', logAppendTimeMs: -1 })
  const { bytes } = await readAll(log, 0)
  expect(timestampType(batchAttributes(bytes, 0))).toBe('CreateTime')
  expect(batchMaxTimestamp(bytes, 0)).toBe(BigInt(timestamp))
  expect(codecs.crc32c(bytes.subarray(21))).toBe(batchCrc(bytes, 0))
})

test('where the topic has LogAppendTime, the records’ own times may be any', async () => {
  const { log } = await openLog(temporaryDirectory(), {
    config: {
      messageTimestampType: 'LogAppendTime',
      messageTimestampBeforeMaxMs: 1000,
      messageTimestampAfterMaxMs: 1000,
      compacted: true,
    },
  })
  for (const timestamp of [Date.now() - DAY_MS, Date.now() + DAY_MS]) {
    // Of a compacted topic the records are walked over, for their keys.
    const record = { timestamp, key: Buffer.from('k'), value: null }
    const keyed = buildBatch({ records: [record] }, codecs)
    expect((await append(log, keyed)).errorCode).toBe('NONE')
  }
})

test('a marker of a transaction keeps the time that its coordinator gave it', async () => {
  const { log } = await openLog(temporaryDirectory(), {
    config: { messageTimestampType: 'LogAppendTime' },
  })
  const marker = claiming(markerOf(7, 'COMMIT'), 'CreateTime', 1234)
  const { errorCode } = await append(log, marker, { origin: 'coordinator' })
  expect(errorCode).toBe('NONE')
  const { bytes } = await readAll(log, 0)
  expect(timestampType(batchAttributes(bytes, 0))).toBe('CreateTime')
  expect(batchMaxTimestamp(bytes, 0)).toBe(1234n)
})

test('a follower refuses the offset that it has last, takes the next, and one with a gap before it', async () => {
  const { log } = await openLog(temporaryDirectory())
  const outcomes = []
  for (const baseOffset of [0, 2, 3, 9]) {
    outcomes.push((await follow(log, batchOf(3, 10, { baseOffset }))).errorCode)
  }
  expect(outcomes).toEqual(['NONE', 'UNKNOWN_SERVER_ERROR', 'NONE', 'NONE'])
  expect(log.logEndOffset).toBe(12)
})
