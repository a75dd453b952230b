import type { DiskFile } from '../../src/host/host.ts'
import { segmentFileName, type SegmentFile } from '../../src/log/paths.ts'
import { readBatchFile } from '../dump/batch-file.ts'
import { checkOne, type SeenBatch } from './batches.ts'
import {
  contentOf,
  found,
  noted,
  PROGRESS,
  unlessGone,
  type Check,
  type Finding,
  type Reports,
} from './check.ts'
import { offsetIndex, timeIndex, transactionIndex, type Against } from './indexes.ts'
import type { PartitionScan } from './partition-scan.ts'

export interface SegmentToVerify {
  /** The partition's directory. */
  readonly directory: string
  readonly baseOffset: number
  /** Where the next segment begins; null for the active one. */
  readonly nextBaseOffset: number | null
  /** The broker that wrote it has closed it, so that nothing may be unfinished. */
  readonly isClosed: boolean
  /** What is from here on was perhaps not flushed, and a start checks it: unless it is closed. */
  readonly recoveryPoint: number
}

const PROGRESS_BYTES = 4 << 20

/** A segment with its indexes, in one pass. */
export function* verifySegment(
  check: Check,
  segment: SegmentToVerify,
  scan: PartitionScan,
): Reports {
  const { disk } = check
  const pathOf = (kind: SegmentFile): string =>
    `${segment.directory}/${segmentFileName(segment.baseOffset, kind)}`
  const path = pathOf('log')
  const findings: Finding[] = []
  const tell = (finding: Finding): void => void findings.push(finding)
  // Indexes first: what they point to is in the log by then, however fast a broker writes on.
  const contents = {
    index: contentOf(disk, pathOf('index')),
    timeindex: contentOf(disk, pathOf('timeindex')),
    txnindex: contentOf(disk, pathOf('txnindex')),
  }
  const file = unlessGone(() => disk.open(path, 'read'))
  if (file === null) return
  try {
    const sizeBytes = file.size()
    const base = segment.baseOffset
    const against: Against[] = [
      transactionIndex(pathOf('txnindex'), contents.txnindex, base, scan.opened, tell),
    ]
    if (contents.index !== null)
      against.push(offsetIndex(pathOf('index'), contents.index, base, tell))
    if (contents.timeindex !== null)
      against.push(timeIndex(pathOf('timeindex'), contents.timeindex, base, tell))
    for (const kind of ['index', 'timeindex'] as const) {
      const isMissing = contents[kind] === null && sizeBytes > 0 && segment.nextBaseOffset !== null
      if (isMissing && disk.exists(path)) {
        tell({ file: pathOf(kind), problem: 'It is missing; a start builds it anew' })
      }
    }
    yield* verifyBatches(check, segment, scan, { file, path, against, findings })
    check.tally.segments++
  } finally {
    file.close()
  }
}

interface Pass {
  readonly file: DiskFile
  readonly path: string
  readonly against: readonly Against[]
  /** Told by the checks; taken out here. */
  readonly findings: Finding[]
}

function* verifyBatches(
  check: Check,
  segment: SegmentToVerify,
  scan: PartitionScan,
  { file, path, against, findings }: Pass,
): Reports {
  const batches = readBatchFile(file)
  let position = 0
  let lastShown = 0
  for (;;) {
    const next = batches.next()
    if (next.done === true) {
      if (next.value !== null) {
        const finding = {
          file: path,
          position,
          offset: scan.nextOffset,
          problem: `There are ${next.value}`,
        }
        const isUnfinished = /begin with zeros|less than a header|the beginning of/.test(next.value)
        const mayBe = segment.nextBaseOffset === null && !segment.isClosed && isUnfinished
        if (mayBe) yield noted(finding)
        else {
          yield found(finding)
          for (const each of against) each.unreadable(position, Infinity)
        }
      }
      break
    }
    const { bytes } = next.value
    position = next.value.position + bytes.length
    check.tally.batches++
    check.tally.bytes += bytes.length
    const seen = checkOne(check, bytes, next.value.position)
    if (typeof seen === 'string') {
      for (const each of against) each.unreadable(next.value.position, position)
      scan.forget()
      yield found(badBatch(segment, scan, path, next.value.position, seen))
    } else {
      checkPlace(segment, scan, path, seen, findings)
      for (const each of against) each.batch(seen)
      scan.add(seen)
    }
    yield* findings.splice(0).map(found)
    if (position - lastShown >= PROGRESS_BYTES) {
      lastShown = position
      yield PROGRESS
    }
  }
  for (const each of against) each.end()
  yield* findings.splice(0).map(found)
}

function badBatch(
  segment: SegmentToVerify,
  scan: PartitionScan,
  file: string,
  position: number,
  problem: string,
): Finding {
  const offset = Math.max(scan.nextOffset, segment.baseOffset)
  const isCut = !segment.isClosed && offset >= segment.recoveryPoint
  const remark = isCut ? '. It was perhaps never flushed: a start cuts the log here' : ''
  return { file, position, offset, problem: `The batch is not valid: ${problem}${remark}` }
}

/** Offsets and epochs only rise, and belong to the segment. */
function checkPlace(
  segment: SegmentToVerify,
  scan: PartitionScan,
  file: string,
  batch: SeenBatch,
  findings: Finding[],
): void {
  const { position, baseOffset: offset, lastOffset, leaderEpoch } = batch
  const bad = (problem: string): void => void findings.push({ file, position, offset, problem })
  if (offset < scan.nextOffset) {
    bad(
      `The batch begins with offset ${offset}, and what is before it ends with ${scan.nextOffset - 1}`,
    )
  }
  if (offset < segment.baseOffset) bad(`The segment begins with offset ${segment.baseOffset}`)
  if (segment.nextBaseOffset !== null && lastOffset >= segment.nextBaseOffset) {
    bad(
      `The batch ends with offset ${lastOffset}, and the next segment begins with ${segment.nextBaseOffset}`,
    )
  }
  const epochProblem = scan.epochProblem(batch)
  if (epochProblem !== null) bad(epochProblem)
  if (leaderEpoch >= 0 && leaderEpoch < scan.latestEpoch) {
    bad(`The batch is of leader epoch ${leaderEpoch}, and one before it of ${scan.latestEpoch}`)
  }
}
