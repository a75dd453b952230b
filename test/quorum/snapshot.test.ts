import { batchBaseOffset, batchSizeBytes, readBatches } from '../../protocol/records/batch.ts'
import { DEFAULT_LOG_CONFIG } from '../../src/log/base/config.ts'
import type { Log } from '../../src/log/log.ts'
import { LogManager } from '../../src/log/manager.ts'
import { NO_PEERS } from '../../src/quorum/peers.ts'
import type { CommittedBatch } from '../../src/quorum/committed-reader.ts'
import type { Quorum } from '../../src/quorum/quorum.ts'
import { openQuorum } from '../../src/quorum/open-quorum.ts'
import { cleanSnapshots, Snapshots } from '../../src/quorum/retention.ts'
import {
  listSnapshots,
  readSnapshot,
  snapshotPath,
  SnapshotError,
  writeSnapshot,
} from '../../src/quorum/snapshot.ts'
import type { LogPosition } from '../../src/quorum/types.ts'
import { DEFAULT_TIMEOUTS } from '../../src/quorum/types.ts'
import { SimDisk } from '../../src/host/sim/disk.ts'
import { seeded, simulatedHost } from '../log/seeded.ts'
import { codecs } from '../log/support.ts'

const ROOT = '/data'
const DIRECTORY = `${ROOT}/__cluster_metadata-0`
const self = { id: 1, directoryId: '1'.repeat(21) + 'Q' }
const id = (offset: number, epoch = 1): LogPosition => ({ offset, epoch })
const failed = (error: unknown): never => {
  throw error
}

function onDisk() {
  const disk = new SimDisk({ random: seeded(1) })
  disk.makeDirectory(DIRECTORY)
  const host = simulatedHost(disk)
  const write = (at: LogPosition, records: Iterable<Buffer>) => {
    const content = { id: at, timestampMs: 77, kraftVersion: 1, voters: [voter], records }
    return writeSnapshot(host, DIRECTORY, content, codecs)
  }
  return { disk, host, write }
}

const voter = { ...self, endpoints: [{ name: 'CONTROLLER', host: 'here', port: 9093 }] }

describe('a snapshot', () => {
  test('has all records in their order, in small batches whose offsets follow each other', async () => {
    const { host, write } = onDisk()
    const records = Array.from({ length: 70 }, (_, index) => Buffer.alloc(50_000, index))
    await write(id(9), records)
    const path = snapshotPath(DIRECTORY, id(9))
    const loaded = readSnapshot(host, path, codecs)
    expect(loaded.records.map((record) => record[0])).toEqual(records.map((record) => record[0]))
    expect(loaded.timestampMs).toBe(77)
    const batches = [...readBatches(host.disk.readFile(path))]
    // The header with the voters, 35 batches of two records, the footer.
    const ofRecords = Array.from({ length: 35 }, (_, index) => 3 + 2 * index)
    expect(batches.map((batch) => Number(batchBaseOffset(batch, 0)))).toEqual([0, ...ofRecords, 73])
    for (const batch of batches) expect(batchSizeBytes(batch, 0)).toBeLessThan(1.1 * (128 << 10))
  })

  test('is there after a power cut, whole and under its name, once it is written', async () => {
    const { disk, write } = onDisk()
    disk.syncDirectory(ROOT)
    disk.syncDirectory('/')
    await write(id(9), [Buffer.from('record')])
    const after = simulatedHost(disk.crash('lost'))
    expect(listSnapshots(after, DIRECTORY)).toEqual([id(9)])
    expect(readSnapshot(after, snapshotPath(DIRECTORY, id(9)), codecs).records.length).toBe(1)
  })

  test('is refused when a bit has turned, or its end is missing', async () => {
    const { host, disk, write } = onDisk()
    await write(id(9), [Buffer.from('record')])
    const path = snapshotPath(DIRECTORY, id(9))
    const content = disk.readFile(path)
    const batches = [...readBatches(content)]
    let at = 0
    for (const batch of batches.slice(0, -1)) {
      const damaged = Buffer.from(content)
      damaged[at + batch.length - 1]! ^= 1
      disk.replaceFile(path, damaged)
      expect(() => readSnapshot(host, path, codecs)).toThrow(SnapshotError)
      at += batch.length
      disk.replaceFile(path, content.subarray(0, at))
      expect(() => readSnapshot(host, path, codecs)).toThrow(/not complete/)
    }
    disk.replaceFile(path, content.subarray(0, -1))
    expect(() => readSnapshot(host, path, codecs)).toThrow(SnapshotError)
    disk.replaceFile(path, content)
    expect(readSnapshot(host, path, codecs).records.map(String)).toEqual(['record'])
  })

  test('is found by its name, in the order of offsets; other files are none', async () => {
    const { host, disk, write } = onDisk()
    for (const offset of [100, 9, 20]) await write(id(offset), [])
    disk.replaceFile(`${DIRECTORY}/5-1.checkpoint`, '')
    disk.replaceFile(`${DIRECTORY}/${'0'.repeat(20)}-${'0'.repeat(10)}.checkpoint.part`, '')
    expect(listSnapshots(host, DIRECTORY)).toEqual([id(9), id(20), id(100)])
  })
})

async function open(disk: SimDisk) {
  const host = simulatedHost(disk)
  const logs = LogManager.open({ host, codecs, directories: [ROOT], onDirectoryFailed: failed })
  const told: CommittedBatch[] = []
  const loaded: string[] = []
  const start = listSnapshots(host, DIRECTORY)[0]?.offset ?? 0
  const quorum = await openQuorum({
    host,
    codecs,
    directory: DIRECTORY,
    openLog: () => logs.openMetadataLog(logs.directories[0]!, DEFAULT_LOG_CONFIG, start),
    self,
    initialVoters: [{ ...self, endpoints: [] }],
    peers: NO_PEERS,
    timeouts: DEFAULT_TIMEOUTS,
    retention: { maxBytes: -1, maxMs: -1 },
    listener: {
      loadSnapshot: (at, { records }) => {
        loaded.push(`${at.offset}: ${records.map(String).join()}`)
      },
      committed: (batch) => told.push(batch),
      caughtUp: () => undefined,
      leading: () => undefined,
      resigned: () => undefined,
      beforeVoters: () => undefined,
      leaderChanged: () => undefined,
      failed,
    },
  })
  const close = async (): Promise<void> => {
    await quorum.close()
    await logs.close()
  }
  const values = (): string[] => told.flatMap(({ records }) => records.map(String))
  return { quorum, close, values, loaded, told }
}

const append = (quorum: Quorum, ...values: string[]): Promise<void> =>
  new Promise((resolve, reject) =>
    quorum.append([values.map((value) => Buffer.from(value))], (failure) =>
      failure === null ? resolve() : reject(failure),
    ),
  )

describe('a start', () => {
  test('from the latest snapshot goes on behind it, and tells nothing twice', async () => {
    const { disk, write } = onDisk()
    const first = await open(disk)
    await append(first.quorum, 'a', 'b')
    const at = { offset: first.quorum.highWatermark, epoch: first.quorum.epoch }
    await append(first.quorum, 'c')
    await first.close()
    await write(at, [Buffer.from('a and b')])
    const second = await open(disk)
    expect([second.loaded, second.values()]).toEqual([[`${at.offset}: a and b`], ['c']])
    await append(second.quorum, 'd')
    expect(second.values()).toEqual(['c', 'd'])
    await second.close()
  })

  test('from a snapshot alone goes on at its offset, in a later epoch, with its voters', async () => {
    const { disk, write } = onDisk()
    await write(id(40, 6), [Buffer.from('all')])
    const first = await open(disk)
    expect(first.loaded).toEqual(['40: all'])
    expect([first.quorum.epoch, first.quorum.kraftVersion]).toEqual([7, 1])
    await append(first.quorum, 'a')
    // The record that begins the epoch is the first.
    expect(first.told.map(({ baseOffset, epoch }) => [baseOffset, epoch])).toEqual([
      [40, 7],
      [41, 7],
    ])
    expect(first.quorum.describe().voters.map((each) => each.id)).toEqual([1])
    await first.close()
    const second = await open(disk)
    expect([second.loaded, second.values(), second.quorum.epoch]).toEqual([['40: all'], ['a'], 8])
    await second.close()
  })

  test('from a snapshot beyond the end of the log, which a crash left uncut, begins the log anew', async () => {
    const { disk, write } = onDisk()
    await write(id(0, 0), [])
    const first = await open(disk)
    await append(first.quorum, 'a')
    await first.close()
    await write(id(40, 6), [Buffer.from('all')])
    const second = await open(disk)
    await append(second.quorum, 'b')
    expect([second.loaded, second.values()]).toEqual([['40: all'], ['b']])
    expect(second.told.map(({ baseOffset }) => baseOffset)).toEqual([40, 41])
    await second.close()
  })

  test('remembers from the log what the quorum agreed on, kraft.version and voters each', async () => {
    const { disk, write } = onDisk()
    await write(id(0, 0), [])
    const first = await open(disk)
    expect(first.quorum.kraftVersion).toBe(1)
    await append(first.quorum, 'a')
    await first.close()
    disk.remove(snapshotPath(DIRECTORY, id(0, 0)))
    const second = await open(disk)
    expect([second.quorum.kraftVersion, second.values()]).toEqual([1, ['a']])
    await second.close()
    // By now the records of another epoch follow, which say nothing of it.
    const third = await open(disk)
    expect(third.quorum.kraftVersion).toBe(1)
    await third.close()
  })
})

test('what is appended while the disk syncs is synced next', async () => {
  const held: (() => void)[] = []
  let isHolding = false
  const later = (work: () => void): void => {
    if (isHolding) held.push(work)
    else queueMicrotask(work)
  }
  const disk = new SimDisk({ random: seeded(1), later })
  disk.makeDirectory(DIRECTORY)
  const { quorum, close, values } = await open(disk)
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
  isHolding = true
  const first = append(quorum, 'a')
  while (held.length === 0) await turn()
  const second = append(quorum, 'b')
  for (let count = 0; count < 10; count++) await turn()
  expect([held.length, values()]).toEqual([1, []])
  isHolding = false
  for (const work of held) work()
  await Promise.all([first, second])
  expect(values()).toEqual(['a', 'b'])
  await close()
})

describe('of old snapshots', () => {
  test('the earliest is one that the log reaches back to: what followed on others nobody can tell', async () => {
    const { host, write } = onDisk()
    for (const at of [id(0, 0), id(10), id(20, 2)]) await write(at, [])
    const earliest = (logStartOffset: number): LogPosition | null => {
      const log = { logStartOffset } as Log
      return new Snapshots(host, DIRECTORY, log, { maxBytes: -1, maxMs: -1 }).earliest
    }
    expect([0, 10, 11, 20].map(earliest)).toEqual([id(10), id(10), id(20, 2), id(20, 2)])
  })

  /** Four of them, the log of so many bytes beside. */
  async function cleaned(
    maxBytes: number,
    maxMs: number,
    { logBytes = 0, ages = [] as number[] } = {},
  ) {
    const { host, disk, write } = onDisk()
    const ids = [id(0, 0), id(10), id(20), id(30)]
    for (const at of ids) await write(at, [Buffer.alloc(1000)])
    const size = disk.stat(snapshotPath(DIRECTORY, id(10))).size
    const cuts: number[] = []
    const log = {
      sizeBytes: logBytes,
      logStartOffset: 0,
      deleteRecordsBefore: (offset: number) => void cuts.push(offset),
    }
    const now = 1_000_000
    const aged = Object.assign(Object.create(host) as typeof host, {
      clock: { ...host.clock, now: () => now },
      disk: {
        list: (path: string) => disk.list(path),
        remove: (path: string) => disk.remove(path),
        stat: (path: string) => {
          const index = ids.findIndex((at) => path === snapshotPath(DIRECTORY, at))
          return { ...disk.stat(path), modifiedMs: now - (ages[index] ?? 0) }
        },
      },
    })
    const limits = { maxBytes: maxBytes < 0 ? -1 : maxBytes * size, maxMs }
    cleanSnapshots(aged, DIRECTORY, log as unknown as Parameters<typeof cleanSnapshots>[2], limits)
    return { left: listSnapshots(host, DIRECTORY).map(({ offset }) => offset), cuts }
  }

  test('the oldest go while all together, the log included, are more than may be', async () => {
    expect(await cleaned(4, -1)).toEqual({ left: [0, 10, 20, 30], cuts: [] })
    expect(await cleaned(2.5, -1)).toEqual({ left: [20, 30], cuts: [20] })
    expect(await cleaned(4, -1, { logBytes: 2000 })).toEqual({ left: [20, 30], cuts: [20] })
  })

  test('the latest stays, however little may be', async () => {
    expect(await cleaned(0, -1)).toEqual({ left: [30], cuts: [30] })
    expect(await cleaned(-1, 0, { ages: [9, 9, 9, 9] })).toEqual({ left: [30], cuts: [30] })
  })

  test('those that are too old go, younger ones stay', async () => {
    const ages = [400, 300, 200, 100]
    expect(await cleaned(-1, 250, { ages })).toEqual({ left: [20, 30], cuts: [20] })
    expect(await cleaned(-1, 400, { ages })).toEqual({ left: [0, 10, 20, 30], cuts: [] })
    expect(await cleaned(-1, -1, { ages })).toEqual({ left: [0, 10, 20, 30], cuts: [] })
  })
})
