import { SimDisk } from '../../../src/host/sim/disk.ts'
import type { Host } from '../../../src/host/host.ts'
import { BufferPool } from '../../../src/host/buffer-pool.ts'
import type { LogConfig } from '../../../src/log/base/config.ts'
import type { LogManager } from '../../../src/log/manager.ts'
import {
  consume,
  damageBatch,
  DIRECTORY,
  flip,
  logFiles,
  overwrite,
  ROOT,
  write32,
  type Damage,
} from './support.ts'
import { seeded, simulatedHost } from '../seeded.ts'
import { append, batchOf, markerOf, openLog, openManager, readAll } from '../support.ts'

const NOW = 1_760_000_000_000
const config: Partial<LogConfig> = {
  segmentBytes: 1700,
  indexIntervalBytes: 300,
  segmentMs: Infinity,
  producerIdExpirationMs: Infinity,
}
const RECOVERY_POINTS = `${ROOT}/recovery-point-offset-checkpoint`

interface Told {
  readonly fields: Record<string, unknown>
  readonly message: string
}

/** A host whose error lines are kept. */
function listeningHost(disk: SimDisk): { host: Host; errors: Told[] } {
  const errors: Told[] = []
  const host = simulatedHost(disk)
  const error = (fields: object, message: string): void =>
    void errors.push({ fields: fields as Record<string, unknown>, message })
  return { host: { ...host, log: { ...host.log, error } }, errors }
}

type Stop = 'clean' | 'kill'
const stops = ['clean', 'kill'] as const

function end(manager: LogManager, stop: Stop): Promise<void> | void {
  return stop === 'clean' ? manager.close() : manager.abandon()
}

const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from }, (_, index) => from + index)

describe('of batches with three records each', () => {
  const BATCHES = 10
  const RECORDS = 3

  async function stopped(stop: Stop): Promise<SimDisk> {
    const disk = new SimDisk({ random: seeded(1) })
    const { log, manager } = await openLog(ROOT, { host: simulatedHost(disk), config })
    for (let batch = 0; batch < BATCHES; batch++) {
      const baseSequence = batch * RECORDS
      const producer = { producerId: 7, producerEpoch: 0, baseSequence }
      await append(log, batchOf(RECORDS, 60, { timestamp: NOW + batch, ...producer }))
    }
    await log.flush()
    await manager.checkpoint()
    await end(manager, stop)
    return disk
  }

  const fields: [string, Damage][] = [
    ['last offset delta too small by one', write32(23, 1)],
    ['last offset delta of nothing', write32(23, 0)],
    ['last offset delta too great by one', write32(23, 3)],
    ['record count', flip(60)],
    ['base offset too great by one', (segment, at) => void (segment[at + 7]! += 1)],
    ['base offset too small by one', (segment, at) => void (segment[at + 7]! -= 1)],
    ['length of nothing', write32(8, 0)],
  ]

  describe.each(stops)('after such a stop: %s', (stop) => {
    test.each(fields)(
      'one with a wrong %s is told at each of its offsets, and the log ends where it did',
      async (name, damage) => {
        const disk = await stopped(stop)
        for (const batch of range(0, BATCHES)) {
          // A base offset isn't under the checksum: where nothing contradicts it, nobody can tell.
          if (name.startsWith('base offset too great') && batch === BATCHES - 1) continue
          const copy = new SimDisk({ random: seeded(1) })
          copy.makeDirectory(DIRECTORY)
          for (const directory of [ROOT, DIRECTORY]) {
            for (const each of disk.list(directory)) {
              const path = `${directory}/${each}`
              if (!disk.stat(path).isDirectory) copy.replaceFile(path, disk.readFile(path))
            }
          }
          damageBatch(copy, batch * RECORDS, damage)
          const manager = openManager(ROOT, { host: simulatedHost(copy), config })
          const log = manager.get('t', 0)!
          expect([batch, log.logEndOffset]).toEqual([batch, BATCHES * RECORDS])
          const hit = range(batch * RECORDS, (batch + 1) * RECORDS)
          const rest = range(0, BATCHES * RECORDS).filter((offset) => !hit.includes(offset))
          for (const offset of hit.toReversed()) {
            const { errorCode, bytes } = await readAll(log, offset, { maxBytes: 1 })
            // Silence would be to answer with what comes behind.
            if (errorCode === 'NONE') expect(bytes.readInt32BE(4)).toBeLessThanOrEqual(offset)
          }
          const { read, told } = await consume(log)
          expect([batch, read.filter((offset) => !hit.includes(offset))]).toEqual([batch, rest])
          expect([batch, told]).toEqual([batch, hit])
          manager.abandon()
        }
      },
    )
  })
})

describe('when it is not known any more what was durable', () => {
  const BATCHES = 12
  const damages: [string, (disk: SimDisk) => void][] = [
    ['damaged', (disk) => overwrite(disk, RECOVERY_POINTS, Buffer.from('0\n1\nt 0'))],
    ['zeroed', (disk) => overwrite(disk, RECOVERY_POINTS, Buffer.alloc(14))],
    ['gone', (disk) => disk.remove(RECOVERY_POINTS)],
  ]

  async function killed(): Promise<SimDisk> {
    const disk = new SimDisk({ random: seeded(1) })
    const { log, manager } = await openLog(ROOT, { host: simulatedHost(disk), config })
    for (let offset = 0; offset < BATCHES; offset++) {
      const producer = { producerId: 7, producerEpoch: 0, baseSequence: offset }
      await append(log, batchOf(1, 200, { timestamp: NOW + offset, ...producer }))
    }
    log.setHighWatermark(BATCHES)
    await log.flush()
    await manager.checkpoint()
    manager.abandon()
    return disk
  }

  test.each(damages)(
    'since its file is %s, a start cuts what is bad at the end, and nothing that is sound',
    async (_, lose) => {
      for (const damaged of [0, 3, 5, 6, 8]) {
        const disk = await killed()
        lose(disk)
        damageBatch(disk, damaged, flip(100))
        const active = `${DIRECTORY}/${logFiles(disk).at(-1)!}`
        const whole = disk.readFile(active)
        const torn = whole.subarray(0, 150)
        overwrite(disk, active, Buffer.concat([whole, torn]))
        const manager = openManager(ROOT, { host: simulatedHost(disk), config })
        const log = manager.get('t', 0)!
        expect([damaged, log.logEndOffset]).toEqual([damaged, BATCHES])
        expect(disk.readFile(active)).toHaveLength(whole.length)
        const { read, told } = await consume(log)
        expect([damaged, told]).toEqual([damaged, [damaged]])
        expect(read).toHaveLength(BATCHES - 1)
        expect(log.producers()).toMatchObject([{ producerId: 7, lastSequence: BATCHES - 1 }])
        expect((await append(log, batchOf(1))).baseOffset).toBe(BATCHES)
        expect((await readAll(log, BATCHES)).errorCode).toBe('NONE')
        await manager.close()
        const again = openManager(ROOT, { host: simulatedHost(disk), config }).get('t', 0)!
        expect((await consume(again)).told).toEqual([damaged])
      }
    },
  )

  test('a wrong base offset at the end of a segment costs none of the segments behind it', async () => {
    for (const wrong of [BATCHES + 1, 500_000]) {
      const disk = await killed()
      disk.remove(RECOVERY_POINTS)
      const files = logFiles(disk)
      const lastOfFirst = Number(files[1]!.slice(0, 20)) - 1
      damageBatch(disk, lastOfFirst, write32(4, wrong))
      const manager = openManager(ROOT, { host: simulatedHost(disk), config })
      const log = manager.get('t', 0)!
      expect([wrong, log.logEndOffset]).toEqual([wrong, BATCHES])
      expect(logFiles(disk)).toEqual(files)
      const { read, told } = await consume(log)
      expect([wrong, told]).toEqual([wrong, [lastOfFirst]])
      expect(read).toHaveLength(BATCHES - 1)
      manager.abandon()
    }
  })

  test('a last batch that was written in part, or wrong, is cut all the same', async () => {
    for (const damage of [flip(100), write32(23, 7)]) {
      const disk = await killed()
      disk.remove(RECOVERY_POINTS)
      damageBatch(disk, BATCHES - 1, damage)
      const log = openManager(ROOT, { host: simulatedHost(disk), config }).get('t', 0)!
      expect(log.logEndOffset).toBe(BATCHES - 1)
      expect(await consume(log)).toEqual({ read: range(0, BATCHES - 1), told: [] })
    }
  })

  test('a directory that was killed before its first checkpoint is cut at the first bad batch', async () => {
    const disk = new SimDisk({ random: seeded(1) })
    const { log, manager } = await openLog(ROOT, { host: simulatedHost(disk), config })
    for (let offset = 0; offset < 3; offset++) await append(log, batchOf(1, 200))
    manager.abandon()
    damageBatch(disk, 1, flip(100))
    const again = openManager(ROOT, { host: simulatedHost(disk), config }).get('t', 0)!
    expect(again.logEndOffset).toBe(1)
  })
})

describe('a damaged bit that says that a batch is in a transaction', () => {
  test.each(stops)(
    'makes none begin, nor hides what is behind (%s, snapshots lost)',
    async (stop) => {
      const disk = new SimDisk({ random: seeded(1) })
      const { log, manager } = await openLog(ROOT, { host: simulatedHost(disk), config })
      for (let offset = 0; offset < 12; offset++) {
        const producer = { producerId: 7, producerEpoch: 0, baseSequence: offset }
        await append(log, batchOf(1, 200, { timestamp: NOW, ...producer }))
      }
      await log.flush()
      await manager.checkpoint()
      await end(manager, stop)
      for (const damaged of [3, 8]) damageBatch(disk, damaged, flip(22, 0x10))
      for (const name of disk.list(DIRECTORY))
        if (name.endsWith('.snapshot')) disk.remove(`${DIRECTORY}/${name}`)
      const again = openManager(ROOT, { host: simulatedHost(disk), config }).get('t', 0)!
      again.setHighWatermark(12)
      expect(again.lastStableOffset).toBe(12)
      expect(again.producers()).toMatchObject([{ lastSequence: 11, currentTxnStartOffset: -1 }])
    },
  )
})

describe('the list of aborted transactions', () => {
  /** Three aborted transactions, the first two of which are in cold segments. */
  async function aborted(disk: SimDisk) {
    const first = await openLog(ROOT, {
      host: simulatedHost(disk),
      config: { ...config, segmentBytes: 500 },
    })
    for (let producerId = 1; producerId <= 3; producerId++) {
      const producer = { producerId, producerEpoch: 0, baseSequence: 0, isTransactional: true }
      await append(first.log, batchOf(1, 200, { timestamp: NOW, ...producer }))
      await append(first.log, markerOf(producerId, 'ABORT'), { origin: 'coordinator' })
    }
    await first.manager.close()
    const { host, errors } = listeningHost(disk)
    const manager = openManager(ROOT, { host, config: { ...config, segmentBytes: 500 } })
    const log = manager.get('t', 0)!
    log.setHighWatermark(log.logEndOffset)
    return { log, manager, errors, host }
  }

  const damages: [string, string, (disk: SimDisk, path: string) => void][] = [
    [
      'damaged',
      'damaged',
      (disk, path) => overwrite(disk, path, disk.readFile(path).fill(0xff, 0, 8)),
    ],
    ['cut', 'damaged', (disk, path) => overwrite(disk, path, disk.readFile(path).subarray(0, 20))],
    ['removed', 'missing', (disk, path) => disk.remove(path)],
  ]
  const indexes = (disk: SimDisk): string[] =>
    disk
      .list(DIRECTORY)
      .filter((name) => name.endsWith('.txnindex'))
      .sort()

  test.each(damages)(
    'that is %s as the log runs is told, and nothing aborted is passed off as committed',
    async (_, word, damage) => {
      const disk = new SimDisk({ random: seeded(1) })
      const { log, manager, errors, host } = await aborted(disk)
      expect(indexes(disk)).toHaveLength(3)
      const path = `${DIRECTORY}/${indexes(disk)[0]!}`
      damage(disk, path)
      const given = jest.spyOn(BufferPool.prototype, 'give')
      const taken = jest.spyOn(BufferPool.prototype, 'take')
      for (let round = 0; round < 2; round++)
        expect((await readAll(log, 0, { upTo: 'lastStable' })).errorCode).toBe('CORRUPT_MESSAGE')
      expect(taken.mock.calls.length).toBeGreaterThan(0)
      expect(given.mock.calls).toHaveLength(taken.mock.calls.length)
      given.mockRestore()
      taken.mockRestore()
      expect(errors).toHaveLength(1)
      expect(errors[0]!.message).toContain(`${path} is ${word}`)
      // Who wants all records gets them, and who begins behind, too.
      expect((await readAll(log, 0, { upTo: 'highWatermark' })).errorCode).toBe('NONE')
      const behind = await readAll(log, 4, { upTo: 'lastStable' })
      expect(behind).toMatchObject({
        errorCode: 'NONE',
        abortedTransactions: [{ producerId: 3, firstOffset: 4 }],
      })
      await manager.close()
      if (word === 'missing') return
      // The next start builds it anew.
      const again = openManager(ROOT, { host, config: { ...config, segmentBytes: 500 } }).get(
        't',
        0,
      )!
      again.setHighWatermark(again.logEndOffset)
      expect(await readAll(again, 0, { upTo: 'lastStable' })).toMatchObject({
        errorCode: 'NONE',
        abortedTransactions: [{ producerId: 1, firstOffset: 0 }],
      })
    },
  )

  test('goes on in a segment that is written to, whatever becomes of its file meanwhile', async () => {
    const disk = new SimDisk({ random: seeded(1) })
    const { log } = await aborted(disk)
    const path = `${DIRECTORY}/${indexes(disk).at(-1)!}`
    overwrite(disk, path, Buffer.alloc(34, 0xff))
    const producer = { producerId: 4, producerEpoch: 0, baseSequence: 0, isTransactional: true }
    await append(log, batchOf(1, 10, { timestamp: NOW, ...producer }))
    await append(log, markerOf(4, 'ABORT'), { origin: 'coordinator' })
    log.setHighWatermark(log.logEndOffset)
    const { errorCode, abortedTransactions } = await readAll(log, 4, { upTo: 'lastStable' })
    expect(errorCode).toBe('NONE')
    expect(abortedTransactions?.map(({ producerId }) => producerId)).toEqual([3, 4])
  })
})

test('a segment that was about to take the place of others takes all of them, though it is damaged', async () => {
  const disk = new SimDisk({ random: seeded(1) })
  const { log, manager } = await openLog(ROOT, { host: simulatedHost(disk), config })
  for (let offset = 0; offset < 18; offset++)
    await append(log, batchOf(1, 200, { timestamp: NOW + offset }))
  await log.flush()
  await manager.checkpoint()
  await manager.close()
  // The first two of three segments have become one, and the process died before they were gone.
  const [first, second] = logFiles(disk)
  const both = [first!, second!].map((name) => disk.readFile(`${DIRECTORY}/${name}`))
  disk.replaceFile(`${DIRECTORY}/${first!}.swap`, Buffer.concat(both))
  const swap = Buffer.from(disk.readFile(`${DIRECTORY}/${first!}.swap`))
  write32(8, 0)(swap, 2 * (both[0]!.readInt32BE(8) + 12))
  overwrite(disk, `${DIRECTORY}/${first!}.swap`, swap)
  const again = openManager(ROOT, { host: simulatedHost(disk), config }).get('t', 0)!
  expect(logFiles(disk)).toHaveLength(2)
  const { read, told } = await consume(again)
  expect(told).toEqual([2])
  expect(read).toEqual(range(0, 18).filter((offset) => offset !== 2))
})

describe('an index of times that is damaged after a clean stop', () => {
  const DAY_MS = 86_400_000
  const damages: [string, (index: Buffer) => Buffer][] = [
    [
      'says that all is older',
      (index) => (index.writeBigInt64BE(BigInt(NOW - 100 * DAY_MS), index.length - 12), index),
    ],
    ['lacks its last entry', (index) => index.subarray(0, -12)],
    ['is empty', () => Buffer.alloc(0)],
    ['names another offset', (index) => (index.writeInt32BE(0, index.length - 4), index)],
  ]
  test.each(damages)('and %s has retention delete nothing that is new', async (_, damage) => {
    const disk = new SimDisk({ random: seeded(1) })
    const now = Date.now()
    const more = { ...config, retentionMs: 5 * DAY_MS }
    const { log, manager } = await openLog(ROOT, { host: simulatedHost(disk), config })
    for (let offset = 0; offset < 18; offset++) {
      // Of the first segment all is old, of the others the last three batches are new.
      const isNew = offset >= 6 && offset % 6 >= 3
      await append(log, batchOf(1, 200, { timestamp: isNew ? now : now - 10 * DAY_MS }))
    }
    await manager.close()
    for (const name of disk.list(DIRECTORY))
      if (name.endsWith('.timeindex'))
        overwrite(
          disk,
          `${DIRECTORY}/${name}`,
          damage(Buffer.from(disk.readFile(`${DIRECTORY}/${name}`))),
        )
    const again = openManager(ROOT, { host: simulatedHost(disk), config: more }).get('t', 0)!
    again.setHighWatermark(18)
    for (let round = 0; round < 2; round++) await again.deleteOldSegments()
    expect(again.logStartOffset).toBe(6)
    expect((await consume(again)).read).toEqual(range(6, 18))
    expect(await again.offsetForTimestamp(BigInt(now))).toMatchObject({ offset: 9 })
  })
})

/** A log of so many batches of one record, of which those before an offset are deleted by a client. */
async function withDeleted(count: number, before: number) {
  const disk = new SimDisk({ random: seeded(1) })
  const { log, manager } = await openLog(ROOT, { host: simulatedHost(disk), config })
  for (let offset = 0; offset < count; offset++) {
    await append(log, batchOf(1, 200, { timestamp: NOW }))
  }
  log.setHighWatermark(count)
  expect(log.deleteRecordsBefore(before)).toBe('NONE')
  return { disk, log, manager }
}

test.each(stops)('a log start behind the end of the log is not believed (%s)', async (stop) => {
  const { disk, log, manager } = await withDeleted(12, 2)
  await log.flush()
  await manager.checkpoint()
  await end(manager, stop)
  overwrite(disk, `${ROOT}/log-start-offset-checkpoint`, Buffer.from('0\n1\nt 0 2002\n'))
  const { host, errors } = listeningHost(disk)
  const again = openManager(ROOT, { host, config }).get('t', 0)!
  expect([again.logStartOffset, again.logEndOffset]).toEqual([0, 12])
  expect((await consume(again)).read).toEqual(range(0, 12))
  expect(errors).toHaveLength(1)
  expect(errors[0]).toMatchObject({
    fields: { path: DIRECTORY, logStartOffset: 2002, endOffset: 12 },
  })
})

test('a log start is believed where the files reach beyond it, and the other checkpoints are lost', async () => {
  const { disk, log, manager } = await withDeleted(12, 5)
  await log.flush()
  await manager.checkpoint()
  manager.abandon()
  for (const path of [RECOVERY_POINTS, `${ROOT}/replication-offset-checkpoint`]) disk.remove(path)
  const again = openManager(ROOT, { host: simulatedHost(disk), config }).get('t', 0)!
  expect([again.logStartOffset, again.logEndOffset]).toEqual([5, 12])
})

test('a log that lost its end begins anew at its start, where that was replicated', async () => {
  const { disk, manager } = await withDeleted(5, 5)
  await manager.checkpoint()
  manager.abandon()
  const path = `${DIRECTORY}/${logFiles(disk)[0]!}`
  overwrite(disk, path, disk.readFile(path).subarray(0, 600))
  const again = openManager(ROOT, { host: simulatedHost(disk), config }).get('t', 0)!
  expect([again.logStartOffset, again.logEndOffset]).toEqual([5, 5])
})

test('a log that lost what is before and behind its start in a segment begins anew there, without what came later', async () => {
  const { disk, manager } = await withDeleted(12, 3)
  await manager.checkpoint()
  manager.abandon()
  overwrite(disk, RECOVERY_POINTS, Buffer.from('0\n1\nt 0 0\n'))
  expect(logFiles(disk).length).toBeGreaterThan(1)
  const path = `${DIRECTORY}/${logFiles(disk)[0]!}`
  overwrite(disk, path, disk.readFile(path).subarray(0, 400))
  const again = openManager(ROOT, { host: simulatedHost(disk), config }).get('t', 0)!
  expect([again.logStartOffset, again.logEndOffset]).toEqual([3, 3])
})

test.each(['missing', 'damaged'])(
  'a partition whose partition.metadata is %s is set aside, and the log says what to do',
  (what) => {
    const disk = new SimDisk({ random: seeded(1) })
    disk.makeDirectory(DIRECTORY)
    disk.replaceFile(`${DIRECTORY}/00000000000000000000.log`, batchOf(1))
    if (what === 'damaged')
      disk.replaceFile(`${DIRECTORY}/partition.metadata`, 'version: 0\ntopic_id: ~')
    const { host, errors } = listeningHost(disk)
    openManager(ROOT, { host, config })
    expect(errors).toHaveLength(1)
    expect(errors[0]!.message).toContain(
      `${DIRECTORY} does not say whose it is: its partition.metadata`,
    )
    const stray = disk.list(ROOT).find((name) => name.endsWith('-stray'))!
    expect(errors[0]!.message).toContain(stray)
    expect(disk.list(`${ROOT}/${stray}`)).toContain('00000000000000000000.log')
  },
)

describe('in a segment of large batches', () => {
  const BATCHES = 8
  /** The header of the batch behind is in no buffer with theirs. */
  const LARGE_BYTES = 40_000

  test('a last offset that is too great hides none of the batches behind it', async () => {
    const disk = new SimDisk({ random: seeded(1) })
    // No entry of an index tells where a look-up could begin behind the damage.
    const sparse = { segmentBytes: 1e6, indexIntervalBytes: 1e6 }
    const { log } = await openLog(ROOT, { host: simulatedHost(disk), config: sparse })
    for (let offset = 0; offset < BATCHES; offset++) await append(log, batchOf(1, LARGE_BYTES))
    damageBatch(disk, 3, write32(23, 3))
    const { read, told } = await consume(log)
    expect(told).toEqual([3])
    expect(read).toEqual([0, 1, 2, 4, 5, 6, 7])
  })
})

test('a log that is cut within damage ends where that begins', async () => {
  const disk = new SimDisk({ random: seeded(1) })
  const { log } = await openLog(ROOT, { host: simulatedHost(disk) })
  for (let offset = 0; offset < 6; offset++) await append(log, batchOf(1, 100))
  for (const offset of [4, 3]) damageBatch(disk, offset, write32(8, 0))
  await log.truncateTo(4)
  expect(log.logEndOffset).toBe(3)
  expect((await append(log, batchOf(1))).baseOffset).toBe(3)
  expect((await consume(log)).read).toEqual([0, 1, 2, 3])
})

test('behind damage a time is found by an index that a start has built', async () => {
  const disk = new SimDisk({ random: seeded(1) })
  const dense = { ...config, segmentBytes: 1e6 }
  const { log, manager } = await openLog(ROOT, { host: simulatedHost(disk), config: dense })
  // None has the length of another one.
  for (let batch = 0; batch < 20; batch++)
    await append(log, batchOf(1, 200 + 7 * batch, { timestamp: NOW + batch }))
  await log.flush()
  await manager.checkpoint()
  manager.abandon()
  damageBatch(disk, 3, flip(100))
  damageBatch(disk, 5, write32(8, 0))
  const again = openManager(ROOT, { host: simulatedHost(disk), config: dense }).get('t', 0)!
  expect(await again.offsetForTimestamp(BigInt(NOW + 15))).toMatchObject({ offset: 15 })
})

test('a segment whose index files are rotten and whose readable records are old is kept for its file', async () => {
  const disk = new SimDisk({ random: seeded(1) })
  const { log, manager } = await openLog(ROOT, { host: simulatedHost(disk), config })
  for (let batch = 0; batch < 12; batch++)
    await append(log, batchOf(1, 200, { timestamp: NOW + batch }))
  await manager.close()
  damageBatch(disk, 3, write32(8, 0))
  for (const name of disk.list(DIRECTORY))
    if (/index$/.test(name)) overwrite(disk, `${DIRECTORY}/${name}`, Buffer.alloc(5, 0xa5))
  const again = openManager(ROOT, {
    host: simulatedHost(disk),
    config: { ...config, retentionMs: 86_400_000 },
  }).get('t', 0)!
  again.setHighWatermark(again.logEndOffset)
  await again.deleteOldSegments()
  expect(again.logStartOffset).toBe(0)
})
