import { parseEpochCheckpoint, parsePartitionMetadata } from '../../src/log/state/checkpoints.ts'
import {
  LEADER_EPOCH_CHECKPOINT,
  parseSegmentFileName,
  PARTITION_METADATA,
  segmentFileName,
} from '../../src/log/base/paths.ts'
import { decodeProducerSnapshot } from '../../src/log/producers/producer-snapshot.ts'
import {
  contentOf,
  found,
  noted,
  unlessGone,
  type Check,
  type Report,
  type Reports,
} from './check.ts'
import { PartitionScan } from './partition-scan.ts'
import { verifyQuorumState, verifySnapshot } from './quorum.ts'
import { verifySegment } from './segment.ts'

export interface PartitionToVerify {
  readonly directory: string
  /** The metadata log has no `partition.metadata`, and has snapshots. */
  readonly isMetadata: boolean
  readonly isClosed: boolean
  readonly recoveryPoint: number
  /** A cleaner has been here, so that records may be missing. */
  readonly isCleaned: boolean
}

const MAX_ATTEMPTS = 3

/**
 * A partition's directory: its segments, and all that is kept beside them. A broker that runs deletes and cleans segments
 * meanwhile; what seems to be damage then is looked at again.
 * @returns the log's end offset
 */
export function* verifyPartition(
  check: Check,
  partition: PartitionToVerify,
): Generator<Report, number> {
  if (partition.isClosed) return yield* passThrough(check, partition)
  for (let attempt = 1; ; attempt++) {
    const isChanged = watchFiles(check, partition.directory)
    const tally = { ...check.tally }
    const held: Report[] = []
    const pass = passThrough(check, partition)
    let next = pass.next()
    for (; next.done !== true; next = pass.next()) {
      if (next.value.kind === 'progress') yield next.value
      else held.push(next.value)
    }
    if (attempt === MAX_ATTEMPTS || held.length === 0 || !isChanged()) {
      yield* held
      return next.value
    }
    Object.assign(check.tally, tally)
  }
}

/** @returns tells whether a file of a segment but the active one has changed, or is gone */
function watchFiles({ disk }: Check, directory: string): () => boolean {
  const stampOf = (name: string): string =>
    unlessGone(() => {
      const { size, modifiedMs } = disk.stat(`${directory}/${name}`)
      return `${size} ${modifiedMs}`
    }) ?? 'gone'
  const names = disk.list(directory).filter((name) => parseSegmentFileName(name) !== null)
  const active =
    names
      .filter((name) => name.endsWith('.log'))
      .sort()
      .at(-1) ?? ''
  const closed = names.filter((name) => name.slice(0, 20) < active.slice(0, 20))
  const before = new Map(closed.map((name) => [name, stampOf(name)]))
  return () => [...before].some(([name, stamp]) => stampOf(name) !== stamp)
}

function* passThrough(check: Check, partition: PartitionToVerify): Generator<Report, number> {
  const { directory } = partition
  const names = check.disk.list(directory)
  const offsetsOf = (suffix: string): number[] =>
    names
      .flatMap((name) => {
        const parsed = parseSegmentFileName(name)
        return parsed?.suffix === suffix ? [parsed.offset] : []
      })
      .sort((one, other) => one - other)
  const segments = offsetsOf('log')
  const snapshots = offsetsOf('snapshot')
  if (!partition.isMetadata) yield* verifyName(check, directory)
  const epochs = yield* readEpochs(check, directory)
  const scan = new PartitionScan(epochs ?? [])
  yield* verifyOrphans(check, directory, names, segments)
  for (const [index, baseOffset] of segments.entries()) {
    yield* verifyProducers(check, directory, baseOffset, scan, snapshots)
    const nextBaseOffset = segments[index + 1] ?? null
    yield* verifySegment(check, { ...partition, baseOffset, nextBaseOffset }, scan)
    if (nextBaseOffset === null || scan.nextOffset >= nextBaseOffset || partition.isCleaned)
      continue
    yield noted({
      file: `${directory}/${segmentFileName(baseOffset, 'log')}`,
      offset: scan.nextOffset,
      problem: `There is nothing up to offset ${nextBaseOffset}, where the next segment begins, and no cleaner was here`,
    })
  }
  const endOffset = Math.max(scan.nextOffset, segments.at(-1) ?? 0)
  yield* verifyProducers(check, directory, Infinity, scan, snapshots, endOffset)
  const last = epochs?.at(-1)
  if (last !== undefined && last.startOffset > endOffset) {
    yield found({
      file: `${directory}/${LEADER_EPOCH_CHECKPOINT}`,
      offset: last.startOffset,
      problem: `Leader epoch ${last.epoch} begins after the log's end, which is ${endOffset}`,
    })
  }
  if (partition.isMetadata) {
    yield* verifyQuorumState(check, directory)
    for (const name of names.filter((each) => each.endsWith('.checkpoint')))
      yield* verifySnapshot(check, `${directory}/${name}`)
  }
  check.tally.partitions++
  return endOffset
}

function* verifyName({ disk }: Check, directory: string): Reports {
  const file = `${directory}/${PARTITION_METADATA}`
  const content = contentOf(disk, file)
  if (content === null) {
    if (!disk.exists(directory)) return
    yield found({ file, problem: 'It is missing: a start takes the partition for a stray one' })
  } else if (parsePartitionMetadata(content.toString('utf8')) === null) {
    yield found({ file, problem: 'It is damaged: a start takes the partition for a stray one' })
  }
}

function* readEpochs(
  { disk }: Check,
  directory: string,
): Generator<Report, ReturnType<typeof parseEpochCheckpoint>> {
  const file = `${directory}/${LEADER_EPOCH_CHECKPOINT}`
  const content = contentOf(disk, file)
  if (content === null) return null
  const epochs = parseEpochCheckpoint(content.toString('utf8'))
  if (epochs === null) yield found({ file, problem: 'It is damaged' })
  return epochs
}

/** Indexes without their segment: a crash while it was deleted, or the segment is lost. */
function* verifyOrphans(
  { disk }: Check,
  directory: string,
  names: readonly string[],
  segments: readonly number[],
): Reports {
  const known = new Set(segments)
  for (const name of names) {
    const parsed = parseSegmentFileName(name)
    if (parsed === null || known.has(parsed.offset)) continue
    const file = `${directory}/${name}`
    if (!['index', 'timeindex', 'txnindex'].includes(parsed.suffix) || !disk.exists(file)) continue
    yield found({ file, problem: 'The segment that it belongs to is missing' })
  }
}

/**
 * The snapshots up to an offset, those taken there against what the log says.
 * @param endOffset where the log ends, once it is known
 */
function* verifyProducers(
  check: Check,
  directory: string,
  upTo: number,
  scan: PartitionScan,
  snapshots: number[],
  endOffset?: number,
): Reports {
  while (snapshots.length > 0 && snapshots[0]! <= upTo) {
    const offset = snapshots.shift()!
    const file = `${directory}/${segmentFileName(offset, 'snapshot')}`
    const content = contentOf(check.disk, file)
    if (content === null) continue
    const producers = decodeProducerSnapshot(content, (bytes) => check.codecs.crc32c(bytes))
    if (producers === null) {
      yield found({ file, problem: 'It is damaged, or of a version that is not known' })
      continue
    }
    if (endOffset !== undefined && offset > endOffset) {
      yield found({ file, offset, problem: `It is beyond the log's end, which is ${endOffset}` })
      continue
    }
    const isHere = offset === upTo || offset === endOffset
    for (const producer of producers) {
      const last = producer.batches.at(-1)?.lastOffset ?? -1
      const latest = Math.max(last, producer.currentTransactionFirstOffset)
      if (latest >= offset) {
        const problem = `Producer ${producer.producerId} is at offset ${latest}, beyond the snapshot's`
        yield found({ file, offset: latest, problem })
      } else if (isHere) {
        const problem = scan.producerProblem(producer)
        if (problem !== null) yield found({ file, offset, problem })
      }
    }
  }
}
