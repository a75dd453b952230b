import { fitsRelativeOffset } from '../segment/offset-index.ts'

/** What decides which segments become one. */
export interface SegmentSizes {
  readonly baseOffset: number
  readonly sizeBytes: number
  readonly indexBytes: number
  readonly timeIndexBytes: number
}

export interface GroupLimits {
  /** `segment.bytes` */
  readonly segmentBytes: number
  /** `segment.index.bytes` */
  readonly segmentIndexBytes: number
  /** Where the part of the log that can be cleaned ends. */
  readonly endOffset: number
}

/**
 * Puts neighbours together that fit into one segment even if nothing of them goes, so that segments don't become ever
 * smaller (Kafka's groupSegmentsBySize).
 */
export function groupSegments<Sizes extends SegmentSizes>(
  segments: readonly Sizes[],
  limits: GroupLimits,
): Sizes[][] {
  const groups: Sizes[][] = []
  let total = { sizeBytes: 0, indexBytes: 0, timeIndexBytes: 0 }
  for (const [index, segment] of segments.entries()) {
    const group = groups.at(-1)
    const lastOffset = (segments[index + 1]?.baseOffset ?? limits.endOffset) - 1
    const sum = {
      sizeBytes: total.sizeBytes + segment.sizeBytes,
      indexBytes: total.indexBytes + segment.indexBytes,
      timeIndexBytes: total.timeIndexBytes + segment.timeIndexBytes,
    }
    const fits =
      group !== undefined &&
      sum.sizeBytes <= limits.segmentBytes &&
      sum.indexBytes <= limits.segmentIndexBytes &&
      sum.timeIndexBytes <= limits.segmentIndexBytes &&
      (segment.sizeBytes === 0 || fitsRelativeOffset(group[0]!.baseOffset, lastOffset))
    if (fits) group.push(segment)
    else groups.push([segment])
    total = fits ? sum : segment
  }
  return groups
}
