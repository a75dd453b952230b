import type { LogState } from './state.ts'
import type { ProducerSnapshots } from './producer-snapshots.ts'
import type { ProducerState } from './producer-state.ts'
import type { Segments } from './segments.ts'
import { batchBaseOffset } from '../../protocol/records/batch.ts'
import { SCAN_READ_BYTES } from './scan.ts'

export interface Replay {
  readonly segments: Segments
  readonly producers: ProducerState
  readonly snapshots: ProducerSnapshots
  readonly logStartOffset: number
  readonly nowMs: number
  readonly expirationMs: number
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
    segment.scanSync(0, 'whole', SCAN_READ_BYTES, visitor(replay.producers, from, upTo))
  }
}

/** Brings the producers' state to the log's end, after a truncation. */
export async function replayAsync(state: LogState): Promise<void> {
  const { segments, producers, snapshots, logStartOffset, logEndOffset, context, config } = state
  const nowMs = context.host.clock.now()
  const expirationMs = config.producerIdExpirationMs
  const replay = { segments, producers, snapshots, logStartOffset, nowMs, expirationMs }
  const from = loadSnapshot(replay, logEndOffset)
  if (from >= logEndOffset) return
  for (const segment of segments.from(from)) {
    await segment.scan(0, 'whole', SCAN_READ_BYTES, visitor(producers, from, logEndOffset))
  }
}

function visitor(producers: ProducerState, from: number, upTo: number) {
  return (buffer: Buffer, at: number): boolean => {
    const offset = batchBaseOffset(buffer, at)
    if (offset >= upTo) return false
    if (offset >= from) producers.apply(buffer, at)
    return true
  }
}
