import type { Clock, Logger, Timer } from '../host/host.ts'
import type { CommittedBatch } from '../quorum/committed-reader.ts'
import type { LogPosition } from '../quorum/types.ts'
import type { MetadataImage } from './image.ts'
import { encodedImage } from './snapshot-records.ts'

/**
 * After a start that had to replay more than this, a snapshot is written soon: each start gives all partitions a new epoch,
 * and without it the next ones would take longer and longer.
 */
const SNAPSHOT_AFTER_REPLAY_BYTES = 1 << 20
const SNAPSHOT_AFTER_REPLAY_MS = 5_000

export interface SnapshotGeneratorOptions {
  readonly clock: Clock
  readonly log: Logger
  /** `metadata.log.max.record.bytes.between.snapshots`, as it is now. */
  readonly maxBytes: () => number
  /** `metadata.log.max.snapshot.interval.ms`, as it is now; 0 for never. */
  readonly intervalMs: () => number
  /** The image as it is now; null where it is not whole, say because the log ends within a transaction. */
  readonly image: () => MetadataImage | null
  readonly write: (id: LogPosition, timestampMs: number, records: Iterable<Buffer>) => Promise<void>
}

/** Writes snapshots of the image: when so much was committed since the last one, and when so much time has passed. */
export class SnapshotGenerator {
  readonly #options: SnapshotGeneratorOptions
  #timer: Timer | null = null
  #writing: Promise<void> | null = null
  #bytesSince = 0
  #lastTimestampMs = 0
  #isStarted = false
  #isClosed = false

  constructor(options: SnapshotGeneratorOptions) {
    this.#options = options
  }

  /** The image has what the log had at the start. */
  start(): void {
    this.#isStarted = true
    const isLong = this.#bytesSince > SNAPSHOT_AFTER_REPLAY_BYTES
    this.#arm(isLong ? SNAPSHOT_AFTER_REPLAY_MS : this.#options.intervalMs())
  }

  /** The image has this, too. */
  noteCommitted({ timestampMs, sizeBytes }: CommittedBatch): void {
    this.#lastTimestampMs = timestampMs
    this.#bytesSince += sizeBytes
    if (this.#isStarted && this.#bytesSince >= this.#options.maxBytes()) this.#generate()
  }

  /** The image is that of a snapshot now. */
  noteLoaded(timestampMs: number): void {
    this.#lastTimestampMs = timestampMs
    this.#bytesSince = 0
  }

  /** Resolves when none is being written; none will be. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#timer?.cancel()
    await this.#writing
  }

  #arm(delayMs: number): void {
    if (delayMs <= 0 || this.#isClosed) return
    this.#timer = this.#options.clock.after(delayMs, () => {
      if (this.#bytesSince > 0) this.#generate()
      this.#arm(this.#options.intervalMs())
    })
  }

  /** The image can't change while it is written. */
  #generate(): void {
    if (this.#writing !== null || this.#isClosed) return
    const { image: imageNow, write, log } = this.#options
    const image = imageNow()
    if (image === null) return
    this.#bytesSince = 0
    const id = { offset: image.offset + 1, epoch: image.epoch }
    this.#writing = write(id, this.#lastTimestampMs, encodedImage(image))
      // The log still has everything: a later snapshot may succeed, and a failing disk shows at the next append.
      .catch((error: unknown) =>
        log.error({ err: error, ...id }, 'No metadata snapshot was written'),
      )
      .finally(() => {
        this.#writing = null
      })
  }
}
