import { SimDisk } from '../../../src/host/sim/disk.ts'
import type { Log } from '../../../src/log/log.ts'
import { seeded, simulatedDisk, simulatedHost } from '../seeded.ts'
import { append, batchOf, openLog, openManager, readAll } from '../support.ts'
import { useTemporaryDirectories } from '../../support/temporary.ts'

const temporaryDirectory = useTemporaryDirectories()

const HOUR_MS = 3_600_000

/** Writes a batch of 10 records of so old a time for each age; two batches fill a segment. */
async function fill(log: Log, agesMs: readonly number[]): Promise<void> {
  for (const ageMs of agesMs) {
    const timestamp = Date.now() - ageMs
    expect((await append(log, batchOf(10, 100, { timestamp }))).errorCode).toBe('NONE')
  }
  log.setHighWatermark(log.logEndOffset)
}

const TWO_BATCHES = 2 * batchOf(10, 100).length

const small = (more: object) => ({ config: { segmentBytes: TWO_BATCHES, ...more } })

test('segments whose newest record is older than retention.ms go, up to the first that is not', async () => {
  const { manager, log } = await openLog(temporaryDirectory(), small({ retentionMs: HOUR_MS }))
  await fill(
    log,
    [5, 3, 4, 0.5, 9, 9, 0, 0].map((hours) => hours * HOUR_MS),
  )
  await log.deleteOldSegments()
  expect(log.logStartOffset).toBe(20)
  expect(log.segmentCount).toBe(3)
  expect((await readAll(log, 19)).errorCode).toBe('OFFSET_OUT_OF_RANGE')
  expect((await readAll(log, 20)).sizeBytes).toBe(TWO_BATCHES)
  await manager.close()
})

test('after a truncation the newest record that is left counts, whichever place it has', async () => {
  const config = { segmentBytes: 1 << 20, retentionMs: HOUR_MS }
  const { manager, log } = await openLog(temporaryDirectory(), { config })
  await fill(log, [2 * HOUR_MS, 0, 3 * HOUR_MS, 3 * HOUR_MS])
  await log.truncateTo(30)
  expect((await log.latestTimestamp())?.offset).toBe(19)
  await log.deleteOldSegments()
  expect(log).toMatchObject({ logStartOffset: 0, logEndOffset: 30 })
  await manager.close()
})

test('when all are too old a new segment takes their place, and offsets go on', async () => {
  const path = temporaryDirectory()
  const { manager, log } = await openLog(path, small({ retentionMs: HOUR_MS }))
  await fill(log, [3 * HOUR_MS, 3 * HOUR_MS, 3 * HOUR_MS])
  await log.deleteOldSegments()
  expect(log).toMatchObject({ logStartOffset: 30, logEndOffset: 30, segmentCount: 1, sizeBytes: 0 })
  await log.deleteOldSegments()
  expect(log.logStartOffset).toBe(30)
  await fill(log, [0])
  await manager.close()
  const again = openManager(path).get('t', 0)!
  expect(again).toMatchObject({ logStartOffset: 30, logEndOffset: 40 })
})

test('appends that come while all that was there goes are kept', async () => {
  const config = { segmentBytes: 1 << 20, retentionMs: HOUR_MS }
  const { manager, log } = await openLog(temporaryDirectory(), { config })
  await fill(log, [3 * HOUR_MS])
  const appended = append(log, batchOf(200, 1000, { timestamp: Date.now() }))
  const deleted = log.deleteOldSegments()
  expect(await appended).toMatchObject({ errorCode: 'NONE', baseOffset: 10 })
  log.setHighWatermark(log.logEndOffset)
  await deleted
  await log.deleteOldSegments()
  const { logStartOffset, logEndOffset, segmentCount } = log
  expect({ logStartOffset, logEndOffset, segmentCount }).toEqual({
    logStartOffset: 0,
    logEndOffset: 210,
    segmentCount: 1,
  })
  await manager.close()
})

test('a log keeps at least retention.bytes, and may have up to a segment more', async () => {
  const retentionBytes = TWO_BATCHES + 1
  const { manager, log } = await openLog(temporaryDirectory(), small({ retentionBytes }))
  await fill(log, [0, 0, 0, 0, 0, 0, 0])
  await log.deleteOldSegments()
  expect(log.logStartOffset).toBe(40)
  expect(log.sizeBytes).toBe(1.5 * TWO_BATCHES)
  await manager.close()
})

test('retention.bytes of 0 keeps nothing', async () => {
  const { manager, log } = await openLog(temporaryDirectory(), small({ retentionBytes: 0 }))
  await fill(log, [0, 0, 0])
  await log.deleteOldSegments()
  expect(log).toMatchObject({ logStartOffset: 30, sizeBytes: 0 })
  await manager.close()
})

test('what is not replicated yet is kept', async () => {
  const { manager, log } = await openLog(temporaryDirectory(), small({ retentionMs: HOUR_MS }))
  await fill(log, [3 * HOUR_MS, 3 * HOUR_MS, 3 * HOUR_MS])
  await append(log, batchOf(10, 100, { timestamp: Date.now() - 3 * HOUR_MS }))
  await log.deleteOldSegments()
  expect(log.logStartOffset).toBe(20)
  await manager.close()
})

test('records without a timestamp are as old as their file', async () => {
  const { manager, log } = await openLog(temporaryDirectory(), small({ retentionMs: HOUR_MS }))
  expect((await append(log, batchOf(10, 100, { timestamp: -11 }))).errorCode).toBe('NONE')
  log.setHighWatermark(log.logEndOffset)
  await log.deleteOldSegments()
  expect(log.logStartOffset).toBe(0)
  await manager.close()
})

test('and go when it was last written to so long ago, segment by segment', async () => {
  const time = { nowMs: 1_700_000_000_000 }
  const clock = { now: () => time.nowMs }
  const host = simulatedHost(simulatedDisk({ clock }))
  const { manager, log } = await openLog('/data', {
    host: { ...host, clock: { ...host.clock, ...clock } },
    ...small({ retentionMs: HOUR_MS, indexIntervalBytes: 1 }),
  })
  for (let each = 0; each < 3; each++) {
    await append(log, batchOf(10, 100, { timestamp: -11 }))
    time.nowMs += HOUR_MS
  }
  log.setHighWatermark(log.logEndOffset)
  // The first segment was written to two hours ago for the last time, the second one an hour ago.
  await log.deleteOldSegments()
  expect(log.logStartOffset).toBe(20)
  time.nowMs += 1
  await log.deleteOldSegments()
  expect(log.logStartOffset).toBe(30)
  await manager.close()
})

test('without the policy delete nothing goes by itself', async () => {
  const config = small({ retentionMs: HOUR_MS, deletesSegments: false })
  const { manager, log } = await openLog(temporaryDirectory(), config)
  await fill(log, [3 * HOUR_MS, 3 * HOUR_MS, 3 * HOUR_MS])
  await log.deleteOldSegments()
  expect(log.logStartOffset).toBe(0)
  await manager.close()
})

test('the times of segments that were closed come from their time index', async () => {
  const path = temporaryDirectory()
  const config = small({ retentionMs: HOUR_MS })
  const before = await openLog(path, config)
  await fill(before.log, [3 * HOUR_MS, 3 * HOUR_MS, 0, 0])
  await before.manager.close()
  const manager = openManager(path, config)
  const log = manager.get('t', 0)!
  await manager.deleteOldSegments()
  expect(log.logStartOffset).toBe(20)
  await manager.close()
})

test('a disk that fails while the time is looked up takes the directory offline', async () => {
  const disk: SimDisk = simulatedDisk()
  const config = small({ retentionMs: HOUR_MS })
  const before = await openLog('/data', { host: simulatedHost(disk), ...config })
  await fill(before.log, [3 * HOUR_MS, 3 * HOUR_MS, 0])
  await before.manager.close()
  const failures: string[] = []
  const manager = openManager('/data', {
    host: simulatedHost(disk),
    onDirectoryFailed: (_, error) => void failures.push(error.message),
    ...config,
  })
  disk.fault = (operation, path) =>
    operation === 'read' && path.endsWith('.timeindex') ? new Error('EIO: read') : null
  await manager.deleteOldSegments()
  await new Promise((resolve) => setImmediate(resolve))
  expect(failures).toEqual([expect.stringContaining('delete old segments of /data/t-0: EIO')])
})

test('what is appended, and a segment rolled behind it, while the age of the last one is looked up stays, however old it says that it is', async () => {
  const held: (() => void)[] = []
  let isHeld = false
  const disk = new SimDisk({
    random: seeded(1),
    later: (work) => void (isHeld ? held.push(work) : queueMicrotask(work)),
  })
  const options = {
    host: simulatedHost(disk),
    config: { segmentBytes: 2000, retentionMs: HOUR_MS },
  }
  const { manager, log: before } = await openLog('/data', options)
  const timestamp = options.host.clock.now() - 2 * HOUR_MS
  await append(before, batchOf(1, 100, { timestamp }))
  await manager.close()

  const log = openManager('/data', options).get('t', 0)!
  log.setHighWatermark(1)
  isHeld = true
  const deleted = log.deleteOldSegments()
  expect(held.length).toBeGreaterThan(0)
  const appends = [1, 2].map(() => append(log, batchOf(1, 1000, { timestamp })))
  expect((await Promise.all(appends)).map(({ baseOffset }) => baseOffset)).toEqual([1, 2])
  expect(log.segmentCount).toBe(2)
  isHeld = false
  for (const work of held.splice(0)) work()
  await deleted
  expect(log).toMatchObject({ logStartOffset: 0, logEndOffset: 3 })
})

test.each(Array.from({ length: 8 }, (_, steps) => steps))(
  'a segment that DeleteRecords removes while its age is looked up is no fault of the disk (after %i steps)',
  async (steps) => {
    let held: (() => void)[] | null = null
    const disk = new SimDisk({
      random: seeded(1),
      later: (work) => void (held === null ? queueMicrotask(work) : held.push(work)),
    })
    const failures: string[] = []
    const options = {
      host: simulatedHost(disk),
      onDirectoryFailed: (_: unknown, error: Error) => void failures.push(error.message),
      ...small({ retentionMs: HOUR_MS, fileDeleteDelayMs: 0 }),
    }
    const before = await openLog('/data', options)
    await fill(before.log, [3 * HOUR_MS, 3 * HOUR_MS, 3 * HOUR_MS, 3 * HOUR_MS, 0])
    await before.manager.close()
    const log = openManager('/data', options).get('t', 0)!
    log.setHighWatermark(50)
    const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
    held = []
    const deleted = log.deleteOldSegments()
    for (let step = 0; step < steps; step++) {
      await turn()
      held.shift()?.()
    }
    expect(log.deleteRecordsBefore(40)).toBe('NONE')
    while (disk.list('/data/t-0').some((name) => name.endsWith('.deleted'))) await turn()
    const waiting = held
    held = null
    for (const work of waiting) work()
    await deleted
    await turn()
    expect(failures).toEqual([])
    expect(log.logStartOffset).toBe(40)
  },
)
