import {
  batchBaseOffset,
  batchSizeBytes,
  checkBatch,
  readBatches,
} from '../../protocol/records/batch.ts'
import type { Random } from '../../src/host/host.ts'
import { SimDisk, type CrashKind } from '../../src/host/sim/disk.ts'
import type { Log } from '../../src/log/log.ts'
import { DEFAULT_LOG_CONFIG, type LogConfig } from '../../src/log/base/config.ts'
import { append, batchOf, codecs, openLog, openManager, readAll } from './support.ts'
import { seeded, simulatedHost } from './seeded.ts'

const ROOT = '/data'
const config: Partial<LogConfig> = { segmentBytes: 6000, indexIntervalBytes: 500 }

interface Life {
  readonly disk: SimDisk
  /** All that was appended, in order. */
  readonly appended: Buffer
  /** The log's end at the last flush that was reported. */
  readonly flushedOffset: number
  readonly logEndOffset: number
  readonly sequence: number
}

/** Appends, flushes and saves checkpoints at random. */
async function live(random: Random): Promise<Life> {
  const disk = new SimDisk({ random })
  const { manager, log } = await openLog(ROOT, { host: simulatedHost(disk, random), config })
  const appended: Buffer[] = []
  let flushedOffset = 0
  let sequence = 0
  let epoch = 0
  for (let step = 0; step < 60; step++) {
    const choice = random.below(12)
    if (choice === 0) {
      await log.flush()
      flushedOffset = log.recoveryPoint
    } else if (choice === 1) {
      await manager.checkpoint()
    } else {
      if (random.below(10) === 0) epoch++
      const count = 1 + random.below(8)
      const batch = batchOf(count, random.below(200), {
        producerId: 5,
        producerEpoch: 0,
        baseSequence: sequence,
      })
      sequence += count
      expect(await append(log, batch, { epoch })).toMatchObject({ errorCode: 'NONE' })
      appended.push(batch)
    }
  }
  const { logEndOffset } = log
  return { disk, appended: Buffer.concat(appended), flushedOffset, logEndOffset, sequence }
}

/** What a segment's file holds up to the first batch that isn't sound. */
function soundPart(file: Buffer): Buffer {
  let at = 0
  while (checkBatch(file, at, file.length, codecs.crc32c) === null) at += batchSizeBytes(file, at)
  return file.subarray(0, at)
}

/** What the segments hold up to the first one that isn't whole or doesn't follow the one before. */
function soundLog(disk: SimDisk): Buffer {
  const names = disk.list(`${ROOT}/t-0`).filter((name) => name.endsWith('.log'))
  const parts: Buffer[] = []
  for (const name of names.sort()) {
    const file = disk.readFile(`${ROOT}/t-0/${name}`)
    const sound = soundPart(file)
    parts.push(sound)
    if (sound.length < file.length) break
  }
  return Buffer.concat(parts)
}

const kinds: CrashKind[] = ['lost', 'torn', 'scattered']

describe.each(kinds)('after a crash with unsynced bytes %s', (kind) => {
  test.each(Array.from({ length: 10 }, (_, seed) => seed))(
    'nothing flushed is lost and the log ends at the first bad batch (seed %d)',
    async (seed) => {
      const random = seeded(seed)
      const life = await live(random)
      const disk = life.disk.crash(kind)
      const found = soundLog(disk)
      const manager = openManager(ROOT, { host: simulatedHost(disk, random), config })
      const log = manager.get('t', 0)!
      expect(log.logEndOffset).toBeGreaterThanOrEqual(life.flushedOffset)
      const parts: Buffer[] = []
      for (let offset = 0; offset < log.logEndOffset;) {
        const { bytes, errorCode } = await readAll(log, offset)
        expect(errorCode).toBe('NONE')
        parts.push(bytes)
        let at = 0
        for (; at < bytes.length; at += batchSizeBytes(bytes, at)) {
          offset = Number(bytes.readBigInt64BE(at)) + bytes.readInt32BE(at + 23) + 1
        }
      }
      const survived = Buffer.concat(parts)
      expect(life.appended.subarray(0, survived.length).equals(survived)).toBe(true)
      expect(survived.length).toBeGreaterThanOrEqual(Math.min(found.length, life.appended.length))
      await expectGoesOn(log)
      await manager.close()
      await expectSoundAfterClose(disk, random)
    },
  )
})

test.each([...kinds, 'reordered'] as const)(
  'a log that was being cut when the power went has no hole, with bytes %s',
  async (kind) => {
    for (let seed = 0; seed < 30; seed++) {
      const random = seeded(seed)
      const held: (() => void)[] = []
      let isHolding = false
      const later = (work: () => void): void => {
        if (isHolding) held.push(work)
        else queueMicrotask(work)
      }
      const disk = new SimDisk({ random, later })
      const { log } = await openLog(ROOT, { host: simulatedHost(disk, random), config })
      for (let count = 0; count < 60; count++) await append(log, batchOf(1, 500))
      await log.flush()
      isHolding = true
      log.truncateTo(3).catch(() => undefined)
      for (let works = random.below(20); works > 0; works--) {
        await new Promise((resolve) => setImmediate(resolve))
        held.shift()?.()
      }
      isHolding = false
      const after = simulatedHost(disk.crash(kind), random)
      const found = openManager(ROOT, { host: after, config }).get('t', 0)!
      const offsets: number[] = []
      for (let offset = 0; offset < found.logEndOffset; offset = offsets.at(-1)! + 1) {
        const { bytes } = await readAll(found, offset)
        if (bytes.length === 0 || offsets.length > 60) break
        for (const batch of readBatches(bytes)) offsets.push(batchBaseOffset(batch, 0))
      }
      expect(offsets).toEqual(Array.from({ length: found.logEndOffset }, (_, offset) => offset))
      expect(offsets.length).toBeGreaterThanOrEqual(3)
    }
  },
)

test.each([...kinds, 'reordered'] as const)(
  'a log that syncs before it begins a segment has no hole where nothing was flushed, with bytes %s',
  async (kind) => {
    const ends = new Set<number>()
    for (let seed = 0; seed < 40; seed++) {
      const random = seeded(seed)
      // What is flushed in the background never comes to its end.
      const disk = new SimDisk({ random, later: () => undefined })
      const synced = { ...config, syncsBeforeRoll: true }
      const manager = openManager(ROOT, { host: simulatedHost(disk, random) })
      const log = manager.openMetadataLog(manager.directories[0]!, {
        ...DEFAULT_LOG_CONFIG,
        ...synced,
      })
      for (let count = 0; count < 40; count++) await append(log, batchOf(1, 500))
      const after = simulatedHost(disk.crash(kind), random)
      const again = openManager(ROOT, { host: after })
      const found = again.openMetadataLog(again.directories[0]!, {
        ...DEFAULT_LOG_CONFIG,
        ...synced,
      })
      const offsets: number[] = []
      for (let offset = 0; offset < found.logEndOffset; offset = offsets.at(-1)! + 1) {
        const { bytes } = await readAll(found, offset)
        if (bytes.length === 0) break
        for (const batch of readBatches(bytes)) offsets.push(batchBaseOffset(batch, 0))
      }
      expect(offsets).toEqual(Array.from({ length: found.logEndOffset }, (_, offset) => offset))
      // All segments but the last one are whole.
      expect(found.logEndOffset).toBeGreaterThanOrEqual(29)
      ends.add(found.logEndOffset)
    }
    expect(ends.size).toBeGreaterThan(kind === 'lost' ? 0 : 1)
  },
)

/** The producer's state is that of the log's end: the next sequence number is taken, another one isn't. */
async function expectGoesOn(log: Log): Promise<void> {
  const next = log.logEndOffset
  const wrong = batchOf(1, 5, { producerId: 5, producerEpoch: 0, baseSequence: next + 7 })
  const right = batchOf(1, 5, { producerId: 5, producerEpoch: 0, baseSequence: next })
  if (next > 0) expect((await append(log, wrong)).errorCode).toBe('OUT_OF_ORDER_SEQUENCE_NUMBER')
  expect(await append(log, right)).toMatchObject({ errorCode: 'NONE', baseOffset: next })
}

async function expectSoundAfterClose(disk: SimDisk, random: Random): Promise<void> {
  const closed = disk.crash('lost')
  const manager = openManager(ROOT, { host: simulatedHost(closed, random), config })
  expect(manager.directories[0]!.wasClean).toBe(true)
  const log = manager.get('t', 0)!
  for (let offset = 0; offset < log.logEndOffset; offset += 7) {
    expect((await readAll(log, offset)).sizeBytes).toBeGreaterThan(0)
  }
  manager.abandon()
}
