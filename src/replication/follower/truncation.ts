import type { Log } from '../../log/log.ts'

/** The last epoch that a leader has in common with its follower, as far as it can tell, and its end there. */
export interface DivergingEpoch {
  readonly epoch: number
  readonly endOffset: number
}

/**
 * Where a follower has to cut its log. [KIP-101, KIP-279] Where it doesn't know the leader's epoch, it goes back to the one before
 * that, and finds out at its next fetch whether that was enough.
 */
export function truncationOffset(
  log: Pick<Log, 'endOffsetForEpoch' | 'logEndOffset' | 'highWatermark'>,
  { epoch, endOffset }: DivergingEpoch,
): number {
  const { logEndOffset } = log
  if (endOffset < 0) return log.highWatermark
  const own = log.endOffsetForEpoch(epoch)
  if (own.leaderEpoch < 0) return Math.min(endOffset, logEndOffset)
  if (own.leaderEpoch !== epoch) return Math.min(own.endOffset, logEndOffset)
  return Math.min(own.endOffset, endOffset, logEndOffset)
}
