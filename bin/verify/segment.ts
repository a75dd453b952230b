import type { DiskFile } from '../../src/host/host.ts'
import { segmentFileName, type SegmentFile } from '../../src/log/base/paths.ts'
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
  type Report,
  type Reports,
} from './check.ts'
import { offsetIndex, positionAfter, timeIndex, transactionIndex, type Against } from './indexes.ts'
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
    const { index } = contents
    yield* verifyBatches(check, segment, scan, { file, path, index, against, findings })
    check.tally.segments++
  } finally {
    file.close()
  }
}

interface Pass {
  readonly file: DiskFile
  readonly path: string
  /** The content of the `.index`, if there is one. */
  readonly index: Buffer | null
  readonly against: readonly Against[]
  /** Told by the checks; taken out here. */
  readonly findings: Finding[]
}

function* verifyBatches(
  check: Check,
  segment: SegmentToVerify,
  scan: PartitionScan,
  pass: Pass,
): Reports {
  const { file, path, against, findings } = pass
  let batches = readBatchFile(file)
  /** Where the next batch begins; and where the first one does that can't be read, unless one after it could be. */
  let position = 0
  let unreadFrom: number | null = null
  let shownAt = 0
  for (;;) {
    const next = batches.next()
    if (next.done === true) {
      if (next.value === null) break
      const resumeAt = positionAfter(pass.index, unreadFrom ?? position, file.size())
      yield endOfBatches(segment, scan, path, { position, problem: next.value, resumeAt })
      for (const each of against) each.unreadable(resumeAt ?? Infinity)
      if (resumeAt === null) break
      scan.forget()
      position = unreadFrom = resumeAt
      batches = readBatchFile(file, resumeAt)
      continue
    }
    const { bytes } = next.value
    const at = next.value.position
    position = at + bytes.length
    check.tally.batches++
    check.tally.bytes += bytes.length
    const seen = checkOne(check, bytes, at)
    if (typeof seen === 'string') {
      unreadFrom ??= at
      for (const each of against) each.unreadable(position)
      scan.forget()
      yield found(badBatch(segment, scan, path, at, seen))
    } else {
      unreadFrom = null
      checkPlace(segment, scan, path, seen, findings)
      for (const each of against) each.batch(seen)
      scan.add(seen)
    }
    yield* findings.splice(0).map(found)
    if (position - shownAt >= PROGRESS_BYTES) {
      shownAt = position
      yield PROGRESS
    }
  }
  for (const each of against) each.end()
  yield* findings.splice(0).map(found)
}

/** What follows the batches is a note where something may be unfinished, else damage. */
function endOfBatches(
  segment: SegmentToVerify,
  scan: PartitionScan,
  file: string,
  end: { position: number; problem: string; resumeAt: number | null },
): Report {
  const { position, resumeAt } = end
  const isUnfinished = /begin with zeros|less than a header|the beginning of/.test(end.problem)
  const mayBe = segment.nextBaseOffset === null && !segment.isClosed && resumeAt === null
  const rest = resumeAt === null ? '' : `. The index says that a batch begins at ${resumeAt}`
  const finding = {
    file,
    position,
    offset: Math.max(scan.nextOffset, segment.baseOffset),
    problem: `There are ${end.problem}${rest}`,
  }
  return mayBe && isUnfinished ? noted(finding) : found(finding)
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
  const { maxTimestamp, greatestOfRecords } = batch
  if (greatestOfRecords !== null && greatestOfRecords !== maxTimestamp) {
    bad(
      `The batch says that its greatest timestamp is ${maxTimestamp}, and its records that it is ${greatestOfRecords}: retention and look-ups by time go by the former`,
    )
  }
  const epochProblem = scan.epochProblem(batch)
  if (epochProblem !== null) bad(epochProblem)
  if (leaderEpoch >= 0 && leaderEpoch < scan.latestEpoch) {
    bad(`The batch is of leader epoch ${leaderEpoch}, and one before it of ${scan.latestEpoch}`)
  }
}
