import { batchLastOffset, readBatches } from '../../protocol/records/batch.ts'
import type { Logger } from '../../src/host/host.ts'
import type { DiskOperation, SimDisk } from '../../src/host/sim/disk.ts'
import { DEFAULT_LOG_CONFIG } from '../../src/log/base/config.ts'
import type { LogDirectory } from '../../src/log/directory/directory.ts'
import { LogDirectoryError } from '../../src/log/base/errors.ts'
import type { Log } from '../../src/log/log.ts'
import type { LogManager } from '../../src/log/manager.ts'
import { formatMetaProperties } from '../../src/log/directory/meta-properties.ts'
import { simulatedDisk, simulatedHost } from './seeded.ts'
import { append, batchOf, markerOf, openManager, readAll, TOPIC_ID } from './support.ts'

/** The directory whose operations fail, and the one that must not notice. */
const BAD = '/bad'
const FINE = '/fine'
const IDS = { [BAD]: 'BBBBBBBBBBBBBBBBBBBBBQ', [FINE]: 'CCCCCCCCCCCCCCCCCCCCCQ' } as const
let made = 0
/** Each another one; four of them in a turn go by way of the thread pool. */
const batch = (): Buffer => batchOf(10, 3500, { timestamp: Date.now() + made++ })
const BATCH_BYTES = batch().length
const CONFIG = {
  ...DEFAULT_LOG_CONFIG,
  segmentBytes: 4 * BATCH_BYTES,

  fileDeleteDelayMs: 0,
  retentionBytes: 12 * BATCH_BYTES,
}

interface Operation {
  readonly operation: DiskOperation
  readonly path: string
}

/** Is asked before each operation in the bad directory, with the number of those before it, for an error’s code. */
type IsFaulty = (count: number, operation: Operation) => string | null

function formattedDisk(): SimDisk {
  const disk = simulatedDisk()
  for (const [path, directoryId] of Object.entries(IDS)) {
    disk.makeDirectory(path)
    const content = formatMetaProperties({ clusterId: 'c', nodeId: 1, directoryId })
    disk.replaceFile(`${path}/meta.properties`, content)
  }
  for (const path of ['/', ...Object.keys(IDS)]) disk.syncDirectory(path)
  return disk
}

/** What a run of a scenario has seen. */
class Run {
  readonly disk: SimDisk
  readonly operations: Operation[] = []
  readonly errorLines: { fields: object; message: string }[] = []
  readonly failed: LogDirectory[] = []
  /** The checksum of each batch that was acknowledged, by the offset of its last record. */
  readonly acknowledged = new Map<number, number>()
  flushedOffset = 0
  manager: LogManager | null = null
  /** What failed: where several do, one on the event loop is reported before one on the thread pool that began earlier. */
  readonly injected: Operation[] = []

  constructor(isFaulty: IsFaulty, disk: SimDisk = formattedDisk()) {
    this.disk = disk
    this.disk.fault = (operation, path) => {
      if (!path.startsWith(BAD)) return null
      const each = { operation, path }
      const code = isFaulty(this.operations.length, each)
      this.operations.push(each)
      if (code === null) return null
      this.injected.push(each)
      return Object.assign(new Error(`${code}: ${operation} '${path}'`), { code })
    }
  }

  open(): LogManager {
    const log: Logger = {
      debug: () => undefined,
      info: () => undefined,
      warn: () => undefined,
      error: (fields, message) => void this.errorLines.push({ fields, message }),
      child: () => log,
    }
    this.manager = openManager(BAD, {
      host: { ...simulatedHost(this.disk), log },
      directories: [BAD, FINE],
      metadataDirectory: FINE,
      config: CONFIG,
      rereadBytes: 0,
      tailCacheBytes: 0,
      onDirectoryFailed: (directory) => void this.failed.push(directory),
    })
    return this.manager
  }

  async append(log: Log, batch: Buffer, origin: 'client' | 'coordinator' = 'client') {
    const { errorCode, lastOffset } = await append(log, batch, { epoch: 1, origin })
    if (errorCode === 'NONE') this.acknowledged.set(lastOffset, checksumOf(batch))
    else expect(errorCode).toBe('KAFKA_STORAGE_ERROR')
  }

  async flush(log: Log): Promise<void> {
    const { logEndOffset } = log
    await log.flush()
    this.flushedOffset = logEndOffset
  }

  cutAt(offset: number): void {
    for (const each of this.acknowledged.keys()) {
      if (each >= offset) this.acknowledged.delete(each)
    }
    this.flushedOffset = Math.min(this.flushedOffset, offset)
  }
}

const checksumOf = (each: Buffer): number => each.readUInt32BE(17)

const transactional = (producerId: number, baseSequence: number): Buffer =>
  batchOf(10, 100, { producerId, producerEpoch: 0, baseSequence, isTransactional: true })

/** What is to be done at once, but not in this turn, is done. */
async function untilTimersRan(): Promise<void> {
  for (let each = 0; each < 4; each++) await new Promise((resolve) => setTimeout(resolve, 1))
}

/** A storage error is an answer here; anything else is a bug. */
async function tolerant(work: () => unknown): Promise<void> {
  try {
    await work()
  } catch (error) {
    expect(error).toMatchObject({ code: 'KAFKA_STORAGE_ERROR' })
  }
}

/** Everything that a log does with its directory, from its making to its removal and a restart. */
async function scenario(run: Run): Promise<void> {
  const manager = run.open()
  const other = await manager.createLog('other', 0, TOPIC_ID, CONFIG, IDS[FINE])
  await tolerant(() => manager.createLog('t', 0, TOPIC_ID, CONFIG, IDS[BAD]))
  const log = manager.get('t', 0)
  if (log?.directoryPath === BAD) await use(run, manager, log)
  await tolerant(async () => {
    await manager.createLog('gone', 0, TOPIC_ID, CONFIG, IDS[BAD])
    manager.deleteLog('gone', 0)
    await untilTimersRan()
  })
  expect((await append(other, batchOf(1))).errorCode).toBe('NONE')
  await manager.checkpoint()
  await manager.close()
}

/** A start on what a crash has left, and a stop. */
async function restart(run: Run): Promise<void> {
  const manager = run.open()
  const log = manager.get('t', 0)
  if (log !== undefined) await run.append(log, batch())
  const other = manager.get('other', 0)!
  expect((await append(other, batchOf(1))).errorCode).toBe('NONE')
  await manager.close()
}

/** Before the crash: rolled segments, an aborted transaction, and a recovery point in the middle of a segment. */
async function beforeCrash(): Promise<Run> {
  const run = new Run(() => null)
  const manager = run.open()
  await manager.createLog('other', 0, TOPIC_ID, CONFIG, IDS[FINE])
  const log = await manager.createLog('t', 0, TOPIC_ID, CONFIG, IDS[BAD])
  for (let each = 0; each < 6; each++) await run.append(log, batch())
  await run.append(log, transactional(1, 0))
  await run.append(log, markerOf(1, 'ABORT'), 'coordinator')
  await run.flush(log)
  await manager.checkpoint()
  await run.append(log, batch())
  return run
}

async function use(run: Run, manager: LogManager, log: Log): Promise<void> {
  for (let each = 0; each < 10; each++) await run.append(log, batch())
  await run.append(log, transactional(1, 0))
  await run.append(log, markerOf(1, 'ABORT'), 'coordinator')
  await tolerant(() => run.flush(log))
  await run.append(log, batch())
  await manager.checkpoint()
  await Promise.all(Array.from({ length: 4 }, () => run.append(log, batch())))
  log.setHighWatermark(log.logEndOffset)
  for (const offset of [3, 57, 115]) expectStorageErrorAtMost(await readAll(log, offset))
  expectStorageErrorAtMost(await readAll(log, 90, { upTo: 'lastStable' }))
  await tolerant(() => log.offsetForTimestamp(1n))
  await tolerant(() => log.latestTimestamp())
  await tolerant(() => run.flush(log))
  await manager.checkpoint()
  const target = log.logEndOffset - 15
  run.cutAt(target)
  await tolerant(() => log.truncateTo(target))
  await run.append(log, batch())
  log.setHighWatermark(log.logEndOffset)
  log.deleteRecordsBefore(95)
  await log.deleteOldSegments()
  await untilTimersRan()
  await tolerant(() => run.flush(log))
  await manager.checkpoint()
}

function expectStorageErrorAtMost({ errorCode }: { errorCode: string }): void {
  expect(['NONE', 'OFFSET_OUT_OF_RANGE', 'KAFKA_STORAGE_ERROR']).toContain(errorCode)
}

/** Every batch that was acknowledged and is below `upTo` is in the log, unless it was deleted. */
async function expectThere(run: Run, disk: SimDisk, upTo: number): Promise<void> {
  const manager = openManager(BAD, {
    host: simulatedHost(disk),
    directories: [BAD, FINE],
    metadataDirectory: FINE,
    config: CONFIG,
  })
  expect(manager.directories[0]!.failure).toBeNull()
  const log = manager.get('t', 0)
  const found = new Map<number, number>()
  for (let at = log?.logStartOffset ?? 0; log !== undefined && at < log.logEndOffset;) {
    const { bytes, errorCode } = await readAll(log, at)
    expect(errorCode).toBe('NONE')
    for (const each of readBatches(bytes)) {
      found.set(batchLastOffset(each, 0), checksumOf(each))
      at = batchLastOffset(each, 0) + 1
    }
  }
  const from = log?.logStartOffset ?? 0
  const wanted = [...run.acknowledged].filter(([offset]) => offset >= from && offset < upTo)
  expect(wanted.map(([offset]) => [offset, found.get(offset)])).toEqual(wanted)
  if (log !== undefined)
    expect((await append(log, batchOf(1), { epoch: 9 })).errorCode).toBe('NONE')
  manager.abandon()
}

const CODES: Partial<Record<DiskOperation, string>> = {
  write: 'ENOSPC',
  replace: 'ENOSPC',
  make: 'ENOSPC',
}

/** A scenario with a fault; then what must be so. */
async function suffer(run: Run, scenario: (run: Run) => Promise<void>): Promise<Run> {
  await scenario(run)
  // Whoever owns the directory is told at the end of the turn.
  await untilTimersRan()
  const { manager, injected, disk } = run
  if (injected.length === 0) return run
  const [bad, fine] = manager!.directories
  const said = bad!.failure?.message
  const why = injected.map(({ operation, path }) => `${operation} '${path}'`)
  expect(why.filter((each) => said?.includes(each))).not.toEqual([])
  expect(fine!.failure).toBeNull()
  // One that can't even be taken is known to be offline by the one who starts.
  const isRefused = bad!.failure instanceof LogDirectoryError
  expect(run.failed).toEqual(isRefused ? [] : [bad])
  expect(run.errorLines).toHaveLength(1)
  expect(run.errorLines[0]!.message).toContain(bad!.failure!.message)
  expect(disk.exists(`${BAD}/.kafka_cleanshutdown`)).toBe(false)
  expect(disk.exists(`${FINE}/.kafka_cleanshutdown`)).toBe(true)
  disk.fault = null
  await expectThere(run, disk, Infinity)
  await expectThere(run, disk.crash('lost'), run.flushedOffset)
  return run
}

/** A start after a crash, with what was acknowledged before it. */
async function afterCrash(isFaulty: IsFaulty): Promise<Run> {
  const before = await beforeCrash()
  before.disk.fault = null
  before.manager!.abandon()
  const run = new Run(isFaulty, before.disk)
  for (const [offset, each] of before.acknowledged) run.acknowledged.set(offset, each)
  run.flushedOffset = before.flushedOffset
  return run
}

const scenarios = [
  ['in a log’s life', scenario, (isFaulty: IsFaulty) => Promise.resolve(new Run(isFaulty))],
  ['at a start after a crash', restart, afterCrash],
] as const

test('the scenarios have every kind of operation, and without a fault all goes well', async () => {
  const kinds = new Set<DiskOperation>()
  for (const [, play, prepare] of scenarios) {
    const run = await suffer(await prepare(() => null), play)
    for (const { operation } of run.operations) kinds.add(operation)
    expect(run.errorLines).toEqual([])
    expect(run.disk.exists(`${BAD}/.kafka_cleanshutdown`)).toBe(true)
  }
  const files: DiskOperation[] = ['open', 'read', 'write', 'truncate', 'sync', 'replace', 'stat']
  const names: DiskOperation[] = ['rename', 'remove', 'list', 'make']
  expect([...kinds].sort()).toEqual([...files, ...names].sort())
})

describe.each(scenarios)(
  'whichever operation %s fails, its directory goes offline, says why, and loses nothing; the other one goes on',
  (_, play, prepare) => {
    test('a fault of one operation', async () => {
      const { operations } = await suffer(await prepare(() => null), play)
      for (let at = 0; at < operations.length; at++) {
        const fails: IsFaulty = (count, { operation }) =>
          count === at ? (CODES[operation] ?? 'EIO') : null
        await suffer(await prepare(fails), play)
      }
    })

    test('a disk that is gone from one operation on', async () => {
      const { operations } = await suffer(await prepare(() => null), play)
      for (let at = 0; at < operations.length; at += 3) {
        await suffer(await prepare((count) => (count >= at ? 'EIO' : null)), play)
      }
    })
  },
)
