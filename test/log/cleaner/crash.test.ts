import { batchBaseOffset, batchLastOffset } from '../../../protocol/records/batch.ts'
import type { Random } from '../../../src/host/host.ts'
import type { CrashKind, DiskOperation, SimDisk } from '../../../src/host/sim/disk.ts'
import type { Log } from '../../../src/log/log.ts'
import type { LogManager } from '../../../src/log/manager.ts'
import { batchesOf, clean, committed, compacted, keyed, marker, type Seen } from './support.ts'
import { seeded, simulatedDisk, simulatedHost } from '../seeded.ts'
import { append, openLog, openManager } from '../support.ts'

const ROOT = '/data'
const NOW_MS = 1_700_000_000_000
const config = {
  ...compacted,
  segmentBytes: 1500,
  fileDeleteDelayMs: 0,
  deleteRetentionMs: 0,
  producerIdExpirationMs: Infinity,
}

interface Started {
  readonly disk: SimDisk
  readonly manager: LogManager
  readonly log: Log
}

/** What is found on a disk. */
function openOn(disk: SimDisk, random: Random): Started {
  const manager = openManager(ROOT, { host: simulatedHost(disk, random), config })
  const log = manager.get('t', 0)!
  log.setHighWatermark(log.logEndOffset)
  return { disk, manager, log }
}

/** A log of several groups of several segments, with tombstones and a transaction of each kind. */
async function filled(): Promise<{ disk: SimDisk; records: Seen[]; logEndOffset: number }> {
  const disk = simulatedDisk()
  const { manager, log } = await openLog(ROOT, {
    host: simulatedHost(disk),
    config: { ...config, segmentBytes: 400 },
  })
  let sequence = 0
  const add = async (records: Buffer, origin: 'client' | 'coordinator' = 'client') => {
    expect((await append(log, records, { origin })).errorCode).toBe('NONE')
    log.setHighWatermark(log.logEndOffset)
  }
  for (let index = 0; index < 16; index++) {
    const isTransactional = index % 4 === 1
    const entries = [0, 1, 2].map((each) => {
      const value = index === 6 && each === 0 ? null : `${index}-${each}`.padEnd(20, '.')
      return [`k${(index + each) % 6}`, value] as const
    })
    const producer = { producerId: 7, producerEpoch: 0, baseSequence: sequence, isTransactional }
    await add(keyed(entries, { timestamp: NOW_MS + index, ...producer }))
    sequence += entries.length
    if (isTransactional) await add(marker(7, index === 5 ? 'COMMIT' : 'ABORT'), 'coordinator')
  }
  const records = await committed(log)
  await log.flush()
  await manager.checkpoint()
  await manager.close()
  return { disk, records, logEndOffset: log.logEndOffset }
}

function lastValues(records: readonly Seen[]): Map<string | null, string | null> {
  const values = new Map<string | null, string | null>()
  for (const { key, value } of records) {
    if (value === null) values.delete(key)
    else values.set(key, value)
  }
  return values
}

/** The log says the same as before, whichever of its segments are clean, and takes the next append. */
async function expectSame(log: Log, before: readonly Seen[], logEndOffset: number): Promise<void> {
  expect(log.logStartOffset).toBe(0)
  expect(log.logEndOffset).toBe(logEndOffset)
  log.setHighWatermark(logEndOffset)
  const { batches } = await batchesOf(log)
  const isInOrder = batches.every(
    (batch, index) =>
      index === 0 || batchBaseOffset(batch, 0) > batchLastOffset(batches[index - 1]!, 0),
  )
  expect(isInOrder).toBe(true)
  const found = await committed(log)
  const known = new Map(before.map((record) => [record.offset, record]))
  expect(found).toEqual(found.map(({ offset }) => known.get(offset)))
  expect(lastValues(found)).toEqual(lastValues(before))
}

const ALL = (): boolean => true
/** What can be told apart where a disk doesn't keep to the order of names. */
const NAMES = (operation: DiskOperation): boolean => operation === 'rename' || operation === 'sync'

/** Begins a clean, and does something just before its n-th operation of some; false where there is none. */
async function atOperation(
  { disk, log }: Started,
  n: number,
  counts: (operation: DiskOperation) => boolean,
  act: (operation: DiskOperation, path: string) => Error | null,
): Promise<boolean> {
  let count = 0
  const reached = new Promise<boolean>((resolve) => {
    disk.fault = (operation, path) => {
      if (!counts(operation) || count++ !== n) return null
      resolve(true)
      return act(operation, path)
    }
  })
  const ended = clean(log, NOW_MS).then(
    () => false,
    () => false,
  )
  return Promise.race([reached, ended])
}

interface CrashCase {
  readonly kind: CrashKind
  readonly counts: (operation: DiskOperation) => boolean
  /** So many outcomes are tried for each operation. */
  readonly outcomes: number
  readonly least: number
}

const crashes: CrashCase[] = [
  { kind: 'lost', counts: ALL, outcomes: 1, least: 60 },
  { kind: 'torn', counts: ALL, outcomes: 1, least: 60 },
  { kind: 'scattered', counts: ALL, outcomes: 1, least: 60 },
  { kind: 'reordered', counts: NAMES, outcomes: 5, least: 20 },
]

test.each(crashes)(
  'after a crash at any operation of a clean the log says the same (unsynced bytes $kind)',
  async ({ kind, counts, outcomes, least }) => {
    const before = await filled()
    for (let n = 0; ; n++) {
      const random = seeded(n)
      const started = openOn(before.disk.crash('lost'), random)
      const after: { disk: SimDisk | null } = { disk: null }
      const isReached = await atOperation(started, Math.floor(n / outcomes), counts, () => {
        after.disk = started.disk.crash(kind)
        return null
      })
      if (!isReached) {
        expect(n / outcomes).toBeGreaterThan(least)
        return
      }
      const { manager, log } = openOn(after.disk!, random)
      await expectSame(log, before.records, before.logEndOffset)
      const left = after.disk!.list(`${ROOT}/t-0`).filter((name) => /cleaned|swap/.test(name))
      expect(left).toEqual([])
      // Cleaning goes on where it was.
      expect((await clean(log, NOW_MS))?.kind ?? 'done').toBe('done')
      await expectSame(log, before.records, before.logEndOffset)
      expect((await log.cleaner.find(NOW_MS)).dirtyBytes).toBe(0)
      manager.abandon()
    }
  },
)

test('where the disk fails at any operation of a clean the directory is offline, and whole after a restart', async () => {
  const before = await filled()
  const failed = new Set<DiskOperation>()
  for (let n = 0; ; n++) {
    const random = seeded(n)
    const started = openOn(before.disk.crash('lost'), random)
    const isReached = await atOperation(started, n, ALL, (operation, path) => {
      failed.add(operation)
      return Object.assign(new Error(`EIO: ${operation} '${path}'`), { code: 'EIO' })
    })
    if (!isReached) break
    while (!started.log.isOffline) await new Promise<void>((resolve) => setImmediate(resolve))
    expect(started.manager.directories[0]!.failure?.message).toContain('EIO')
    started.manager.abandon()
    started.disk.fault = null
    const { manager, log } = openOn(started.disk.crash('lost'), random)
    await expectSame(log, before.records, before.logEndOffset)
    manager.abandon()
  }
  const wanted = ['open', 'read', 'write', 'sync', 'rename', 'list', 'replace'] as const
  for (const operation of wanted) expect(failed).toContain(operation)
})

test('a segment that a restart puts in its place comes with its own indexes, not with those of the one before', async () => {
  const { disk } = await filled()
  const first = `${ROOT}/t-0/00000000000000000000`
  const index = disk.readFile(`${first}.index`)
  const timeIndex = disk.readFile(`${first}.timeindex`)
  const wrong = Buffer.from(index)
  wrong.writeInt32BE(wrong.readInt32BE(4) + 1, 4)
  // As after a crash in the middle of a swap: the old log has gone, its index has not, of the new ones one has its name.
  disk.rename(`${first}.log`, `${first}.log.swap`)
  disk.replaceFile(`${first}.index.swap`, index)
  disk.replaceFile(`${first}.index`, wrong)
  disk.rename(`${first}.timeindex`, `${first}.timeindex.swap`)
  openOn(disk, seeded(1)).manager.abandon()
  expect(disk.readFile(`${first}.index`)).toEqual(index)
  expect(disk.readFile(`${first}.timeindex`)).toEqual(timeIndex)
})

/** A clean begins while the flush of what it cleans is under way, and ends after so many trips to the thread pool. */
async function cleanedBeforeFlush(trips: number): Promise<{ disk: SimDisk; isDone: boolean }> {
  const waiting: (() => void)[] = []
  let isHolding = false
  const later = (work: () => void): void => {
    if (isHolding) waiting.push(work)
    else queueMicrotask(work)
  }
  const disk = simulatedDisk({ later })
  const options = { host: simulatedHost(disk), config: { ...config, segmentBytes: 100 } }
  const { log } = await openLog(ROOT, options)
  await append(log, keyed([['k', 'old']]))
  await log.flush()
  isHolding = true
  for (const value of ['new', 'newest']) await append(log, keyed([['k', value]]))
  log.setHighWatermark(log.logEndOffset)
  const [sync] = waiting.splice(0)
  expect(sync).toBeDefined()
  let isDone = false
  void clean(log).then(() => (isDone = true))
  for (let trip = 0; trip < trips && !isDone; trip++) {
    await new Promise((resolve) => setImmediate(resolve))
    waiting.shift()?.()
  }
  isHolding = false
  return { disk, isDone }
}

test('no record goes for the sake of a newer one that a crash could still take', async () => {
  for (let trips = 0, isDone = false; trips < 40 && !isDone; trips++) {
    const cleaned = await cleanedBeforeFlush(trips)
    isDone = cleaned.isDone
    const { batches } = await batchesOf(openOn(cleaned.disk.crash('lost'), seeded(5)).log)
    expect({ trips, found: batches.length > 0 }).toEqual({ trips, found: true })
  }
})
