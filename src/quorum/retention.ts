import type { Host } from '../host/host.ts'
import type { Log } from '../log/log.ts'
import { listSnapshots, snapshotPath } from './snapshot.ts'
import type { LogPosition } from './types.ts'

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
 * @returns the snapshots that are left, oldest first
 */
export function cleanSnapshots(
  host: Host,
  directory: string,
  log: Log,
  { maxBytes, maxMs }: Retention,
): LogPosition[] {
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
  return snapshots.map(({ id }) => id)
}

/** The snapshots beside a metadata log. Unless the log has everything, it begins where the earliest of them ends. */
export class Snapshots {
  readonly #host: Host
  readonly #directory: string
  readonly #log: Log
  readonly #retention: Retention
  #ids: readonly LogPosition[]

  constructor(host: Host, directory: string, log: Log, retention: Retention) {
    this.#host = host
    this.#directory = directory
    this.#log = log
    this.#retention = retention
    this.#ids = listSnapshots(host, directory)
  }

  /**
   * Null where there is none, or only what the cluster was formatted with. After a crash there may be some that the log doesn't
   * reach back to any more: of these it can't tell what followed.
   */
  get earliest(): LogPosition | null {
    const { logStartOffset } = this.#log
    return this.#ids.find(({ offset }) => offset > 0 && offset >= logStartOffset) ?? null
  }

  get latest(): LogPosition | null {
    const latest = this.#ids.at(-1)
    return latest === undefined || latest.offset === 0 ? null : latest
  }

  /** One was written: what is spare now goes. */
  clean(): void {
    this.#removeBefore(this.#log.logStartOffset)
    this.#ids = cleanSnapshots(this.#host, this.#directory, this.#log, this.#retention)
  }

  /** The log begins where this one ends: earlier ones are of no use. */
  beginWith({ offset }: LogPosition): void {
    this.#removeBefore(offset)
    this.#ids = listSnapshots(this.#host, this.#directory)
  }

  /** As Apache Kafka, one that ends below the log's start is removed: nothing follows it. */
  #removeBefore(offset: number): void {
    for (const id of listSnapshots(this.#host, this.#directory)) {
      if (id.offset < offset) this.#host.disk.remove(snapshotPath(this.#directory, id))
    }
  }
}
