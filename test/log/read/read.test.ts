import {
  batchBaseOffset,
  readBatches,
  setBatchBaseOffset,
} from '../../../protocol/records/batch.ts'
import type { DiskFile } from '../../../src/host/host.ts'
import type { Log } from '../../../src/log/log.ts'
import type { ReadResult } from '../../../src/log/base/results.ts'
import { useTemporaryDirectories } from '../../support/temporary.ts'
import { append, batchOf, follow, openLog, openManager, readAll, realHost } from '../support.ts'

const temporaryDirectory = useTemporaryDirectories()

const isPromise = (value: ReadResult | Promise<ReadResult>): boolean => value instanceof Promise

/** Ten batches of ten records, in several segments. */
async function filled(config = {}): Promise<Log> {
  const { log } = await openLog(temporaryDirectory(), {
    config: { segmentBytes: 1500, indexIntervalBytes: 200, ...config },
  })
  for (let index = 0; index < 10; index++) {
    await append(log, batchOf(10, 20, { timestamp: 10_000 * (index + 1) }), {
      epoch: Math.floor(index / 4),
    })
  }
  log.setHighWatermark(100)
  return log
}

test('an offset below the start or above the end is out of range; at the end there is nothing yet', async () => {
  const log = await filled()
  expect((await readAll(log, 101)).errorCode).toBe('OFFSET_OUT_OF_RANGE')
  expect(await readAll(log, 100)).toMatchObject({
    errorCode: 'NONE',
    sizeBytes: 0,
    logEndOffset: 100,
  })
  expect(log.deleteRecordsBefore(25)).toBe('NONE')
  expect((await readAll(log, 24)).errorCode).toBe('OFFSET_OUT_OF_RANGE')
  expect((await readAll(log, 25)).sizeBytes).toBeGreaterThan(0)
})

test('consumers stop at the high watermark, replicas at the end', async () => {
  const log = await filled({ segmentBytes: 1_000_000 })
  log.setHighWatermark(40)
  const toConsumer = await readAll(log, 20, { upTo: 'highWatermark' })
  expect([...readBatches(toConsumer.bytes)]).toHaveLength(2)
  expect(await readAll(log, 40, { upTo: 'highWatermark' })).toMatchObject({
    errorCode: 'NONE',
    sizeBytes: 0,
  })
  expect([...readBatches((await readAll(log, 20)).bytes)]).toHaveLength(8)
})

test('only whole batches are read; the first one is, however large, where one is wanted', async () => {
  const log = await filled({ segmentBytes: 1_000_000 })
  const one = (await readAll(log, 0, { maxBytes: 1 })).sizeBytes
  expect(one).toBeGreaterThan(61)
  expect((await readAll(log, 0, { maxBytes: 1, minOne: false })).sizeBytes).toBe(0)
  expect((await readAll(log, 0, { maxBytes: 3 * one - 1 })).sizeBytes).toBe(2 * one)
  expect((await readAll(log, 0, { maxBytes: 3 * one })).sizeBytes).toBe(3 * one)
})

test('a first batch that is larger than the reader has memory for is left, wherever its length is known from', async () => {
  const log = await filled({ segmentBytes: 1_000_000 })
  const one = (await readAll(log, 0, { maxBytes: 1 })).sizeBytes
  const sizeOf = async (offset: number, greatestFirstBytes: number): Promise<number> => {
    const read = await log.read(offset, 1, 'logEnd', true, greatestFirstBytes)
    read.release()
    return read.sizeBytes
  }
  // At 10 a reader has been before, who has seen the header there.
  for (const offset of [0, 10, 50]) {
    expect(await sizeOf(offset, one - 1)).toBe(0)
    expect(await sizeOf(offset, one)).toBe(one)
  }
})

test('a reader at the end gets what was just appended without a read of the file', async () => {
  const log = await filled()
  await readAll(log, 100)
  await append(log, batchOf(3, 7))
  await append(log, batchOf(2, 7))
  const read = log.read(102, 1 << 20, 'logEnd', true)
  expect(isPromise(read)).toBe(false)
  const { chunks, sizeBytes, release } = await read
  const bytes = Buffer.concat(chunks)
  expect(bytes.length).toBe(sizeBytes)
  expect([...readBatches(bytes)].map((batch) => Number(batch.readBigInt64BE(0)))).toEqual([
    100, 103,
  ])
  release()
  release()
  const fromTheFile = await log.read(99, 1 << 20, 'logEnd', true)
  expect(fromTheFile.sizeBytes).toBeGreaterThan(0)
})

test('a reader at offsets that are missing between two appends gets what comes behind them', async () => {
  const { log } = await openLog(temporaryDirectory())
  await readAll(log, 0)
  for (const offset of [0, 10]) {
    const batch = batchOf(1, 20_000)
    setBatchBaseOffset(batch, 0, offset)
    await follow(log, batch)
  }
  const read = log.read(1, 1 << 20, 'logEnd', true) as ReadResult
  expect(read.chunks.map((chunk) => batchBaseOffset(chunk, 0))).toEqual([10])
  read.release()
})

test('what is read keeps its bytes until it is released, however much is appended', async () => {
  const { log } = await openLog(temporaryDirectory(), { tailCacheBytes: 1024 * 1024 })
  await readAll(log, 0)
  await append(log, batchOf(1, 100_000))
  const read = await log.read(0, 1 << 20, 'logEnd', true)
  const before = Buffer.concat(read.chunks)
  for (let index = 0; index < 30; index++) await append(log, batchOf(1, 100_000 + index))
  expect(Buffer.concat(read.chunks).equals(before)).toBe(true)
  expect((await readAll(log, 0)).bytes.subarray(0, before.length).equals(before)).toBe(true)
})

/** Serves a reader one batch after the other, and says of each read whether it had to wait. */
async function waits(log: Log, batches: number): Promise<boolean[]> {
  const waited: boolean[] = []
  for (let offset = 0; waited.length < batches; offset++) {
    const read = log.read(offset, 110_000, 'logEnd', true)
    waited.push(isPromise(read))
    const { sizeBytes, release } = await read
    expect(sizeBytes).toBeGreaterThan(100_000)
    release()
  }
  return waited
}

test('who begins at a segment, or reads on through all of them, is served at once; a look-up waits', async () => {
  const config = { segmentBytes: 250_000 }
  const { log } = await openLog(temporaryDirectory(), { config })
  for (let index = 0; index < 6; index++) await append(log, batchOf(1, 100_000))
  expect(log.segmentCount).toBe(3)
  expect(isPromise(log.read(1, 110_000, 'logEnd', true))).toBe(true)
  expect(await waits(log, 6)).toEqual([false, false, false, false, false, false])
})

test('of batches whose length is known no part is read that could not be given', async () => {
  const host = realHost()
  const read: number[] = []
  const counting = (file: DiskFile): DiskFile => ({
    ...file,
    path: file.path,
    size: () => file.size(),
    readSync: (target, position) => {
      read.push(target.length)
      return file.readSync(target, position)
    },
    read: (target, position) => file.read(target, position),
    writeSync: (chunks, position) => file.writeSync(chunks, position),
    truncate: (length) => file.truncate(length),
    sync: () => file.sync(),
    close: () => file.close(),
  })
  const disk = {
    ...host.disk,
    open: (path: string, mode: 'read' | 'write' | 'create') =>
      path.endsWith('.log') ? counting(host.disk.open(path, mode)) : host.disk.open(path, mode),
  }
  const { log } = await openLog(temporaryDirectory(), { host: { ...host, disk } })
  const oneBatchBytes = batchOf(1, 100_000).length
  for (let index = 0; index < 8; index++) await append(log, batchOf(1, 100_000))
  const bytesOf = async (offset: number, maxBytes: number, minOne: boolean): Promise<number> =>
    (await log.read(offset, maxBytes, 'logEnd', minOne)).sizeBytes
  expect(await bytesOf(0, 150_000, true)).toBe(oneBatchBytes)
  read.length = 0
  expect(await bytesOf(1, 250_000, true)).toBe(2 * oneBatchBytes)
  expect(read).toEqual([2 * oneBatchBytes + 61])
  expect(await bytesOf(3, 50_000, false)).toBe(0)
  expect(await bytesOf(3, 50_000, true)).toBe(oneBatchBytes)
  expect(read).toEqual([2 * oneBatchBytes + 61, oneBatchBytes])
})

test('a reader whose bytes come slowly is left to the thread pool', async () => {
  const host = realHost()
  let now = 0
  // Each look at the clock is 2 ms after the last one: every read is slow.
  const clock = { ...host.clock, monotonic: () => (now += 2) }
  const { log } = await openLog(temporaryDirectory(), { host: { ...host, clock } })
  for (let index = 0; index < 10; index++) await append(log, batchOf(1, 100_000))
  const waited = await waits(log, 10)
  expect(waited.slice(0, 4)).toEqual([false, false, false, true])
  expect(waited.slice(4)).not.toContain(false)
  // So is whoever comes to another place.
  const elsewhere = log.read(0, 110_000, 'logEnd', true)
  expect(isPromise(elsewhere)).toBe(true)
  expect((await elsewhere).sizeBytes).toBeGreaterThan(100_000)
})

test('many segments are read to the end, also when few files may be open', async () => {
  const path = temporaryDirectory()
  const { log, manager } = await openLog(path, {
    config: { segmentBytes: 1000 },
    maxOpenFiles: 3,
    coldIndexBytes: 100,
  })
  for (let index = 0; index < 40; index++) await append(log, batchOf(10, 50))
  await manager.close()
  const again = openManager(path, { maxOpenFiles: 3, coldIndexBytes: 100 }).get('t', 0)!
  for (let offset = 0; offset < 400;) {
    const { bytes, errorCode } = await readAll(again, offset)
    expect(errorCode).toBe('NONE')
    offset += 10 * [...readBatches(bytes)].length
  }
})

test('a time is found to the record', async () => {
  const log = await filled()
  expect(await log.offsetForTimestamp(30_004n)).toEqual({
    offset: 24,
    timestamp: 30_004n,
    leaderEpoch: 0,
  })
  expect(await log.offsetForTimestamp(30_010n)).toEqual({
    offset: 30,
    timestamp: 40_000n,
    leaderEpoch: 0,
  })
  expect(await log.offsetForTimestamp(0n)).toEqual({
    offset: 0,
    timestamp: 10_000n,
    leaderEpoch: 0,
  })
  expect(await log.offsetForTimestamp(100_010n)).toBeNull()
  expect(await log.latestTimestamp()).toEqual({ offset: 99, timestamp: 100_009n, leaderEpoch: 2 })
  log.deleteRecordsBefore(33)
  expect(await log.offsetForTimestamp(0n)).toEqual({
    offset: 33,
    timestamp: 40_003n,
    leaderEpoch: 0,
  })
  expect(log.earliest()).toEqual({ offset: 33, timestamp: -1n, leaderEpoch: 0 })
})

test('times beyond 2^53 are compared exactly', async () => {
  const { log } = await openLog(temporaryDirectory(), {
    config: { messageTimestampAfterMaxMs: Infinity },
  })
  const nanoseconds = 1_700_000_000_000_000_001n
  const { buildBatch } = await import('../../../protocol/records/batch.ts')
  const { codecs } = await import('../support.ts')
  const records = [0n, 1n, 2n].map((more) => ({
    timestamp: nanoseconds + more,
    key: null,
    value: null,
  }))
  await append(log, buildBatch({ records }, codecs))
  expect(await log.offsetForTimestamp(nanoseconds + 1n)).toMatchObject({
    offset: 1,
    timestamp: nanoseconds + 1n,
  })
  expect(await log.latestTimestamp()).toMatchObject({ offset: 2 })
})

test('an epoch ends where the next one begins', async () => {
  const log = await filled()
  expect(log.endOffsetForEpoch(0)).toEqual({ leaderEpoch: 0, endOffset: 40 })
  expect(log.endOffsetForEpoch(2)).toEqual({ leaderEpoch: 2, endOffset: 100 })
  expect(log.endOffsetForEpoch(3)).toEqual({ leaderEpoch: -1, endOffset: -1 })
})

test('DeleteRecords removes the segments that are wholly below, and never more than is replicated', async () => {
  const log = await filled()
  const before = log.segmentCount
  log.setHighWatermark(60)
  expect(log.deleteRecordsBefore(61)).toBe('OFFSET_OUT_OF_RANGE')
  expect(log.deleteRecordsBefore(-1)).toBe('NONE')
  expect(log.logStartOffset).toBe(60)
  expect(log.segmentCount).toBeLessThan(before)
  expect(log.firstSegmentOffset).toBeLessThanOrEqual(60)
  expect(log.deleteRecordsBefore(10)).toBe('NONE')
  expect(log.logStartOffset).toBe(60)
})

test('an epoch without a record goes with a truncation to the end, where nothing else is cut', async () => {
  const log = await filled()
  const { latestEpoch, logEndOffset } = log
  log.beginEpoch(9)
  expect(log.latestEpoch).toBe(9)
  await log.truncateTo(logEndOffset)
  expect(log).toMatchObject({ latestEpoch, logEndOffset })
})

test('a truncated log goes on where it was cut, with the producers and epochs of then', async () => {
  const log = await filled()
  const producer = { producerId: 3, producerEpoch: 0 }
  await append(log, batchOf(5, 9, { ...producer, baseSequence: 0 }), { epoch: 5 })
  await append(log, batchOf(5, 9, { ...producer, baseSequence: 5 }), { epoch: 6 })
  await log.truncateTo(105)
  expect(log).toMatchObject({ logEndOffset: 105, latestEpoch: 5, highWatermark: 100 })
  const next = await append(log, batchOf(5, 9, { ...producer, baseSequence: 5 }), { epoch: 7 })
  expect(next).toMatchObject({ errorCode: 'NONE', baseOffset: 105 })
  await log.truncateTo(35)
  expect(log).toMatchObject({ logEndOffset: 30, highWatermark: 30 })
  expect((await readAll(log, 20)).sizeBytes).toBeGreaterThan(0)
  expect(await log.latestTimestamp()).toMatchObject({ offset: 29 })
  const begun = batchOf(1, 9, { ...producer, baseSequence: 0 })
  expect(await append(log, begun, { epoch: 8 })).toMatchObject({ baseOffset: 30 })
  await log.truncateFullyAndStartAt(500)
  expect(log).toMatchObject({
    logStartOffset: 500,
    logEndOffset: 500,
    highWatermark: 500,
    latestEpoch: -1,
  })
  const again = batchOf(5, 9, { ...producer, baseSequence: 77 })
  expect(await append(log, again, { epoch: 8 })).toMatchObject({ baseOffset: 500 })
})

test('a log that is cut below its start begins where it ends', async () => {
  const { log } = await openLog(temporaryDirectory())
  for (let batch = 0; batch < 3; batch++) await append(log, batchOf(10))
  log.setHighWatermark(30)
  await log.deleteRecordsBefore(25)
  await log.truncateTo(15)
  expect(log).toMatchObject({ logStartOffset: 10, logEndOffset: 10, highWatermark: 10 })
  expect(await append(log, batchOf(1))).toMatchObject({ baseOffset: 10, logStartOffset: 10 })
})

test('a log that is closed under a reader gives it nothing: its name may be that of a new one', async () => {
  const log = await filled()
  const reading = log.read(5, 1000, 'logEnd', true)
  expect(isPromise(reading)).toBe(true)
  log.abandon()
  expect(await reading).toMatchObject({ errorCode: 'KAFKA_STORAGE_ERROR', sizeBytes: 0 })
})

test('what was just appended is read no further than the high watermark, within small appends and between them', async () => {
  const log = await filled()
  const end = log.logEndOffset
  await readAll(log, end)
  for (let each = 0; each < 4; each++) await append(log, batchOf(1))
  for (const [limit, batches] of [
    [0, 0],
    [1, 1],
    [3, 3],
    [4, 4],
  ] as const) {
    log.setHighWatermark(end + limit)
    const { bytes, errorCode } = await readAll(log, end, { upTo: 'highWatermark' })
    expect(errorCode).toBe('NONE')
    expect([limit, [...readBatches(bytes)].length]).toEqual([limit, batches])
  }
})

test('an append tells where the log begins', async () => {
  const log = await filled()
  log.setHighWatermark(50)
  log.deleteRecordsBefore(41)
  expect((await append(log, batchOf(1))).logStartOffset).toBe(41)
  expect((await append(log, Buffer.alloc(5))).logStartOffset).toBe(41)
})
