import type { SoundScanResult } from './damage.ts'
import type { OffsetIndex } from './offset-index.ts'
import type { OpenFiles } from '../base/open-files.ts'
import type { BatchVisitor, ScanDepth, ScanResult } from './scan.ts'
import type { TimeIndex } from './time-index.ts'

/** What finds a segment's batches by offset and by time. */
export interface Indexes {
  readonly offsets: OffsetIndex
  readonly times: TimeIndex
}

/** The batches that they are about. */
export interface IndexedBatches {
  readonly sizeBytes: number
  scanSync(from: number, what: ScanDepth, readBytes: number, visit: BatchVisitor): ScanResult
  scanAroundSync(
    from: number,
    what: ScanDepth,
    readBytes: number,
    visit: BatchVisitor,
  ): SoundScanResult
  scanAround(
    from: number,
    what: ScanDepth,
    readBytes: number,
    visit: BatchVisitor,
  ): Promise<SoundScanResult>
  scan(from: number, what: ScanDepth, readBytes: number, visit: BatchVisitor): Promise<ScanResult>
}

/** The segment that they belong to. */
export interface IndexedSegment {
  readonly files: OpenFiles
  readonly baseOffset: number
  readonly batches: IndexedBatches
  /** Where the files are now. */
  pathOf(kind: 'index' | 'timeindex'): string
}
