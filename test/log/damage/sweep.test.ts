import { batchSizeBytes } from '../../../protocol/records/batch.ts'
import { SimDisk } from '../../../src/host/sim/disk.ts'
import type { LogConfig } from '../../../src/log/base/config.ts'
import { consume, damageBatch, DIRECTORY, flip, ROOT, write32, type Damage } from './support.ts'
import { seeded, simulatedHost } from '../seeded.ts'
import { append, batchOf, openLog, openManager, readAll } from '../support.ts'

const NOW = 1_760_000_000_000
const BATCHES = 12
/** Six batches to a segment, an entry of the index about every other batch. */
const config: Partial<LogConfig> = {
  segmentBytes: 1700,
  indexIntervalBytes: 300,
  segmentMs: Infinity,
  producerIdExpirationMs: Infinity,
}

/** One record a batch, so that batch and offset have the same number. */
const batchAt = (offset: number, timestamp = NOW + offset): Buffer =>
  batchOf(1, 200, { timestamp, producerId: 7, producerEpoch: 0, baseSequence: offset })

const regions: readonly [string, Damage][] = [
  ['length of nothing', write32(8, 0)],
  ['length less than a header', write32(8, 30)],
  ['negative length', write32(8, -5)],
  ['length beyond the file', write32(8, 1_000_000)],
  ['length of gigabytes', write32(8, 0x7ffffff0)],
  ['length a little too great', flip(11, 64)],
  ['length a little too small', flip(11, 1)],
  ['magic', flip(16, 3)],
  ['checksum', flip(17)],
  ['attributes', flip(22, 0x10)],
  ['last offset delta too great', write32(23, 3)],
  ['last offset delta far too great', write32(23, 0x7ffffff0)],
  ['negative last offset delta', write32(23, -1)],
  ['base timestamp', flip(30)],
  ['greatest timestamp', flip(38)],
  ['producer id beyond 2^53', flip(43, 0x40)],
  ['producer id', flip(50)],
  ['producer epoch', flip(52)],
  ['base sequence', flip(56)],
  ['record count', flip(60)],
  ['records', flip(100)],
  ['base offset beyond 2^53', flip(0, 0x40)],
  ['negative base offset', flip(0, 0x80)],
  ['base offset beyond the segment', flip(3)],
  ['base offset (too great)', flip(7, 0x20)],
  ['base offset too small', (segment, at) => void (segment[at + 7]! -= 1)],
  [
    'zeros in place of all',
    (segment, at) => void segment.fill(0, at, at + batchSizeBytes(segment, at)),
  ],
]

async function writeLog(isFlushed: boolean) {
  const disk = new SimDisk({ random: seeded(1) })
  const { log, manager } = await openLog(ROOT, { host: simulatedHost(disk), config })
  for (let offset = 0; offset < BATCHES; offset++) await append(log, batchAt(offset))
  if (isFlushed) {
    await log.flush()
    await manager.checkpoint()
  }
  return { disk, log, manager }
}

type Stop = 'none' | 'clean' | 'kill'

/** A log that is flushed, damaged as it runs or after a stop, and open. */
async function damagedLog(
  stop: Stop,
  damage: (disk: SimDisk) => void,
  more: Partial<LogConfig> = {},
) {
  const life = await writeLog(true)
  if (stop === 'clean') await life.manager.close()
  if (stop === 'kill') life.manager.abandon()
  damage(life.disk)
  if (stop === 'none') return life
  const host = simulatedHost(life.disk)
  const manager = openManager(ROOT, { host, config: { ...config, ...more } })
  return { disk: life.disk, manager, log: manager.get('t', 0)! }
}

/** The first, a middle and the last one of a cold segment, and of the active one. */
const places = [0, 3, 5, 6, 8, 11]
const stops = ['none', 'clean', 'kill'] as const

describe.each(stops)('in a log that was stopped so: %s', (stop) => {
  test.each(regions)(
    'clients are told of a batch with a wrong %s, and get all others',
    async (name, damage) => {
      for (const damaged of places) {
        // What a checksum doesn't cover and nothing behind contradicts can't be seen after a start.
        if (name === 'base offset (too great)' && damaged === BATCHES - 1 && stop !== 'none')
          continue
        const { log, manager } = await damagedLog(stop, (disk) =>
          damageBatch(disk, damaged, damage),
        )
        const all = Array.from({ length: BATCHES }, (_, offset) => offset)
        expect([damaged, log.logEndOffset]).toEqual([damaged, BATCHES])
        for (let round = 0; round < 2; round++) {
          const { read, told } = await consume(log)
          expect([damaged, told]).toEqual([damaged, [damaged]])
          expect([damaged, read]).toEqual([damaged, all.filter((each) => each !== damaged)])
        }
        for (const offset of all) {
          const { errorCode, bytes } = await readAll(log, offset, { maxBytes: 1 })
          if (offset === damaged && errorCode !== 'NONE') expect(errorCode).toBe('CORRUPT_MESSAGE')
          else
            expect([damaged, offset, errorCode, bytes.length > 0]).toEqual([
              damaged,
              offset,
              'NONE',
              true,
            ])
        }
        log.setHighWatermark(BATCHES)
        // No transaction begins, and no producer comes to be, because a bit says so; a running log knew it before.
        expect([damaged, log.lastStableOffset]).toEqual([damaged, BATCHES])
        const lastSound = stop === 'kill' && damaged === BATCHES - 1 ? BATCHES - 2 : BATCHES - 1
        expect([damaged, log.producers()]).toMatchObject([
          damaged,
          [{ producerId: 7, producerEpoch: 0, lastSequence: lastSound }],
        ])
        expect((await append(log, batchOf(1))).baseOffset).toBe(BATCHES)
        expect((await consume(log)).read.at(-1)).toBe(BATCHES)
        await manager.close()
      }
    },
  )
})

/** Fields whose damage nobody can take for a batch. */
const unreadable = regions.filter(([name]) =>
  /^(length of nothing|length beyond|magic|zeros)/.test(name),
)
const DAY_MS = 86_400_000

describe.each(['with its indexes', 'without its indexes'])('a damaged segment %s', (which) => {
  const dropsIndexes = which.startsWith('without')

  /** Old records before the damage, which is in the second batch of a cold and of the active segment, and a new one behind. */
  async function agedLog(damage: Damage, stop: 'clean' | 'kill') {
    const disk = new SimDisk({ random: seeded(1) })
    const host = simulatedHost(disk)
    const { log, manager } = await openLog(ROOT, { host, config })
    const now = Date.now()
    for (let offset = 0; offset < BATCHES; offset++) {
      const isNew = offset % 6 > 1
      await append(log, batchAt(offset, isNew ? now : now - 10 * DAY_MS))
    }
    log.setHighWatermark(BATCHES)
    await log.flush()
    await manager.checkpoint()
    if (stop === 'clean') await manager.close()
    else manager.abandon()
    damageBatch(disk, 1, damage)
    damageBatch(disk, 7, damage)
    for (const name of disk.list(DIRECTORY))
      if (dropsIndexes && /index$/.test(name)) disk.remove(`${DIRECTORY}/${name}`)
    return { disk, now }
  }

  test.each(['clean', 'kill'] as const)(
    'keeps its new records through retention (%s)',
    async (stop) => {
      for (const [, damage] of unreadable) {
        const { disk, now } = await agedLog(damage, stop)
        for (let start = 0; start < 2; start++) {
          const retention = { ...config, retentionMs: 5 * DAY_MS }
          const manager = openManager(ROOT, { host: simulatedHost(disk), config: retention })
          const log = manager.get('t', 0)!
          log.setHighWatermark(BATCHES)
          await readAll(log, 1)
          await readAll(log, 7)
          await log.deleteOldSegments()
          expect(log.logStartOffset).toBe(0)
          expect((await consume(log)).read).toEqual([0, 2, 3, 4, 5, 6, 8, 9, 10, 11])
          // The first new record, and what may be one of the damaged ones.
          expect((await log.latestTimestamp())?.offset).toBe(2)
          const found = log.offsetForTimestamp(BigInt(now))
          if (dropsIndexes) await expect(found).rejects.toThrow('damaged at offset 1')
          else
            await found.catch((error: Error) =>
              expect(error.message).toMatch('damaged at offset 1'),
            )
          if (start === 0) {
            manager.abandon()
            continue
          }
          expect(log.deleteRecordsBefore(8)).toBe('NONE')
          expect(await log.offsetForTimestamp(BigInt(now))).toMatchObject({ offset: 8 })
          manager.abandon()
        }
      }
    },
  )
})

test('a segment is kept for its file where its readable records are old and its indexes lost', async () => {
  const life = await writeLog(true)
  await life.manager.close()
  damageBatch(life.disk, 3, write32(8, 0))
  damageBatch(life.disk, 8, write32(8, 0))
  for (const name of life.disk.list(DIRECTORY))
    if (/index$/.test(name)) life.disk.remove(`${DIRECTORY}/${name}`)
  const stat = life.disk.stat.bind(life.disk)
  let modifiedMs = Date.now()
  life.disk.stat = (path) => ({ ...stat(path), modifiedMs })
  const manager = openManager(ROOT, {
    host: simulatedHost(life.disk),
    config: { ...config, retentionMs: DAY_MS },
  })
  const log = manager.get('t', 0)!
  log.setHighWatermark(BATCHES)
  await log.deleteOldSegments()
  expect(log.logStartOffset).toBe(0)
  expect(life.disk.list(DIRECTORY).filter((name) => /index$/.test(name))).toEqual([])
  modifiedMs -= 2 * DAY_MS
  await log.deleteOldSegments()
  expect(log.logStartOffset).toBe(BATCHES)
})

test('a time that a damaged batch may have is not looked for behind it, where its indexes are lost', async () => {
  const life = await writeLog(true)
  await life.manager.close()
  damageBatch(life.disk, 5, write32(8, 0))
  for (const name of life.disk.list(DIRECTORY))
    if (/index$/.test(name)) life.disk.remove(`${DIRECTORY}/${name}`)
  const log = openManager(ROOT, { host: simulatedHost(life.disk), config }).get('t', 0)!
  expect(await log.offsetForTimestamp(BigInt(NOW + 4))).toMatchObject({ offset: 4 })
  await expect(log.offsetForTimestamp(BigInt(NOW + 7))).rejects.toThrow('damaged at offset 5')
})

test.each(['clean', 'kill'] as const)(
  'rot and a bad length below the recovery point cost two batches of a hundred (%s)',
  async (stop) => {
    const disk = new SimDisk({ random: seeded(1) })
    const { log, manager } = await openLog(ROOT, { host: simulatedHost(disk) })
    for (let offset = 0; offset < 100; offset++) await append(log, batchAt(offset))
    await log.flush()
    await manager.checkpoint()
    if (stop === 'clean') await manager.close()
    else manager.abandon()
    damageBatch(disk, 98, write32(8, 0x7fffff00))
    damageBatch(disk, 3, flip(100))
    const again = openManager(ROOT, { host: simulatedHost(disk) }).get('t', 0)!
    expect(again.logEndOffset).toBe(100)
    const { read, told } = await consume(again)
    expect(told).toEqual([3, 98])
    expect(read).toHaveLength(98)
  },
)

test('damage is told once in the log, with file, position and offsets', async () => {
  const life = await writeLog(true)
  life.manager.abandon()
  damageBatch(life.disk, 3, write32(8, 0))
  const lines: { fields: object; message: string }[] = []
  const host = simulatedHost(life.disk)
  const log = {
    ...host.log,
    error: (fields: object, message: string) => void lines.push({ fields, message }),
  }
  const manager = openManager(ROOT, { host: { ...host, log }, config })
  for (let round = 0; round < 3; round++) await readAll(manager.get('t', 0)!, 3)
  const path = `${DIRECTORY}/00000000000000000000.log`
  expect(lines).toHaveLength(1)
  expect(lines[0]).toMatchObject({ fields: { path, fromOffset: 3, toOffset: 4 } })
})

test('after a kill what was never flushed is cut at the first bad batch, which is told', async () => {
  const life = await writeLog(false)
  life.manager.abandon()
  damageBatch(life.disk, 8, flip(100))
  const host = simulatedHost(life.disk)
  const lines: object[] = []
  const warn = (fields: object, message: string) => void lines.push({ ...fields, message })
  const manager = openManager(ROOT, { host: { ...host, log: { ...host.log, warn } }, config })
  const log = manager.get('t', 0)!
  expect(log.logEndOffset).toBe(8)
  expect((await consume(log)).told).toEqual([])
  const path = `${DIRECTORY}/00000000000000000006.log`
  const sizeBytes = life.disk.readFile(path).length
  expect(lines).toContainEqual({
    path,
    position: sizeBytes,
    cutBytes: 2 * sizeBytes,
    message: 'The log was cut at the first bad batch',
  })
})
