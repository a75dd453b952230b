import type { Host } from '../host/host.ts'
import type { Log } from '../log/log.ts'
import { listSnapshots, snapshotPath } from './snapshot.ts'

/** How much of the past the metadata log keeps. */
export interface Retention {
  /** `metadata.max.retention.bytes`: of log and snapshots together; -1 for no limit. */
  readonly maxBytes: number
  /** `metadata.max.retention.ms`; -1 for no limit. */
  readonly maxMs: number
}

/**
 * Removes the oldest snapshots, and the log up to the next one, while there is too much or while they are too old. The
 * latest snapshot always stays, and the log from it on.
 */
export function cleanSnapshots(
  host: Host,
  directory: string,
  log: Log,
  { maxBytes, maxMs }: Retention,
): void {
  const snapshots = listSnapshots(host, directory).map((id) => {
    const { size, modifiedMs } = host.disk.stat(snapshotPath(directory, id))
    return { id, size, modifiedMs }
  })
  let snapshotBytes = snapshots.reduce((sum, { size }) => sum + size, 0)
  let removed = false
  while (snapshots.length > 1) {
    const oldest = snapshots[0]!
    const tooMuch = maxBytes >= 0 && log.sizeBytes + snapshotBytes > maxBytes
    const tooOld = maxMs >= 0 && host.clock.now() - oldest.modifiedMs > maxMs
    if (!tooMuch && !tooOld) break
    host.disk.remove(snapshotPath(directory, oldest.id))
    snapshots.shift()
    snapshotBytes -= oldest.size
    removed = true
  }
  const kept = snapshots[0]
  if (removed && kept !== undefined && kept.id.offset > log.logStartOffset) {
    log.deleteRecordsBefore(kept.id.offset)
  }
}
