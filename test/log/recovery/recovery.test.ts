import { createHash } from 'node:crypto'
import { batchBaseOffset, batchSizeBytes } from '../../../protocol/records/batch.ts'
import type { Random } from '../../../src/host/host.ts'
import { SimDisk } from '../../../src/host/sim/disk.ts'
import type { LogConfig } from '../../../src/log/base/config.ts'
import type { Log } from '../../../src/log/log.ts'
import type { LogManager } from '../../../src/log/manager.ts'
import { seeded, simulatedHost } from '../seeded.ts'
import { append, batchOf, markerOf, openLog, openManager, readAll } from '../support.ts'

const ROOT = '/data'
const DIRECTORY = `${ROOT}/t-0`
const RECOVERY_POINTS = `${ROOT}/recovery-point-offset-checkpoint`
const NOW = 1_760_000_000_000
const config: Partial<LogConfig> = {
  indexIntervalBytes: 500,
  producerIdExpirationMs: Infinity,
  segmentMs: Infinity,
}

/** Every checkpoint saves what spares recovery a scan. */
const eager = (disk: SimDisk, random: Random = seeded(1)) => ({
  host: simulatedHost(disk, random),
  config,
  rereadBytes: 0,
})

interface Life {
  readonly disk: SimDisk
  readonly manager: LogManager
  readonly log: Log
}

/** Three producers' records, some in transactions; flushed, checkpointed and cut at random. */
async function live(random: Random, { steps = 100, segmentBytes = 1e9 } = {}): Promise<Life> {
  const disk = new SimDisk({ random })
  const { manager, log } = await openLog(ROOT, {
    ...eager(disk, random),
    config: { ...config, segmentBytes },
  })
  const sequences = [0, 0, 0]
  const isOpen = [false, false, false]
  let time = NOW
  for (let step = 0; step < steps; step++) {
    time += random.below(5) - 1
    const choice = random.below(20)
    const id = random.below(3)
    if (choice === 0) await log.flush()
    else if (choice === 1) await manager.checkpoint()
    else if (choice < 4 && isOpen[id] === true) {
      const marker = markerOf(id, choice === 2 ? 'ABORT' : 'COMMIT')
      expect(
        (await append(log, marker, { epoch: step >> 5, origin: 'coordinator' })).errorCode,
      ).toBe('NONE')
      isOpen[id] = false
    } else {
      const count = 1 + random.below(5)
      const batch = batchOf(count, random.below(300), {
        timestamp: time,
        producerId: id,
        producerEpoch: 0,
        baseSequence: sequences[id]!,
        isTransactional: id > 0,
      })
      expect((await append(log, batch, { epoch: step >> 5 })).errorCode).toBe('NONE')
      sequences[id]! += count
      isOpen[id] = id > 0
    }
  }
  return { disk, manager, log }
}

function contents(disk: SimDisk): Record<string, string> {
  const names = disk.list(DIRECTORY).sort()
  return Object.fromEntries(
    names.map((name) => {
      const content = disk.readFile(`${DIRECTORY}/${name}`)
      return [name, `${content.length} ${createHash('md5').update(content).digest('hex')}`]
    }),
  )
}

/** What is in the directory after a start, and how much that start read. */
async function recover(
  disk: SimDisk,
): Promise<{ files: Record<string, string>; log: Log; bytesRead: number }> {
  const before = disk.bytesRead
  const manager = openManager(ROOT, eager(disk))
  const bytesRead = disk.bytesRead - before
  const log = manager.get('t', 0)!
  await manager.close()
  return { files: contents(disk), log, bytesRead }
}

const byId = (log: Log) => log.producers().sort((one, other) => one.producerId - other.producerId)

/** A disk with the same files. */
function copyOf(disk: SimDisk): SimDisk {
  const copy = new SimDisk({ random: seeded(1) })
  copy.makeDirectory(DIRECTORY)
  for (const directory of [ROOT, DIRECTORY]) {
    for (const name of disk.list(directory)) {
      const path = `${directory}/${name}`
      if (!disk.stat(path).isDirectory) copy.replaceFile(path, disk.readFile(path))
    }
  }
  return copy
}

const recoveryPointIn = (disk: SimDisk): number =>
  disk.exists(RECOVERY_POINTS)
    ? Number(/^t 0 (\d+)$/m.exec(disk.readFile(RECOVERY_POINTS).toString())?.[1] ?? 0)
    : 0

/** A long segment with batches of one size, all but its last few flushed and known to be. */
async function longSegment({
  flushedBytes = 2_000_000,
  indexIntervalBytes = 4096,
  timeOf = (sequence: number): number => NOW + sequence,
} = {}) {
  const disk = new SimDisk({ random: seeded(3) })
  const { manager, log } = await openLog(ROOT, {
    ...eager(disk),
    config: { ...config, indexIntervalBytes },
  })
  let sequence = 0
  const write = async (batches: number): Promise<void> => {
    for (let each = 0; each < batches; each++) {
      const producer = { producerId: 9, producerEpoch: 0, baseSequence: sequence }
      await append(log, batchOf(10, 900, { ...producer, timestamp: timeOf(sequence) }))
      sequence += 10
    }
  }
  const flush = async (): Promise<void> => {
    await log.flush()
    await manager.checkpoint()
  }
  await write(5)
  await flush()
  await write(Math.ceil(flushedBytes / 9_200))
  await flush()
  await write(5)
  return { disk, log, manager }
}

test.each([
  ['rise', (sequence: number) => NOW + sequence],
  ['fall at the end', (sequence: number) => NOW + (sequence > 2100 ? 0 : sequence)],
])(
  'what recovery reads grows with what was not flushed, not with the segment, where timestamps %s',
  async (_, timeOf) => {
    const { disk, log } = await longSegment({ timeOf })
    const crashed = disk.crash('torn')
    const whole = copyOf(crashed)
    whole.remove(RECOVERY_POINTS)
    const { log: recovered, bytesRead } = await recover(crashed)
    expect(recovered.logEndOffset).toBeGreaterThanOrEqual(log.recoveryPoint)
    expect(bytesRead).toBeLessThan(250_000)
    expect((await recover(whole)).bytesRead).toBeGreaterThan(2_000_000)
  },
)

test('what a checkpoint saves is only what is new, and nothing where little is', async () => {
  const { disk, log, manager } = await longSegment()
  // The one of the recovery point that is saved, and the one before it.
  const snapshots = (): string[] => disk.list(DIRECTORY).filter((name) => /snapshot$/.test(name))
  await log.flush()
  await manager.checkpoint()
  const first = snapshots()
  expect(first).toHaveLength(2)
  const syncs = disk.syncCount
  await manager.checkpoint()
  expect(disk.syncCount).toBe(syncs)
  for (let each = 0; each < 3; each++) {
    await append(log, batchOf(10, 10))
    await log.flush()
    await manager.checkpoint()
  }
  expect(snapshots()).toHaveLength(2)

  const frugal = new SimDisk({ random: seeded(3) })
  const other = await openLog(ROOT, { host: simulatedHost(frugal), config })
  await append(other.log, batchOf(10, 900))
  await other.log.flush()
  await other.manager.checkpoint()
  expect(frugal.list(DIRECTORY).filter((name) => /snapshot$|index$/.test(name))).toEqual([])
})

describe.each(['lost', 'torn', 'scattered'] as const)('after a crash with %s bytes', (kind) => {
  test.each(Array.from({ length: 6 }, (_, seed) => seed))(
    'recovery from the checkpoint makes the files that recovery from the first byte makes (seed %d)',
    async (seed) => {
      const { disk } = await live(seeded(seed), { segmentBytes: seed % 2 === 0 ? 30_000 : 1e9 })
      const crashed = disk.crash(kind)
      const whole = copyOf(crashed)
      if (whole.exists(RECOVERY_POINTS)) whole.remove(RECOVERY_POINTS)
      const recoveryPoint = recoveryPointIn(crashed)
      const { files, log } = await recover(crashed)
      const expected = await recover(whole)
      expect(files).toEqual(expected.files)
      expect(log.logEndOffset).toBeGreaterThanOrEqual(recoveryPoint)
      expect(byId(log)).toEqual(byId(expected.log))
    },
  )
})

const kinds = ['index', 'timeindex', 'txnindex', 'snapshot'] as const
/** With the lowest bit turned over of the byte that is so far from the end. */
function flipped(content: Buffer, fromEnd: number): Buffer {
  const copy = Buffer.from(content)
  if (copy.length > fromEnd) copy[copy.length - fromEnd]! ^= 1
  return copy
}

const damages: [string, (content: Buffer) => Buffer | null][] = [
  ['missing', () => null],
  ['empty', () => Buffer.alloc(0)],
  ['shorter', (content) => content.subarray(0, Math.floor(content.length / 2))],
  ['cut in an entry', (content) => content.subarray(0, Math.max(0, content.length - 3))],
  ['longer by zeros', (content) => Buffer.concat([content, Buffer.alloc(240)])],
  ['longer by noise', (content) => Buffer.concat([content, Buffer.alloc(500, 0x11)])],
  [
    'rotten at its beginning',
    (content) => Buffer.from(content).fill(0xa5, 0, Math.min(40, content.length)),
  ],
  [
    'rotten at its end',
    (content) => Buffer.from(content).fill(0x5a, Math.max(0, content.length - 20)),
  ],
  // A bit of each number in the last entries of an index: those have 8 bytes, or 12.
  ...[1, 5, 9, 13, 17].map((fromEnd): [string, (content: Buffer) => Buffer] => [
    `wrong by a bit, ${fromEnd} bytes from its end`,
    (content) => flipped(content, fromEnd),
  ]),
  ['another one’s', (content) => Buffer.from(content).map((byte, at) => byte ^ (at % 7)) as Buffer],
]

describe.each(kinds)('when a crash leaves a .%s', (kind) => {
  // That a whole line of a .txnindex, or all of it, is gone or another one can't be seen: it was durable before the recovery point was.
  const seen =
    kind === 'txnindex'
      ? damages.filter(([name]) => !/missing|empty|shorter|by a bit/.test(name))
      : damages
  test.each(seen)('%s, the rest is as it would be', async (_, damage) => {
    const { disk, log } = await live(seeded(4), { steps: 200 })
    await log.flush()
    const crashed = disk.crash('lost')
    const expected = await recover(copyOf(crashed))
    const names = crashed.list(DIRECTORY).filter((name) => name.endsWith(`.${kind}`))
    expect(names.length).toBeGreaterThan(0)
    for (const name of names) {
      const content = damage(crashed.readFile(`${DIRECTORY}/${name}`))
      if (content === null) crashed.remove(`${DIRECTORY}/${name}`)
      else crashed.replaceFile(`${DIRECTORY}/${name}`, content)
    }
    const { files } = await recover(crashed)
    expect(files).toEqual(expected.files)
  })
})

test.each([
  ['last entry has another batch’s position', 1, (batchBytes: number) => batchBytes],
  ['last entry but one has a position that is no batch’s', 2, () => -1],
])('an index whose %s is built anew', async (_, place, wrongBy) => {
  const { disk: crashed, manager } = await longSegment()
  manager.abandon()
  const expected = await recover(copyOf(crashed))
  const path = SEGMENT.replace('.log', '.index')
  const index = crashed.readFile(path)
  const at = index.length - place * 8 + 4
  const batchBytes = crashed.readFile(SEGMENT).readInt32BE(8) + 12
  index.writeInt32BE(index.readInt32BE(at) + wrongBy(batchBytes), at)
  crashed.replaceFile(path, index)
  expect((await recover(crashed)).files).toEqual(expected.files)
})

describe.each(['recovery-point-offset', 'log-start-offset', 'replication-offset'])(
  'when a crash leaves a %s-checkpoint',
  (checkpoint) => {
    test.each(damages)('%s, there is every record that was flushed', async (_, damage) => {
      const { disk, log, manager } = await live(seeded(5), { segmentBytes: 20_000 })
      log.setHighWatermark(log.logEndOffset)
      log.deleteRecordsBefore(100)
      await log.flush()
      await manager.checkpoint()
      const crashed = disk.crash('lost')
      const path = `${ROOT}/${checkpoint}-checkpoint`
      const content = damage(crashed.readFile(path))
      if (content === null) crashed.remove(path)
      else crashed.replaceFile(path, content)
      const { log: recovered } = await recover(crashed)
      expect(recovered.logEndOffset).toBe(log.logEndOffset)
      expect(recovered.logStartOffset).toBeLessThanOrEqual(100)
      expect(recovered.producers()).toHaveLength(3)
    })
  },
)

test('the aborted transactions of a cold segment are found again where its .txnindex is damaged', async () => {
  const { disk, log, manager } = await live(seeded(4), { steps: 200, segmentBytes: 20_000 })
  await log.flush()
  await manager.checkpoint()
  const crashed = disk.crash('lost')
  const expected = await recover(copyOf(crashed))
  const indexes = crashed.list(DIRECTORY).filter((name) => name.endsWith('.txnindex'))
  expect(indexes.length).toBeGreaterThan(2)
  for (const name of indexes) {
    const path = `${DIRECTORY}/${name}`
    crashed.replaceFile(path, crashed.readFile(path).subarray(0, -3))
  }
  expect((await recover(crashed)).files).toEqual(expected.files)
})

test.each([true, false])(
  'leader epochs whose checkpoint is lost are learned from the batches (stopped in order: %s)',
  async (isClean) => {
    const { disk, log, manager } = await live(seeded(4), { segmentBytes: 20_000 })
    await log.flush()
    await manager.checkpoint()
    if (isClean) await manager.close()
    const crashed = disk.crash('lost')
    const expected = await recover(copyOf(crashed))
    for (const content of ['', '0\n1\n', 'rotten']) {
      const damaged = copyOf(crashed)
      damaged.replaceFile(`${DIRECTORY}/leader-epoch-checkpoint`, content)
      expect((await recover(damaged)).files).toEqual(expected.files)
    }
  },
)

const SEGMENT = `${DIRECTORY}/00000000000000000000.log`

test('bit rot below the recovery point is not looked at, and nothing flushed is cut off for it', async () => {
  const { disk, log } = await longSegment()
  await log.flush()
  const crashed = disk.crash('lost')
  const rotten = crashed.readFile(SEGMENT)
  rotten[500_000]! ^= 1
  crashed.replaceFile(SEGMENT, rotten)
  for (const damage of [() => undefined, () => crashed.remove(SEGMENT.replace('.log', '.index'))]) {
    damage()
    const before = crashed.bytesRead
    const manager = openManager(ROOT, eager(crashed))
    expect(manager.get('t', 0)!.logEndOffset).toBe(log.logEndOffset)
    expect(crashed.bytesRead - before).toBeGreaterThan(0)
    manager.abandon()
  }
})

test('behind the recovery point the log is cut at the first bad batch and nowhere before', async () => {
  const { disk, log } = await longSegment()
  const recoveryPoint = recoveryPointIn(disk)
  await log.flush()
  const crashed = disk.crash('lost')
  const rotten = crashed.readFile(SEGMENT)
  const batchBytes = rotten.readInt32BE(8) + 12
  rotten[rotten.length - 2 * batchBytes - 100]! ^= 1
  crashed.replaceFile(SEGMENT, rotten)
  const recovered = openManager(ROOT, eager(crashed)).get('t', 0)!
  expect(recovered.logEndOffset).toBe(recoveryPoint + 20)
  expect(recovered.producers()[0]).toMatchObject({ lastSequence: recoveryPoint + 19 })
})

test('the first batch behind the recovery point is checked as those behind it are', async () => {
  const { disk, log } = await longSegment()
  const recoveryPoint = recoveryPointIn(disk)
  await log.flush()
  const crashed = disk.crash('lost')
  const rotten = crashed.readFile(SEGMENT)
  let at = 0
  while (batchBaseOffset(rotten, at) < recoveryPoint) at += batchSizeBytes(rotten, at)
  expect(batchBaseOffset(rotten, at)).toBe(recoveryPoint)
  rotten[at + 100]! ^= 1
  crashed.replaceFile(SEGMENT, rotten)
  expect(openManager(ROOT, eager(crashed)).get('t', 0)!.logEndOffset).toBe(recoveryPoint)
})

test('where a log was cut in a batch below its recovery point, what is left of it stays and no offset is given twice', async () => {
  const { disk } = await longSegment()
  const crashed = disk.crash('lost')
  const recoveryPoint = recoveryPointIn(crashed)
  const rotten = crashed.readFile(SEGMENT).subarray(0, 1_500_000)
  rotten[500_000]! ^= 1
  crashed.replaceFile(SEGMENT, rotten)
  const log = openManager(ROOT, eager(crashed)).get('t', 0)!
  const whole = Math.floor(rotten.length / (rotten.readInt32BE(8) + 12)) * 10
  expect(log.logEndOffset).toBe(recoveryPoint)
  expect(log.sizeBytes).toBe(rotten.length)
  expect(await readAll(log, whole - 10)).toMatchObject({ errorCode: 'NONE' })
  expect(await readAll(log, whole)).toMatchObject({ errorCode: 'CORRUPT_MESSAGE' })
  expect(await append(log, batchOf(3))).toMatchObject({ baseOffset: recoveryPoint })
  const { bytes } = await readAll(log, recoveryPoint)
  expect(Number(bytes.readBigInt64BE(0))).toBe(recoveryPoint)
})

test('producers are those of the records that are there, where the last flushed ones are lost', async () => {
  const { disk } = await longSegment({ indexIntervalBytes: 60_000 })
  const crashed = disk.crash('lost')
  const recoveryPoint = recoveryPointIn(crashed)
  const whole = crashed.readFile(SEGMENT)
  const batchBytes = whole.readInt32BE(8) + 12
  crashed.replaceFile(SEGMENT, whole.subarray(0, (recoveryPoint / 10 - 1) * batchBytes))
  const log = openManager(ROOT, eager(crashed)).get('t', 0)!
  expect(log.logEndOffset).toBe(recoveryPoint - 10)
  expect(log.producers()[0]).toMatchObject({ lastSequence: recoveryPoint - 11 })
})

test('records that take the place of others that were cut off are checked', async () => {
  const { disk, log, manager } = await longSegment({ flushedBytes: 100_000 })
  await log.truncateTo(30)
  expect(recoveryPointIn(disk)).toBe(30)
  for (let each = 0; each < 10; each++) {
    await append(log, batchOf(10, 500, { timestamp: NOW }), { epoch: 3 })
  }
  await log.flush()
  await manager.checkpoint()
  expect(recoveryPointIn(disk)).toBe(130)
  const crashed = disk.crash('lost')
  const whole = copyOf(crashed)
  whole.remove(RECOVERY_POINTS)
  const index = SEGMENT.replace('.log', '.index')
  const saved = crashed.readFile(index)
  const { files } = await recover(crashed)
  expect(files).toEqual((await recover(whole)).files)
  // What the checkpoint saved has nothing of the records that were cut off.
  expect(crashed.readFile(index).subarray(0, saved.length).equals(saved)).toBe(true)
})

test('a flush that a truncation overtakes does not make the new records durable', async () => {
  const later: (() => void)[] = []
  const disk = new SimDisk({ random: seeded(3), later: (work) => void later.push(work) })
  const settled = async <Result>(work: Promise<Result>): Promise<Result> => {
    let isOver = false
    void work.finally(() => (isOver = true))
    while (!isOver) {
      later.shift()?.()
      await new Promise((resolve) => setImmediate(resolve))
    }
    return work
  }
  const { log } = await settled(openLog(ROOT, eager(disk)))
  for (let each = 0; each < 5; each++) await append(log, batchOf(10))
  const flushing = log.flush()
  const fsync = later.shift()!
  await settled(log.truncateTo(20))
  expect((await append(log, batchOf(30), { epoch: 2 })).baseOffset).toBe(20)
  fsync()
  await settled(flushing)
  expect(log.logEndOffset).toBe(50)
  expect(log.recoveryPoint).toBeLessThanOrEqual(20)
})

test('what the checkpoints say of a deleted topic does not hold for the next one of its name', async () => {
  const disk = new SimDisk({ random: seeded(3) })
  const { manager, log } = await openLog(ROOT, eager(disk))
  await append(log, batchOf(100))
  log.setHighWatermark(100)
  log.deleteRecordsBefore(60)
  await log.flush()
  await manager.checkpoint()
  manager.deleteLog('t', 0)
  const again = await manager.createLog('t', 0, 'BBBBBBBBBBBBBBBBBBBBBQ', log.config)
  await append(again, batchOf(7))
  manager.abandon()
  const found = openManager(ROOT, eager(disk)).get('t', 0)!
  expect(found).toMatchObject({ logStartOffset: 0, logEndOffset: 7, recoveryPoint: 0 })
  expect((await readAll(found, 0)).errorCode).toBe('NONE')
})
