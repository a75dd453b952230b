import type { Codecs } from '../../protocol/records/codecs.ts'
import {
  batchAttributes,
  batchSizeBytes,
  buildBatch,
  checkBatch,
  isControl,
  readBatches,
  readRecords,
} from '../../protocol/records/batch.ts'
import type { ControlRecord } from '../../protocol/state/control-records.ts'
import type { Host } from '../host/host.ts'
import { atOnce, ITEMS_IN_STEP, overTurns } from '../machine/steps.ts'
import type { Steps } from '../machine/steps.ts'
import { controlBatch, quorumRecords, readControlRecords } from './control.ts'
import type { LogPosition, Voter } from './types.ts'

const SUFFIX = '.checkpoint'
const PART_SUFFIX = '.checkpoint.part'
/** A batch is closed when it has this much, some two thousand records: they are made, and read again, in one turn of the event loop. */
const BATCH_BYTES = 128 << 10

/** A snapshot that is not whole, or not one at all. */
export class SnapshotError extends Error {
  override readonly name = 'SnapshotError'
  readonly code = 'ERR_SNAPSHOT'
}

const digits = (value: number, count: number): string => String(value).padStart(count, '0')

/** `%020d-%010d.checkpoint`: the offset that follows it, and the epoch of its last record. */
export function snapshotPath(directory: string, { offset, epoch }: LogPosition): string {
  return `${directory}/${digits(offset, 20)}-${digits(epoch, 10)}${SUFFIX}`
}

/** The snapshots in a directory, oldest first. */
export function listSnapshots(host: Pick<Host, 'disk'>, directory: string): LogPosition[] {
  const found: LogPosition[] = []
  for (const name of host.disk.list(directory)) {
    const match = /^(\d{20})-(\d{10})\.checkpoint$/.exec(name)
    if (match !== null) found.push({ offset: Number(match[1]), epoch: Number(match[2]) })
  }
  return found.sort((left, right) => left.offset - right.offset)
}

/** Removes what writers left behind when they were interrupted. */
export function removeUnfinishedSnapshots(host: Host, directory: string): void {
  for (const name of host.disk.list(directory)) {
    if (name.endsWith(PART_SUFFIX)) host.disk.remove(`${directory}/${name}`)
  }
}

export interface LoadedSnapshot {
  readonly control: readonly ControlRecord[]
  /** Values of the data records. */
  readonly records: readonly Buffer[]
  /** When the last record in it was appended, ms. */
  readonly timestampMs: number
}

/** @throws SnapshotError when header or footer is missing or a batch is damaged */
export function readSnapshot(
  host: Pick<Host, 'disk'>,
  path: string,
  codecs: Codecs,
): LoadedSnapshot {
  return atOnce(readInSteps(host, path, codecs))
}

/** The same, some batches in a step. */
export function* readInSteps(
  host: Pick<Host, 'disk'>,
  path: string,
  codecs: Codecs,
): Steps<LoadedSnapshot> {
  const content = host.disk.readFile(path)
  const control: ControlRecord[] = []
  const records: Buffer[] = []
  let at = 0
  let recordsBefore = 0
  for (const batch of readBatches(content)) {
    const fault = checkBatch(batch, 0, batch.length, codecs.crc32c)
    if (fault !== null) throw new SnapshotError(`${path} has a bad batch at byte ${at}: ${fault}`)
    if (isControl(batchAttributes(batch, 0))) control.push(...readControlRecords(batch, codecs))
    else for (const { value } of readRecords(batch, codecs)) if (value !== null) records.push(value)
    at += batchSizeBytes(batch, 0)
    if (records.length - recordsBefore < ITEMS_IN_STEP) continue
    recordsBefore = records.length
    yield
  }
  const header = control[0]
  if (
    at !== content.length ||
    header?.type !== 'SNAPSHOT_HEADER' ||
    control.at(-1)?.type !== 'SNAPSHOT_FOOTER'
  ) {
    throw new SnapshotError(`${path} is not complete`)
  }
  return { control, records, timestampMs: header.value.lastContainedLogTimestamp }
}

export interface SnapshotToWrite {
  readonly id: LogPosition
  /** When the last record in it was appended, ms. */
  readonly timestampMs: number
  readonly kraftVersion: number
  /** Null where only the quorum that the node is to join knows them. */
  readonly voters: readonly Voter[] | null
  /** Values of data records; taken a batch at a time, with the event loop running in between. */
  readonly records: Iterable<Buffer>
}

/** The batches of a snapshot, in Kafka's order. Offsets count from 0, and mean nothing. */
function* snapshotBatches(snapshot: SnapshotToWrite, now: number, codecs: Codecs) {
  const { epoch: leaderEpoch } = snapshot.id
  const header = {
    type: 'SNAPSHOT_HEADER',
    value: { lastContainedLogTimestamp: snapshot.timestampMs },
  } as const
  const first = [header, ...quorumRecords(snapshot.kraftVersion, snapshot.voters)]
  yield controlBatch(first, now, codecs, { baseOffset: 0, leaderEpoch })
  let baseOffset = first.length
  let values: Buffer[] = []
  let sizeBytes = 0
  const close = (): Buffer => {
    const records = values.map((value) => ({ timestamp: snapshot.timestampMs, key: null, value }))
    const batch = buildBatch({ baseOffset, leaderEpoch, records }, codecs)
    baseOffset += values.length
    values = []
    sizeBytes = 0
    return batch
  }
  for (const value of snapshot.records) {
    if (values.length > 0 && sizeBytes + value.length > BATCH_BYTES) yield close()
    values.push(value)
    sizeBytes += value.length
  }
  if (values.length > 0) yield close()
  const footer = { type: 'SNAPSHOT_FOOTER', value: {} } as const
  yield controlBatch([footer], now, codecs, { baseOffset, leaderEpoch })
}

/** A whole snapshot in memory: for the small ones of formatting. */
export function snapshotBytes(snapshot: SnapshotToWrite, now: number, codecs: Codecs): Buffer {
  return Buffer.concat([...snapshotBatches(snapshot, now, codecs)])
}

/** Writes a snapshot beside the log; it gets its name when it is whole and durable. */
export async function writeSnapshot(
  host: Host,
  directory: string,
  snapshot: SnapshotToWrite,
  codecs: Codecs,
): Promise<void> {
  await writeFile(host, directory, snapshot.id, snapshotBatches(snapshot, host.clock.now(), codecs))
}

/**
 * Keeps another node's snapshot, under the same rules.
 * @throws SnapshotError when it is not whole, and whatever ends `pieces`; then nothing is kept
 */
export async function receiveSnapshot(
  host: Host,
  directory: string,
  id: LogPosition,
  pieces: AsyncIterable<Buffer>,
  codecs: Codecs,
): Promise<LoadedSnapshot> {
  let loaded: LoadedSnapshot | null = null
  await writeFile(host, directory, id, pieces, async (path) => {
    loaded = await overTurns(host.clock, readInSteps(host, path, codecs))
  })
  return loaded!
}

/** @param check of the file with all its bytes, before it has its name */
async function writeFile(
  host: Host,
  directory: string,
  id: LogPosition,
  pieces: Iterable<Buffer> | AsyncIterable<Buffer>,
  check: (path: string) => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  const path = snapshotPath(directory, id)
  const unique = host.random.bytes(8).toString('hex')
  const partPath = `${path.slice(0, -SUFFIX.length)}-${unique}${PART_SUFFIX}`
  const file = host.disk.open(partPath, 'create')
  try {
    let position = 0
    for await (const piece of pieces) {
      await file.write([piece], position)
      position += piece.length
    }
    await file.sync()
    await check(partPath)
  } catch (error) {
    file.close()
    removeQuietly(host, partPath)
    throw error
  }
  file.close()
  host.disk.rename(partPath, path)
  host.disk.syncDirectory(directory)
}

/** What is left is removed at the next start. */
function removeQuietly({ disk, log }: Host, path: string): void {
  try {
    disk.remove(path)
  } catch (error) {
    log.warn({ err: error, path }, 'A part of a snapshot is left')
  }
}

/** The same pieces; each is noted when it comes. */
export async function* noting(
  pieces: AsyncIterable<Buffer>,
  note: () => void,
): AsyncIterable<Buffer> {
  for await (const piece of pieces) {
    note()
    yield piece
  }
}
