import type { LogState } from './state.ts'
import type { ProducerSnapshots } from '../producers/producer-snapshots.ts'
import type { ProducerState } from '../producers/producer-state.ts'
import type { Segments } from '../segment/segments.ts'
import { batchBaseOffset, batchSizeBytes, checkBatch } from '../../../protocol/records/batch.ts'
import { SCAN_READ_BYTES } from '../segment/scan.ts'

export interface Replay {
  readonly segments: Segments
  readonly producers: ProducerState
  readonly snapshots: ProducerSnapshots
  readonly logStartOffset: number
  readonly nowMs: number
  readonly expirationMs: number
  readonly crc32c: (bytes: Uint8Array) => number
}

/** Loads the latest snapshot at or before an offset; returns the offset from which the log has to be replayed. */
export function loadSnapshot(replay: Replay, upTo: number): number {
  const { producers, snapshots, logStartOffset, nowMs, expirationMs } = replay
  const latest = snapshots.latest(upTo)
  producers.load(latest?.entries ?? [], nowMs, expirationMs)
  return latest === null ? logStartOffset : Math.max(latest.offset, 0)
}

/** Brings the producers' state from the latest snapshot to an offset. For start-up. */
export function replaySync(replay: Replay, upTo: number): void {
  const from = loadSnapshot(replay, upTo)
  if (from >= upTo) return
  for (const segment of replay.segments.from(from)) {
    if (segment.baseOffset >= upTo) break
    segment.scanAroundSync(0, 'whole', SCAN_READ_BYTES, visitor(replay, from, upTo))
  }
}

/**
 * Brings the producers' state to the log's end, after a truncation.
 * @throws StorageError where the log is closed meanwhile
 */
export async function replayAsync(state: LogState): Promise<void> {
  const { segments, producers, snapshots, logStartOffset, logEndOffset, context, config } = state
  const nowMs = context.host.clock.now()
  const expirationMs = config.producerIdExpirationMs
  const { crc32c } = context.codecs
  const replay = { segments, producers, snapshots, logStartOffset, nowMs, expirationMs, crc32c }
  const from = loadSnapshot(replay, logEndOffset)
  if (from >= logEndOffset) return
  for (const segment of segments.from(from)) {
    await segment.scanAround(0, 'whole', SCAN_READ_BYTES, visitor(replay, from, logEndOffset))
    state.checkOpen()
  }
}

function visitor({ producers, crc32c }: Replay, from: number, upTo: number) {
  return (buffer: Buffer, at: number): boolean => {
    const offset = batchBaseOffset(buffer, at)
    if (offset >= upTo) return false
    // A damaged batch might say that a transaction begins which nobody ends.
    const isSound =
      offset >= from && checkBatch(buffer, at, at + batchSizeBytes(buffer, at), crc32c) === null
    if (isSound) producers.apply(buffer, at)
    return true
  }
}
