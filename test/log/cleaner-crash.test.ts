import { batchBaseOffset, batchLastOffset } from '../../protocol/records/batch.ts'
import type { Random } from '../../src/host/host.ts'
import type { CrashKind, DiskOperation, SimDisk } from '../../src/host/sim-disk.ts'
import type { Log } from '../../src/log/log.ts'
import type { LogManager } from '../../src/log/manager.ts'
import {
  batchesOf,
  clean,
  committed,
  compacted,
  keyed,
  marker,
  type Seen,
} from './cleaner-support.ts'
import { seeded, simulatedDisk, simulatedHost } from './seeded.ts'
import { append, openLog, openManager } from './support.ts'

const ROOT = '/data'
const NOW_MS = 1_700_000_000_000
const config = {
  ...compacted,
  segmentBytes: 600,
  fileDeleteDelayMs: 0,
  deleteRetentionMs: 0,
  producerIdExpirationMs: Infinity,
}

interface Filled {
  readonly disk: SimDisk
  readonly manager: LogManager
  readonly log: Log
}

/** A log of several groups of segments, with tombstones and a transaction of each kind, all of it flushed. */
async function filled(random: Random): Promise<Filled> {
  const disk = simulatedDisk({ random })
  const host = simulatedHost(disk, random)
  const { manager, log } = await openLog(ROOT, { host, config })
  let sequence = 0
  const add = async (records: Buffer, origin: 'client' | 'coordinator' = 'client') => {
    expect((await append(log, records, { origin })).errorCode).toBe('NONE')
    log.setHighWatermark(log.logEndOffset)
  }
  for (let index = 0; index < 14; index++) {
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
  await log.flush()
  await manager.checkpoint()
  return { disk, manager, log }
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
  let nextOffset = 0
  for (const batch of batches) {
    expect(batchBaseOffset(batch, 0)).toBeGreaterThanOrEqual(nextOffset)
    nextOffset = batchLastOffset(batch, 0) + 1
  }
  const found = await committed(log)
  const known = new Map(before.map((record) => [record.offset, record]))
  for (const record of found) expect(record).toEqual(known.get(record.offset))
  expect(lastValues(found)).toEqual(lastValues(before))
}

/** Begins a clean, and does something just before its n-th operation of the disk; false where there is none. */
async function atOperation(
  { disk, log }: Filled,
  n: number,
  act: (operation: DiskOperation, path: string) => Error | null,
): Promise<boolean> {
  let count = 0
  const reached = new Promise<boolean>((resolve) => {
    disk.fault = (operation, path) => {
      if (count++ !== n) return null
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

const kinds: CrashKind[] = ['lost', 'torn', 'scattered']

test.each(kinds)(
  'after a crash at any operation of a clean the log says the same (unsynced bytes %s)',
  async (kind) => {
    for (let n = 0; ; n++) {
      const random = seeded(n)
      const started = await filled(random)
      const before = await committed(started.log)
      const { logEndOffset } = started.log
      const after: { disk: SimDisk | null } = { disk: null }
      const isReached = await atOperation(started, n, () => {
        after.disk = started.disk.crash(kind)
        return null
      })
      if (!isReached) {
        expect(n).toBeGreaterThan(60)
        return
      }
      const host = simulatedHost(after.disk!, random)
      const manager = openManager(ROOT, { host, config })
      const log = manager.get('t', 0)!
      await expectSame(log, before, logEndOffset)
      const left = after.disk!.list(`${ROOT}/t-0`).filter((name) => /cleaned|swap/.test(name))
      expect(left).toEqual([])
      // Cleaning goes on where it was.
      while ((await clean(log, NOW_MS)) !== null);
      await expectSame(log, before, logEndOffset)
      expect((await log.cleaner.find(NOW_MS)).dirtyBytes).toBe(0)
      await manager.close()
    }
  },
)

test('where the disk fails at any operation of a clean the directory is offline, and whole after a restart', async () => {
  const codes = new Set<DiskOperation>()
  for (let n = 0; ; n++) {
    const random = seeded(n)
    const started = await filled(random)
    const before = await committed(started.log)
    const { logEndOffset } = started.log
    const isReached = await atOperation(started, n, (operation, path) => {
      codes.add(operation)
      return Object.assign(new Error(`EIO: ${operation} '${path}'`), { code: 'EIO' })
    })
    if (!isReached) break
    while (!started.log.isOffline) await new Promise<void>((resolve) => setImmediate(resolve))
    expect(started.manager.directories[0]!.failure?.message).toContain('EIO')
    started.manager.abandon()
    started.disk.fault = null
    const host = simulatedHost(started.disk.crash('lost'), random)
    const manager = openManager(ROOT, { host, config })
    await expectSame(manager.get('t', 0)!, before, logEndOffset)
    manager.abandon()
  }
  const wanted = ['open', 'read', 'write', 'sync', 'rename', 'list', 'replace'] as const
  for (const operation of wanted) expect(codes).toContain(operation)
})
