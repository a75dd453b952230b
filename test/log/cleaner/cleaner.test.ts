import {
  batchAttributes,
  batchLastOffset,
  batchProducerId,
  checkBatch,
  compressionType,
  isControl,
  readBatches,
} from '../../../protocol/records/batch.ts'
import { isEmptyBatch } from '../../../src/log/cleaner/batches.ts'
import type { Host } from '../../../src/host/host.ts'
import { inlineWorkers } from '../../../src/host/sim/workers.ts'
import type { SimDisk } from '../../../src/host/sim/disk.ts'
import type { LogConfig } from '../../../src/log/base/config.ts'
import { LogCleaner, type CleanerSettings } from '../../../src/log/cleaner/log-cleaner.ts'
import type { Log } from '../../../src/log/log.ts'
import type { LogManager } from '../../../src/log/manager.ts'
import { useTemporaryDirectories } from '../../support/temporary.ts'
import {
  batchesOf,
  budget,
  clean,
  committed,
  compacted,
  keyed,
  marker,
  recordsOf,
  shapesOf,
} from './support.ts'
import { seeded, simulatedDisk, simulatedHost } from '../seeded.ts'
import { append, codecs, openLog, openManager, readAll, realHost, TOPIC_ID } from '../support.ts'

const temporaryDirectory = useTemporaryDirectories()
const ROOT = '/data'
const NOW_MS = 1_700_000_000_000
/** Each batch of `put` has a segment of its own. */
const config = { ...compacted, segmentBytes: 100, producerIdExpirationMs: Infinity }

interface Line {
  readonly fields: Record<string, unknown>
  readonly message: string
}

/** A host whose clock stands still, which keeps what is logged. */
function hostOn(
  disk: SimDisk,
): Host & { readonly lines: Line[]; readonly time: { nowMs: number } } {
  const lines: Line[] = []
  const time = { nowMs: NOW_MS }
  const note = (fields: object, message: string): void =>
    void lines.push({ fields: { ...fields }, message })
  const log = { debug: () => undefined, info: note, warn: note, error: note, child: () => log }
  const host = simulatedHost(disk)
  return { ...host, log, clock: { ...host.clock, now: () => time.nowMs }, lines, time }
}

async function opened(changes: Partial<LogConfig> = {}) {
  const disk = simulatedDisk()
  const host = hostOn(disk)
  const options = { host, config: { ...config, ...changes } }
  const { manager, log } = await openLog(ROOT, options)
  let current = manager
  const reopen = (): Log => {
    current.abandon()
    current = openManager(ROOT, options)
    return current.get('t', 0)!
  }
  return { disk, host, manager, log, reopen }
}

async function put(
  log: Log,
  key: string | null,
  value: string | null,
  more: Parameters<typeof keyed>[1] = {},
): Promise<void> {
  const records = keyed([[key, value]], { timestamp: NOW_MS, ...more })
  expect((await append(log, records)).errorCode).toBe('NONE')
  log.setHighWatermark(log.logEndOffset)
}

async function mark(log: Log, producerId: number, type: 'ABORT' | 'COMMIT'): Promise<void> {
  const records = marker(producerId, type, 0, NOW_MS)
  expect((await append(log, records, { origin: 'coordinator' })).errorCode).toBe('NONE')
  log.setHighWatermark(log.logEndOffset)
}

/** Cleans all that can be, also what was cleaned before. */
async function cleanAll(log: Log): Promise<void> {
  const cleanable = { ...(await log.cleaner.find(NOW_MS)), firstDirtyOffset: 0 }
  expect((await log.cleaner.clean(cleanable, budget))?.kind).toBe('done')
}

const names = (disk: SimDisk, pattern: RegExp): string[] =>
  disk
    .list(`${ROOT}/t-0`)
    .filter((name) => pattern.test(name))
    .sort()

describe('of each key', () => {
  test('the last record stays, and the active segment stays as it is', async () => {
    const { log, disk } = await opened()
    for (const value of ['1', '2', '3']) {
      await put(log, 'a', value)
      await put(log, 'b', value)
    }
    await put(log, 'a', '4')
    expect(await clean(log, NOW_MS)).toMatchObject({
      kind: 'done',
      report: { startOffset: 0, endOffset: 6, recordsRead: 6, recordsKept: 2, invalidRecords: 0 },
    })
    expect(await recordsOf(log)).toEqual(['4:a=3', '5:b=3', '6:a=4'])
    expect(log.logStartOffset).toBe(0)
    expect(names(disk, /\.(cleaned|swap)$/)).toEqual([])
  })

  test('a record without one goes', async () => {
    const { log, manager } = await opened({ compacted: false })
    await put(log, null, '1')
    await put(log, 'a', '1')
    await put(log, 'a', '2')
    log.updateConfig({ ...log.config, compacted: true })
    expect(await clean(log, NOW_MS)).toMatchObject({ report: { invalidRecords: 1 } })
    expect(await recordsOf(log)).toEqual(['1:a=1', '2:a=2'])
    await manager.close()
  })

  test('a batch spans the offsets that it had, and is compressed as it was', async () => {
    const { log } = await opened({ segmentBytes: 1000 })
    const compressions = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const
    for (const compression of compressions) {
      const entries = ['a', 'a', compression, 'a', 'a'].map((key) => [key, key.repeat(50)] as const)
      const records = keyed(entries, { compression, timestamp: NOW_MS })
      expect((await append(log, records)).errorCode).toBe('NONE')
    }
    for (let index = 0; index < 10; index++) await put(log, 'a', 'x'.repeat(500))
    await clean(log, NOW_MS)
    const { batches } = await batchesOf(log)
    expect((await shapesOf(log)).slice(0, 5)).toEqual([
      '0-4(1)',
      '5-9(1)',
      '10-14(1)',
      '15-19(1)',
      '20-24(1)',
    ])
    expect(batches.slice(0, 5).map((batch) => compressionType(batchAttributes(batch, 0)))).toEqual(
      compressions,
    )
    expect((await recordsOf(log))[3]).toBe(`17:lz4=${'lz4'.repeat(50)}`)
  })
})

describe('tombstones', () => {
  test('stay for delete.retention.ms after the clean that meets them first', async () => {
    const { log, host } = await opened({ deleteRetentionMs: 1000 })
    await put(log, 'a', '1')
    await put(log, 'a', null)
    await put(log, 'b', '1')
    await put(log, 'b', '2')
    const cleanAfter = async (delayMs: number): Promise<string[]> => {
      host.time.nowMs = NOW_MS + delayMs
      const cleanable = { ...(await log.cleaner.find(host.time.nowMs)), firstDirtyOffset: 0 }
      expect((await log.cleaner.clean(cleanable, budget))?.kind).toBe('done')
      return recordsOf(log)
    }
    expect(await cleanAfter(500)).toEqual(['1:a=null', '2:b=1', '3:b=2'])
    expect(await cleanAfter(1499)).toEqual(['1:a=null', '2:b=1', '3:b=2'])
    expect(await cleanAfter(1500)).toEqual(['2:b=1', '3:b=2'])
  })

  test('without a delete horizon that a date could have stay for ever', async () => {
    const { log } = await opened({ deleteRetentionMs: Infinity })
    await put(log, 'a', null)
    await put(log, 'b', '1')
    await put(log, 'b', '2')
    await clean(log, NOW_MS)
    expect(await recordsOf(log)).toEqual(['0:a=null', '1:b=1', '2:b=2'])
  })
})

describe('transactions', () => {
  test('aborted records go with the first clean, their marker when nothing is left to be marked', async () => {
    const { log } = await opened({ deleteRetentionMs: 0 })
    const transaction = { producerId: 1, producerEpoch: 0, isTransactional: true }
    await put(log, 'a', '1')
    await put(log, 'a', 'aborted', { ...transaction, baseSequence: 0 })
    await mark(log, 1, 'ABORT')
    await put(log, 'b', 'committed', { ...transaction, baseSequence: 1 })
    await mark(log, 1, 'COMMIT')
    await put(log, 'z', '1')
    await put(log, 'z', '2')
    await clean(log, NOW_MS)
    expect(await shapesOf(log)).toEqual([
      '0-0(1)',
      'C2-2(1)',
      '3-3(1)',
      'C4-4(1)',
      '5-5(1)',
      '6-6(1)',
    ])
    expect((await committed(log)).map(({ value }) => value)).toEqual(['1', 'committed', '1', '2'])
    const again = { ...(await log.cleaner.find(NOW_MS)), firstDirtyOffset: 0 }
    await log.cleaner.clean(again, budget)
    await log.cleaner.clean(again, budget)
    // The abort marker has nothing to mark and its horizon has come; the commit marker still has a record.
    expect(await shapesOf(log)).toEqual(['0-0(1)', '3-3(1)', 'C4-4(1)', '5-5(1)', '6-6(1)'])
    expect((await committed(log)).map(({ value }) => value)).toEqual(['1', 'committed', '1', '2'])
  })

  test('the marker of aborted records that are gone stays until its delete horizon', async () => {
    const { log, host } = await opened({ deleteRetentionMs: 5000 })
    const transaction = { producerId: 1, producerEpoch: 0, isTransactional: true }
    await put(log, 'a', 'aborted', { ...transaction, baseSequence: 0 })
    await mark(log, 1, 'ABORT')
    await put(log, 'b', 'committed', { ...transaction, baseSequence: 1 })
    await mark(log, 1, 'COMMIT')
    await put(log, 'z', '1')
    await put(log, 'z', '2')
    const cleanAfter = async (delayMs: number): Promise<string[]> => {
      host.time.nowMs = NOW_MS + delayMs
      const all = { ...(await log.cleaner.find(host.time.nowMs)), firstDirtyOffset: 0 }
      expect((await log.cleaner.clean(all, budget))?.kind).toBe('done')
      return shapesOf(log)
    }
    await clean(log, NOW_MS)
    const kept = ['C1-1(1)', '2-2(1)', 'C3-3(1)', '4-4(1)', '5-5(1)']
    // The second clean finds nothing that it marks, and gives it its horizon.
    expect(await cleanAfter(0)).toEqual(kept)
    expect(await cleanAfter(4999)).toEqual(kept)
    expect(await cleanAfter(5000)).toEqual(kept.slice(1))
  })

  test('that are under way are not cleaned', async () => {
    const { log } = await opened()
    await put(log, 'a', '1')
    const transaction = { producerId: 1, producerEpoch: 0, isTransactional: true, baseSequence: 0 }
    await put(log, 'a', 'open', transaction)
    await put(log, 'a', '2')
    await put(log, 'a', '3')
    expect((await log.cleaner.find(NOW_MS)).endOffset).toBe(1)
  })
})

test('the last batch of an active producer stays, empty: its sequence numbers go on', async () => {
  const { log, manager, reopen } = await opened()
  const send = (sequence: number, value: string): Promise<void> =>
    put(log, 'a', value, { producerId: 5, producerEpoch: 0, baseSequence: sequence })
  await send(0, '1')
  await send(1, '2')
  await put(log, 'a', '3')
  await put(log, 'b', '1')
  await put(log, 'b', '2')
  await clean(log, NOW_MS)
  expect(await shapesOf(log)).toEqual(['1-1(0)', '2-2(1)', '3-3(1)', '4-4(1)'])
  await manager.close()
  const again = reopen()
  const next = { timestamp: NOW_MS, producerId: 5, producerEpoch: 0, baseSequence: 2 }
  expect((await append(again, keyed([['a', '4']], { ...next, baseSequence: 3 }))).errorCode).toBe(
    'OUT_OF_ORDER_SEQUENCE_NUMBER',
  )
  expect((await append(again, keyed([['a', '4']], next))).errorCode).toBe('NONE')
})

test('the marker of a producer that has nothing else in the log stays, empty: its epoch is still known', async () => {
  const { log, manager, reopen } = await opened({ deleteRetentionMs: 0 })
  const fence = marker(5, 'ABORT', 3, NOW_MS)
  expect((await append(log, fence, { origin: 'coordinator' })).errorCode).toBe('NONE')
  await put(log, 'b', '1')
  await put(log, 'b', '2')
  await cleanAll(log)
  await cleanAll(log)
  expect(await shapesOf(log)).toEqual(['C0-0(0)', '1-1(1)', '2-2(1)'])
  await manager.close()
  const again = reopen()
  const old = { timestamp: NOW_MS, producerId: 5, producerEpoch: 2, baseSequence: 0 }
  expect((await append(again, keyed([['a', '1']], old))).errorCode).toBe('INVALID_PRODUCER_EPOCH')
})

describe('a batch that loses all of its records', () => {
  test('stays, empty, where it ends at the high watermark, and goes with a later clean', async () => {
    const { log } = await opened({ deleteRetentionMs: 0 })
    await put(log, 'a', '1')
    await put(log, 'a', null)
    await put(log, 'b', '1')
    await put(log, 'b', '2')
    log.setHighWatermark(2)
    await cleanAll(log)
    await cleanAll(log)
    log.setHighWatermark(4)
    expect(await shapesOf(log)).toEqual(['1-1(0)', '2-2(1)', '3-3(1)'])
    await cleanAll(log)
    expect(await shapesOf(log)).toEqual(['2-2(1)', '3-3(1)'])
  })

  test('goes where it is the last that can be cleaned, but not the last that is replicated', async () => {
    const { log } = await opened({ deleteRetentionMs: 0 })
    await put(log, 'a', '1')
    await put(log, 'a', null)
    await put(log, 'b', '1')
    expect((await log.cleaner.find(NOW_MS)).endOffset).toBe(2)
    await cleanAll(log)
    await cleanAll(log)
    expect(await shapesOf(log)).toEqual(['2-2(1)'])
  })
})

describe('an offset, which is not under the checksum, is not believed where it', () => {
  const damages: [string, number, (batch: Buffer) => void][] = [
    ['is the next one’s', 1, (batch) => void (batch[7]! += 1)],
    ['is the one’s before', 2, (batch) => void (batch[7]! -= 1)],
    ['is beyond the segment', 2, (batch) => void (batch[6]! += 1)],
    ['is before the segment', 3, (batch) => void (batch[7]! -= 1)],
  ]
  test.each(damages)(
    '%s: nothing goes for the sake of such a record',
    async (_, offset, damage) => {
      const { log, disk } = await opened({ segmentBytes: 250 })
      for (let index = 0; index < 9; index++) await put(log, 'a', `${index}`)
      await log.flush()
      const [first, second] = names(disk, /\.log$/)
      expect(Number(second!.slice(0, 20))).toBe(3)
      const path = `${ROOT}/t-0/${offset < 3 ? first! : second!}`
      const content = disk.readFile(path)
      const at = offset < 3 ? offset * (content.readInt32BE(8) + 12) : 0
      damage(content.subarray(at))
      disk.open(path, 'write').writeSync([content], 0)
      expect(await clean(log, NOW_MS)).toMatchObject({
        kind: 'corrupt',
        corruption: { path, reason: 'the batch, or the one before it, has offsets of others' },
      })
      expect(disk.readFile(path)).toEqual(content)
      expect(names(disk, /cleaned|swap/)).toEqual([])
    },
  )
})

describe('what can be cleaned', () => {
  test('ends before the first segment with a record younger than min.compaction.lag.ms', async () => {
    const { log } = await opened({ minCompactionLagMs: 1000 })
    for (const ageMs of [5000, 1001, 999, 5000, 5000]) {
      await put(log, 'a', '1', { timestamp: NOW_MS - ageMs })
    }
    expect(await log.cleaner.find(NOW_MS)).toMatchObject({ firstDirtyOffset: 0, endOffset: 2 })
    expect(await log.cleaner.find(NOW_MS + 1000)).toMatchObject({ endOffset: 4 })
  })

  test('ends at the high watermark', async () => {
    const { log } = await opened()
    for (let index = 0; index < 5; index++) await put(log, 'a', `${index}`)
    log.setHighWatermark(2)
    expect(await log.cleaner.find(NOW_MS)).toMatchObject({ firstDirtyOffset: 0, endOffset: 2 })
  })

  test('is cleaned from min.cleanable.dirty.ratio on, or where max.compaction.lag.ms has passed', async () => {
    const { log } = await opened({ minCleanableDirtyRatio: 0.6, maxCompactionLagMs: 1000 })
    for (const key of ['a', 'b', 'c']) await put(log, key, '1')
    await put(log, 'd', '1')
    expect((await clean(log, NOW_MS))?.kind).toBe('done')
    await put(log, 'e', '1')
    const found = await log.cleaner.find(NOW_MS)
    expect(found).toMatchObject({ firstDirtyOffset: 3, endOffset: 4, isOverdue: false })
    expect(found.dirtyRatio).toBeCloseTo(0.25)
    expect(await clean(log, NOW_MS)).toBeNull()
    expect((await log.cleaner.find(NOW_MS + 1001)).isOverdue).toBe(true)
    expect((await clean(log, NOW_MS + 1001))?.kind).toBe('done')
  })

  test('begins where the last clean ended, also after a restart', async () => {
    const { log, manager, disk, reopen } = await opened()
    for (let index = 0; index < 4; index++) await put(log, 'a', `${index}`)
    await clean(log, NOW_MS)
    expect(disk.readFile(`${ROOT}/cleaner-offset-checkpoint`).toString()).toBe('0\n1\nt 0 3\n')
    await manager.close()
    expect((await reopen().cleaner.find(NOW_MS)).firstDirtyOffset).toBe(3)
  })

  test('is the whole log where its checkpoint is below the log start, beyond the end, or damaged', async () => {
    const { log, manager, disk, host, reopen } = await opened()
    for (let index = 0; index < 6; index++) await put(log, 'a', `${index}`)
    expect(log.deleteRecordsBefore(2)).toBe('NONE')
    await manager.checkpoint()
    await manager.close()
    for (const content of ['0\n1\nt 0 1\n', '0\n1\nt 0 7\n', 'nonsense']) {
      disk.replaceFile(`${ROOT}/cleaner-offset-checkpoint`, content)
      const found = await reopen().cleaner.find(NOW_MS)
      expect([content, found.firstDirtyOffset]).toEqual([content, 2])
    }
    expect(host.lines.map(({ fields }) => fields['checkpoint'])).toEqual(
      expect.arrayContaining([1, 7]),
    )
  })

  test('goes back with a truncation, and the checkpoint forgets a log that is deleted', async () => {
    const { log, manager, disk } = await opened()
    const file = `${ROOT}/cleaner-offset-checkpoint`
    for (let index = 0; index < 6; index++) await put(log, `${index}`, '')
    await clean(log, NOW_MS)
    expect(disk.readFile(file).toString()).toContain('t 0 5')
    await log.truncateTo(3)
    await manager.directories[0]!.cleanerOffsets.save()
    expect(disk.readFile(file).toString()).toContain('t 0 3')
    manager.deleteLog('t', 0)
    await manager.directories[0]!.cleanerOffsets.save()
    expect(disk.readFile(file).toString()).toBe('0\n0\n')
  })
})

describe('while a log is cleaned', () => {
  /** A clean that waits before a job runs until it is let go. */
  async function held(job: string) {
    const disk = simulatedDisk()
    let go = (): void => undefined
    let reached = (): void => undefined
    const isHeld = new Promise<void>((resolve) => (reached = resolve))
    const gate = new Promise<void>((resolve) => (go = resolve))
    const host = hostOn(disk)
    const inner = host.workers
    const workers: Host['workers'] = {
      run: async (each, task, options) => {
        if (each.run.name === job) {
          reached()
          await gate
        }
        return inner.run(each, task, options)
      },
      close: () => inner.close(),
    }
    const { manager, log } = await openLog(ROOT, { host: { ...host, workers }, config })
    for (let index = 0; index < 6; index++) await put(log, `${index % 2}`, `${index}`)
    const cleaning = clean(log, NOW_MS)
    await isHeld
    return { disk, manager, log, cleaning, go }
  }

  test('a truncation waits until the clean has ended without a result', async () => {
    const { log, cleaning, go, disk } = await held('cleanGroup')
    const truncated = log.truncateTo(2)
    await new Promise<void>((resolve) => setImmediate(resolve))
    expect(log.logEndOffset).toBe(6)
    go()
    expect(await cleaning).toEqual({ kind: 'stopped' })
    await truncated
    expect(log.logEndOffset).toBe(2)
    expect(await recordsOf(log)).toEqual(['0:0=0', '1:1=1'])
    expect(names(disk, /cleaned|swap/)).toEqual([])
    expect(await clean(log, NOW_MS)).not.toBeNull()
  })

  test('a log that is deleted stays deleted', async () => {
    const { manager, log, cleaning, go, disk } = await held('cleanGroup')
    manager.deleteLog('t', 0)
    const again = await manager.createLog('t', 0, TOPIC_ID, log.config)
    go()
    expect(await cleaning).toEqual({ kind: 'stopped' })
    expect(again.logEndOffset).toBe(0)
    expect(names(disk, /cleaned|swap/)).toEqual([])
  })

  test('segments that are deleted meanwhile end the clean, and nothing comes back', async () => {
    const { log, cleaning, go, disk } = await held('cleanGroup')
    expect(log.deleteRecordsBefore(2)).toBe('NONE')
    go()
    expect(await cleaning).toEqual({ kind: 'stopped' })
    expect(log.isOffline).toBe(false)
    expect(names(disk, /^0{19}0\.log$/)).toEqual([])
    expect(await recordsOf(log)).toEqual(['2:0=2', '3:1=3', '4:0=4', '5:1=5'])
    while ((await clean(log, NOW_MS)) !== null);
    expect(await recordsOf(log)).toEqual(['3:1=3', '4:0=4', '5:1=5'])
  })

  test('closing waits for it, and leaves nothing half done', async () => {
    const { manager, cleaning, go, disk } = await held('buildMap')
    const closed = manager.close()
    go()
    expect(await cleaning).toEqual({ kind: 'stopped' })
    await closed
    expect(names(disk, /cleaned|swap/)).toEqual([])
    expect(disk.exists(`${ROOT}/.kafka_cleanshutdown`)).toBe(true)
  })

  test('it is not cleaned a second time', async () => {
    const { log, cleaning, go } = await held('buildMap')
    const cleanable = await log.cleaner.find(NOW_MS)
    expect(await log.cleaner.clean(cleanable, budget)).toBeNull()
    go()
    expect((await cleaning)?.kind).toBe('done')
  })

  test('log start and retention leave alone what is taking its place, and their segments go afterwards', async () => {
    const { log, disk, manager, reopen } = await opened()
    for (let index = 0; index < 6; index++) await put(log, `${index}`, '')
    await log.flush()
    let syncs = 0
    disk.fault = (operation, path) => {
      // Between the first steps of the swap of the second segment.
      if (operation === 'sync' && path === `${ROOT}/t-0` && ++syncs === 4) {
        expect(log.deleteRecordsBefore(4)).toBe('NONE')
      }
      return null
    }
    await clean(log, NOW_MS)
    expect(log.isOffline).toBe(false)
    expect(syncs).toBeGreaterThan(4)
    expect(names(disk, /\.log$/).map((name) => Number(name.slice(0, 20)))).toEqual([4, 5])
    await manager.checkpoint()
    const again = reopen()
    expect([again.logStartOffset, again.logEndOffset]).toEqual([4, 6])
    again.setHighWatermark(6)
    expect(await recordsOf(again)).toEqual(['4:4=', '5:5='])
  })

  test('what a clean left behind when it could not end goes with the next one', async () => {
    const { log, disk } = await opened()
    for (let index = 0; index < 4; index++) await put(log, 'a', `${index}`)
    disk.replaceFile(`${ROOT}/t-0/00000000000000000099.log.cleaned`, 'left behind')
    await clean(log, NOW_MS)
    expect(names(disk, /cleaned/)).toEqual([])
  })

  test('what the tail cache has of the old segments is forgotten', async () => {
    const { log } = await opened()
    await readAll(log, 0)
    for (let index = 0; index < 4; index++) await put(log, 'a', `${index}`)
    expect(await recordsOf(log)).toHaveLength(4)
    await clean(log, NOW_MS)
    expect(await recordsOf(log)).toEqual(['2:a=2', '3:a=3'])
  })

  test('a reader is told of the aborted transactions in the bytes that it gets, not of those that are left', async () => {
    let holdNext = false
    const waiting: (() => void)[] = []
    const later = (work: () => void): void => {
      if (holdNext) waiting.push(work)
      else void Promise.resolve().then(work)
      holdNext = false
    }
    const disk = simulatedDisk({ later })
    const host = hostOn(disk)
    const options = { host, config: { ...config, segmentBytes: 250, deleteRetentionMs: 0 } }
    const first = await openLog(ROOT, options)
    const transaction = { producerEpoch: 0, isTransactional: true, baseSequence: 0 }
    await put(first.log, 'a', 'aborted', { ...transaction, producerId: 1 })
    await mark(first.log, 1, 'ABORT')
    await put(first.log, 'a', 'aborted too', { ...transaction, producerId: 2 })
    await mark(first.log, 2, 'ABORT')
    // Else its aborted batch would stay as the last one of its producer.
    await put(first.log, 'c', '1', { ...transaction, producerId: 2, baseSequence: 1 })
    await mark(first.log, 2, 'COMMIT')
    for (let index = 0; index < 6; index++) await put(first.log, 'b', `${index}`)
    await first.manager.close()
    const log = openManager(ROOT, options).get('t', 0)!
    log.setHighWatermark(log.logEndOffset)
    // The second transaction's marker is in the second segment: two cleans come while the first one's index is read.
    disk.fault = (operation, path) => {
      if (operation === 'open' && path.endsWith('00000.txnindex')) holdNext = true
      return null
    }
    const reading = readAll(log, 0, { upTo: 'lastStable' })
    while (waiting.length === 0) await new Promise<void>((resolve) => setImmediate(resolve))
    disk.fault = null
    const cleanable = { ...(await log.cleaner.find(NOW_MS)), firstDirtyOffset: 0 }
    for (let times = 0; times < 3; times++) await log.cleaner.clean(cleanable, budget)
    for (const work of waiting) work()
    const { bytes, abortedTransactions } = await reading
    const told = new Set(abortedTransactions?.map(({ producerId }) => producerId))
    const isHidden = [...readBatches(bytes)]
      .filter((batch) => batchProducerId(batch, 0) >= 0 && !isEmptyBatch(batch, 0))
      .every((batch) => told.has(batchProducerId(batch, 0)))
    expect(bytes.length).toBeGreaterThan(0)
    expect(isHidden).toBe(true)
  })

  test.each(Array.from({ length: 10 }, (_, seed) => seed))(
    'reads that begin at any time get whole batches from their offsets on (seed %d)',
    async (seed) => {
      const random = seeded(seed)
      const queue: (() => void)[] = []
      let isOver = false
      const pump = (): void => {
        queue.splice(random.below(queue.length), 1)[0]?.()
        if (!isOver) setImmediate(pump)
      }
      pump()
      const disk = simulatedDisk({ random, later: (work) => void queue.push(work) })
      const { log } = await openLog(ROOT, {
        host: hostOn(disk),
        config: { ...config, fileDeleteDelayMs: 0 },
      })
      const problems: unknown[] = []
      const readSome = async (): Promise<void> => {
        while (!isOver) {
          const offset = random.below(log.logEndOffset)
          const upTo = random.below(2) === 0 ? 'logEnd' : 'lastStable'
          const result = await readAll(log, offset, { upTo })
          const { errorCode, bytes, abortedTransactions, release } = result
          release()
          // Reads from the page cache end at once: the clean needs turns of its own.
          await new Promise<void>((resolve) => setImmediate(resolve))
          if (upTo === 'lastStable' && offset >= result.lastStableOffset) continue
          const [first] = [...readBatches(bytes)]
          const fault =
            first === undefined ? 'empty' : checkBatch(first, 0, first.length, codecs.crc32c)
          const isRight = first !== undefined && batchLastOffset(first, 0) >= offset
          // The next batch that there is: of those that go nobody knows when they went.
          const problem = errorCode !== 'NONE' || fault !== null || !isRight
          if (problem) problems.push({ offset, errorCode, fault, isRight })
          const isAborted = first !== undefined && batchProducerId(first, 0) === 1
          const hasRecords =
            first !== undefined && !isEmptyBatch(first, 0) && !isControl(batchAttributes(first, 0))
          if (
            isAborted &&
            hasRecords &&
            upTo === 'lastStable' &&
            abortedTransactions?.length === 0
          ) {
            problems.push({ offset, reason: 'an aborted record that nobody told of' })
          }
        }
      }
      await put(log, 'a', '0')
      const readers = Array.from({ length: 4 }, readSome)
      let sequence = 0
      for (let round = 0; round < 8; round++) {
        for (let index = 0; index < 4; index++) {
          const producer = { producerId: 1, producerEpoch: 0, isTransactional: true }
          await put(log, `${index}`, 'aborted', { ...producer, baseSequence: sequence++ })
          await mark(log, 1, 'ABORT')
          await put(log, `${index}`, `${round}`)
        }
        expect((await clean(log, NOW_MS))?.kind).toBe('done')
      }
      isOver = true
      while (queue.length > 0) queue.shift()!()
      await Promise.all([...readers, drain(queue)])
      expect(problems).toEqual([])
      expect(log.isOffline).toBe(false)
    },
  )
})

/** Goes on with what is left to be done, until nothing comes any more. */
async function drain(queue: (() => void)[]): Promise<void> {
  for (let idle = 0; idle < 20; idle++) {
    if (queue.length > 0) idle = 0
    for (const work of queue.splice(0)) work()
    await new Promise<void>((resolve) => setImmediate(resolve))
  }
}

const settings: CleanerSettings = {
  threads: 1,
  dedupeBufferBytes: 1 << 20,
  loadFactor: 0.9,
  ioBufferBytes: 1 << 16,
  maxBytesPerSecond: Infinity,
  backoffMs: 5,
}

async function withTwo(host: Host): Promise<{ manager: LogManager; logs: Log[] }> {
  const { manager, log } = await openLog(ROOT, { host, config })
  const other = await manager.createLog('u', 0, TOPIC_ID, log.config)
  return { manager, logs: [log, other] }
}

describe('the cleaner', () => {
  test('takes the filthiest log first', async () => {
    const host = hostOn(simulatedDisk())
    const { manager, logs } = await withTwo(host)
    const [one, other] = logs as [Log, Log]
    for (let index = 0; index < 4; index++) await put(one, `${index}`, '')
    await clean(one, NOW_MS)
    for (let index = 0; index < 2; index++) await put(one, `${index}`, '')
    for (let index = 0; index < 3; index++) await put(other, `${index}`, '')
    const cleaner = new LogCleaner({ host, logs: () => manager.logs(), settings: () => settings })
    expect(await cleaner.cleanFilthiest()).toBe(true)
    expect(await cleaner.cleanFilthiest()).toBe(true)
    expect(await cleaner.cleanFilthiest()).toBe(false)
    const order = host.lines.filter(({ message }) => message === 'A log was compacted')
    expect(order.map(({ fields }) => fields['partition'])).toEqual(['u-0', 't-0'])
  })

  test('gives a log with a damaged batch up, says where the damage is, and goes on with the others', async () => {
    const disk = simulatedDisk()
    const host = hostOn(disk)
    const { manager, logs } = await withTwo(host)
    const [one, other] = logs as [Log, Log]
    for (let index = 0; index < 6; index++) await put(one, 'a', 'some value')
    for (let index = 0; index < 4; index++) await put(other, 'a', `${index}`)
    const path = `${ROOT}/t-0/00000000000000000002.log`
    const file = disk.open(path, 'write')
    file.writeSync([Buffer.from('x')], 70)
    const cleaner = new LogCleaner({ host, logs: () => manager.logs(), settings: () => settings })
    for (let times = 0; times < 4; times++) await cleaner.cleanFilthiest()
    const errors = host.lines.filter(({ message }) => message.includes('compacted no more'))
    expect(errors).toHaveLength(1)
    expect(errors[0]).toEqual({
      fields: {
        partition: 't-0',
        path,
        position: 0,
        offset: 2,
        reason: 'the batch has another checksum than its bytes',
      },
      message: `t-0 is compacted no more until the next start: ${path}, position 0 (offset 2): the batch has another checksum than its bytes`,
    })
    expect(one.isOffline).toBe(false)
    expect(names(disk, /cleaned|swap/)).toEqual([])
    expect(await recordsOf(one)).toHaveLength(6)
    expect(await recordsOf(other)).toEqual(['2:a=2', '3:a=3'])
  })

  test('deletes the old segments of logs that are compacted and have a retention, but not while they are cleaned', async () => {
    const disk = simulatedDisk()
    const host = hostOn(disk)
    const retention = { ...config, deletesSegments: true, retentionMs: 1000 }
    const { manager, log } = await openLog(ROOT, { host, config: retention })
    for (const ageMs of [5000, 4000, 500, 400, 300]) {
      await put(log, `${ageMs}`, '', { timestamp: NOW_MS - ageMs })
    }
    const cleaner = new LogCleaner({ host, logs: () => manager.logs(), settings: () => settings })
    await log.cleaner.exclusively(() => cleaner.deleteOldSegments())
    expect(log.logStartOffset).toBe(0)
    await cleaner.deleteOldSegments()
    expect(log.logStartOffset).toBe(2)
    log.updateConfig({ ...log.config, deletesSegments: false, retentionMs: 450 })
    await cleaner.deleteOldSegments()
    expect(log.logStartOffset).toBe(2)
  })

  test('works in threads until it is stopped, as many logs at a time as it is told', async () => {
    const root = temporaryDirectory()
    const host = realHost()
    const { manager, log } = await openLog(root, { host, config })
    const other = await manager.createLog('u', 0, TOPIC_ID, log.config)
    for (const each of [log, other]) {
      for (let index = 0; index < 5; index++) await put(each, 'a', `${index}`)
    }
    const cleaner = new LogCleaner({
      host,
      logs: () => manager.logs(),
      settings: () => ({ ...settings, threads: 2 }),
    })
    cleaner.start()
    const { cleanerOffsets } = manager.directories[0]!
    while ((cleanerOffsets.get('t-0') ?? 0) < 4 || (cleanerOffsets.get('u-0') ?? 0) < 4) {
      await new Promise<void>((resolve) => setImmediate(resolve))
    }
    await put(log, 'a', '5')
    while ((cleanerOffsets.get('t-0') ?? 0) < 5) {
      await new Promise<void>((resolve) => setImmediate(resolve))
    }
    await cleaner.stop()
    expect(await recordsOf(log)).toEqual(['4:a=4', '5:a=5'])
    await put(log, 'a', '6')
    await manager.close()
    await host.workers.close()
    expect(cleanerOffsets.get('t-0')).toBe(5)
  })
})

test('a job keeps to the bytes a second that it is given', async () => {
  const disk = simulatedDisk({ random: seeded(1) })
  const host = hostOn(disk)
  const { log } = await openLog(ROOT, { host, config: { ...config, segmentBytes: 400 } })
  for (let index = 0; index < 20; index++) await put(log, 'a', `${index}`.repeat(100))
  const sleptMs: number[] = []
  const parts = { disk, codecs, clock: host.clock }
  const workers = inlineWorkers(parts)
  const run: Host['workers']['run'] = (job, task, options) =>
    workers.run(
      {
        ...job,
        run: (given, each) => job.run(given, { ...each, sleep: (ms) => void sleptMs.push(ms) }),
      },
      task,
      options,
    )
  Object.assign(host.workers, { run })
  expect((await clean(log, NOW_MS, { bytesPerSecond: 10_000 }))?.kind).toBe('done')
  const total = sleptMs.reduce((sum, each) => sum + each, 0)
  // Each byte is read twice, for the table and for the clean.
  expect(total).toBeGreaterThan((0.9 * 2 * 19 * 200) / 10)
})

test('a cleaned segment is as old as the last that it is made of: records without a timestamp go by that', async () => {
  const { disk, log, host } = await opened()
  for (const key of ['a', 'b', 'a', 'c']) {
    await append(log, keyed([[key, 'v']], { timestamp: -1 }))
    host.time.nowMs += 1000
  }
  log.setHighWatermark(log.logEndOffset)
  log.updateConfig({ ...log.config, segmentBytes: 1000 })
  const files = () => disk.list(`${ROOT}/t-0`).filter((name) => name.endsWith('.log'))
  files().forEach((name, index) => disk.setModified(`${ROOT}/t-0/${name}`, 1000 * (index + 1)))
  expect(await clean(log, host.time.nowMs)).not.toBeNull()
  const cleaned = files()
  expect(cleaned.length).toBeLessThan(4)
  expect(disk.stat(`${ROOT}/t-0/${cleaned.sort()[0]}`).modifiedMs).toBe(3000)
})
