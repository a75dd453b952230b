import { alignCopy, copyNext } from '../../src/log/copying.ts'
import type { Log } from '../../src/log/log.ts'
import type { LogManager } from '../../src/log/manager.ts'
import { useTemporaryDirectories } from '../support/temporary.ts'
import { SimDisk } from '../../src/host/sim/disk.ts'
import { seeded } from './seeded.ts'
import { append, batchOf, openLog, openManager, readAll, realHost } from './support.ts'

const temporaryDirectory = useTemporaryDirectories()

/** A log, and its empty copy in another directory. */
async function withCopy(): Promise<{ manager: LogManager; source: Log; copy: Log }> {
  const [one, two] = [temporaryDirectory(), temporaryDirectory()]
  const { manager, log } = await openLog(one, {
    directories: [one, two],
    config: { segmentBytes: 1000 },
  })
  const copy = await manager.createFuture(log, manager.directories[1]!)
  return { manager, source: log, copy }
}

async function copyAll(source: Log, copy: Log, maxBytes = 700): Promise<void> {
  while (copy.logEndOffset < source.logEndOffset) await copyNext(source, copy, maxBytes)
}

async function expectSame(source: Log, copy: Log): Promise<void> {
  expect(copy).toMatchObject({
    logStartOffset: source.logStartOffset,
    logEndOffset: source.logEndOffset,
    highWatermark: source.highWatermark,
  })
  for (let offset = source.logStartOffset; offset < source.logEndOffset;) {
    const [here, there] = [await readAll(source, offset), await readAll(copy, offset)]
    const common = Math.min(here.bytes.length, there.bytes.length)
    expect(there.bytes.subarray(0, common).equals(here.bytes.subarray(0, common))).toBe(true)
    offset += 5
  }
}

describe('a copy of a log', () => {
  test('has its batches byte for byte, its producers and epochs, its start and high watermark', async () => {
    const { manager, source, copy } = await withCopy()
    for (let epoch = 1; epoch < 9; epoch++) {
      const producer = { producerId: 7, producerEpoch: 0, baseSequence: (epoch - 1) * 5 }
      await append(source, batchOf(5, 50, producer), { epoch })
    }
    source.setHighWatermark(35)
    source.deleteRecordsBefore(12)
    await copyAll(source, copy)
    expect(await copyNext(source, copy, 700)).toBe(0)
    await expectSame(source, copy)
    expect(copy.endOffsetForEpoch(5)).toEqual(source.endOffsetForEpoch(5))
    expect(copy.producers()).toEqual(source.producers())
    await manager.close()
  })

  test('begins with the batch that the log start is within', async () => {
    const { manager, source, copy } = await withCopy()
    for (let index = 0; index < 6; index++) await append(source, batchOf(10, 50))
    source.setHighWatermark(60)
    source.deleteRecordsBefore(33)
    await copyAll(source, copy)
    expect(copy.firstSegmentOffset).toBe(30)
    await expectSame(source, copy)
    await manager.close()
  })

  test('that is below what was deleted meanwhile goes on behind it', async () => {
    const { manager, source, copy } = await withCopy()
    for (let index = 0; index < 6; index++) await append(source, batchOf(10, 50))
    await copyNext(source, copy, 1)
    expect(copy.logEndOffset).toBe(10)
    source.setHighWatermark(60)
    source.deleteRecordsBefore(40)
    await copyAll(source, copy)
    await expectSame(source, copy)
    await manager.close()
  })

  test('that has more than its log is cut back', async () => {
    const { manager, source, copy } = await withCopy()
    for (let index = 0; index < 3; index++) await append(source, batchOf(5, 50), { epoch: 1 })
    await copyAll(source, copy)
    await source.truncateTo(10)
    await copyNext(source, copy, 700)
    expect(copy.logEndOffset).toBe(10)
    await manager.close()
  })

  test('that has more of an epoch than its log has left is cut back to that', async () => {
    const { manager, source, copy } = await withCopy()
    for (let index = 0; index < 3; index++) await append(source, batchOf(5, 50), { epoch: 1 })
    await copyAll(source, copy)
    await source.truncateTo(10)
    for (let index = 0; index < 2; index++) await append(source, batchOf(5, 60), { epoch: 2 })
    await alignCopy(source, copy)
    expect(copy.logEndOffset).toBe(10)
    await copyAll(source, copy)
    await expectSame(source, copy)
    await manager.close()
  })

  test('whose epochs went another way is cut back to what both have', async () => {
    const { manager, source, copy } = await withCopy()
    for (const epoch of [1, 1, 2, 2]) await append(source, batchOf(5, 50), { epoch })
    await copyAll(source, copy)
    await source.truncateTo(10)
    for (const epoch of [3, 3, 3, 3]) await append(source, batchOf(5, 60), { epoch })
    await alignCopy(source, copy)
    expect(copy.logEndOffset).toBe(10)
    await copyAll(source, copy)
    await expectSame(source, copy)

    await source.truncateFullyAndStartAt(100)
    await alignCopy(source, copy)
    expect([copy.logStartOffset, copy.logEndOffset]).toEqual([100, 100])
    await manager.close()
  })

  test('that has an epoch that its log never had, in place of another, is cut back before both', async () => {
    const { manager, source, copy } = await withCopy()
    for (const epoch of [1, 1, 3, 3]) await append(source, batchOf(5, 50), { epoch })
    await copyAll(source, copy)
    await source.truncateTo(10)
    for (const epoch of [2, 4, 4]) await append(source, batchOf(5, 60), { epoch })
    await alignCopy(source, copy)
    expect(copy.logEndOffset).toBe(10)
    await copyAll(source, copy)
    await expectSame(source, copy)
    await manager.close()
  })

  test('of a log whose directory has failed goes no further', async () => {
    const { manager, source, copy } = await withCopy()
    await append(source, batchOf(5))
    manager.directories[0]!.fail('be tested', new Error('EIO'))
    await expect(copyNext(source, copy, 700)).rejects.toThrow(
      expect.objectContaining({ code: 'KAFKA_STORAGE_ERROR' }),
    )
    await manager.close()
  })

  test('is found again at the next start', async () => {
    const { manager, source, copy } = await withCopy()
    await append(source, batchOf(5))
    await copyAll(source, copy)
    const directories = manager.directories.map(({ path }) => path)
    await manager.close()
    const again = openManager(directories[0]!, { directories })
    expect(again.get('t', 0)!.logEndOffset).toBe(5)
    expect(again.future('t', 0)!.logEndOffset).toBe(5)
    await again.close()
  })

  test('begins where its log does, also where records were deleted after the last part was copied', async () => {
    const { manager, source, copy } = await withCopy()
    for (let index = 0; index < 2; index++) await append(source, batchOf(10, 50))
    await copyAll(source, copy)
    source.setHighWatermark(20)
    source.deleteRecordsBefore(13)
    const log = await manager.promoteFuture(copy)
    expect([log.logStartOffset, log.highWatermark, log.logEndOffset]).toEqual([13, 20, 20])
    await manager.close()
  })

  test('takes the place of its log without taking its files from who reads them', async () => {
    const waiting: (() => void)[] = []
    let isHeld = false
    const later = (work: () => void): void => {
      if (isHeld) waiting.push(work)
      else void Promise.resolve().then(work)
    }
    const disk = new SimDisk({ random: seeded(1), later })
    const host = realHost()
    let nowMs = 0
    // Every step takes long, so that reads are left to the thread pool.
    const clock = { ...host.clock, monotonic: () => (nowMs += 5) }
    const { manager, log: source } = await openLog('/one', {
      host: { ...host, clock, disk },
      directories: ['/one', '/two'],
    })
    const copy = await manager.createFuture(source, manager.directories[1]!)
    await append(source, batchOf(5, 50))
    await copyAll(source, copy)
    await readAll(source, 0)
    isHeld = true
    const reading = source.read(0, 500, 'logEnd', true)
    for (let turn = 0; turn < 20; turn++) await Promise.resolve()
    isHeld = false
    expect(waiting).toHaveLength(1)
    await manager.promoteFuture(copy)
    expect(disk.exists('/one/t-0')).toBe(true)
    for (const work of waiting) work()
    expect(await reading).toMatchObject({ errorCode: 'NONE', logEndOffset: 5 })
    expect((await reading).sizeBytes).toBeGreaterThan(0)
    await source.whenUnread()
    expect(disk.exists('/one/t-0')).toBe(false)
    await manager.close()
  })

  test('takes the place of its log, which who reads it reads to the end', async () => {
    const { manager, source, copy } = await withCopy()
    for (let index = 0; index < 10; index++) await append(source, batchOf(5, 50))
    source.setHighWatermark(48)
    await copyAll(source, copy)
    manager.directories[0]!.cleanerOffsets.set('t-0', 20)
    const reading = source.read(0, 500, 'logEnd', true)
    const log = await manager.promoteFuture(copy)
    expect((await reading).errorCode).toBe('NONE')
    expect(manager.get('t', 0)).toBe(log)
    expect(manager.future('t', 0)).toBeUndefined()
    expect(log).toMatchObject({ logEndOffset: 50, highWatermark: 48, isFuture: false })
    // Up to where it is clean is known in the new place, and forgotten in the old one.
    const [one, two] = manager.directories.map(({ cleanerOffsets }) => cleanerOffsets.get('t-0'))
    expect([one, two]).toEqual([undefined, 20])
    await append(log, batchOf(5))
    const directories = manager.directories.map(({ path }) => path)
    await manager.checkpoint()
    manager.abandon()
    const again = openManager(directories[0]!, { directories })
    expect(again.get('t', 0)).toMatchObject({
      logEndOffset: 55,
      highWatermark: 48,
      directoryPath: directories[1],
    })
    await again.close()
  })
})
