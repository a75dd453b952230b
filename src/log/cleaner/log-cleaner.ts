import type { Clock, Host } from '../../host/host.ts'
import { messageOf } from '../base/errors.ts'
import { needsClean, type Cleanable } from './cleanable.ts'
import type { CleaningResult, PartitionCleaner } from './partition-cleaner.ts'
import { StoppedError } from './source.ts'

/** Kafka's `log.cleaner.*`, as they are now. */
export interface CleanerSettings {
  readonly threads: number
  /** Of all threads together. */
  readonly dedupeBufferBytes: number
  readonly loadFactor: number
  /** Of all threads together, for reading and writing. */
  readonly ioBufferBytes: number
  readonly maxBytesPerSecond: number
  readonly backoffMs: number
}

export interface CleanableLog {
  readonly cleaner: PartitionCleaner
  /** Deletes what `retention.ms` and `retention.bytes` don't keep. */
  deleteOldSegments(): Promise<void>
}

export interface LogCleanerOptions {
  readonly host: Pick<Host, 'clock' | 'log'>
  /** All logs there are; the cleaner finds those to be compacted. */
  logs(): Iterable<CleanableLog>
  settings(): CleanerSettings
}

/** A buffer for reading need not be larger than this, whatever the settings allow, nor smaller than that. */
const LEAST_BUFFER_BYTES = 4096
/** After so many logs looked at, others get their turn. */
const LOGS_AT_ONCE = 100

interface Candidate {
  readonly partition: PartitionCleaner
  readonly cleanable: Cleanable
}

/**
 * Compacts logs, the filthiest first, a few at a time, until it is stopped. Those of compacted logs that have a retention too
 * lose their old segments here: never while they are cleaned.
 */
export class LogCleaner {
  readonly #options: LogCleanerOptions
  readonly #uncleanable = new WeakSet<PartitionCleaner>()
  readonly #lines = new Set<Promise<void>>()
  #lineCount = 0
  readonly #cleaning = new Set<PartitionCleaner>()
  readonly #pauses = new Set<{ timer: { cancel(): void }; end(): void }>()
  #isStopped = false

  constructor(options: LogCleanerOptions) {
    this.#options = options
  }

  start(): void {
    while (this.#lineCount < this.#options.settings().threads && !this.#isStopped) {
      this.#lineCount++
      const line: Promise<void> = this.#run().finally(() => this.#lines.delete(line))
      this.#lines.add(line)
    }
  }

  /** Begins nothing more, ends what is under way without a result, and resolves when it has ended. */
  async stop(): Promise<void> {
    this.#isStopped = true
    for (const pause of this.#pauses) {
      pause.timer.cancel()
      pause.end()
    }
    await Promise.all(Array.from(this.#cleaning, (partition) => partition.interrupt()))
    await Promise.all(this.#lines)
  }

  /** One after the other, as a thread of Kafka's cleaner does. */
  async #run(): Promise<void> {
    while (!this.#isStopped) {
      const { threads, backoffMs } = this.#options.settings()
      if (this.#lineCount > threads) break
      this.start()
      const hasCleaned = await this.cleanFilthiest()
      await this.deleteOldSegments()
      if (!hasCleaned) await this.#pause(backoffMs)
    }
    this.#lineCount--
  }

  #pause(durationMs: number): Promise<void> {
    if (this.#isStopped) return Promise.resolve()
    return new Promise((resolve) => {
      const timer = this.#options.host.clock.after(durationMs, () => {
        this.#pauses.delete(pause)
        resolve()
      })
      const pause = { timer, end: resolve }
      this.#pauses.add(pause)
    })
  }

  /** Cleans the log that needs it most; false where none needs it, or the one could not be cleaned. */
  async cleanFilthiest(): Promise<boolean> {
    const candidates = await this.#candidates()
    candidates.sort((one, other) => other.cleanable.dirtyRatio - one.cleanable.dirtyRatio)
    for (const { partition, cleanable } of candidates) {
      const result = await this.#clean(partition, cleanable)
      if (result !== null) return result.kind === 'done'
    }
    return false
  }

  /** For compacted logs that aren't being cleaned, and can be. */
  async deleteOldSegments(): Promise<void> {
    let seen = 0
    for (const log of [...this.#options.logs()]) {
      const { cleaner } = log
      if (++seen % LOGS_AT_ONCE === 0) await endOfTurn(this.#options.host.clock)
      if (this.#isStopped) return
      if (!cleaner.isOpen || !cleaner.deletesSegments || this.#uncleanable.has(cleaner)) continue
      await cleaner.exclusively(() => log.deleteOldSegments())
    }
  }

  async #candidates(): Promise<Candidate[]> {
    const { clock } = this.#options.host
    const found: Candidate[] = []
    let seen = 0
    for (const { cleaner: partition } of [...this.#options.logs()]) {
      if (++seen % LOGS_AT_ONCE === 0) await endOfTurn(clock)
      if (this.#isStopped) return []
      if (!partition.isOpen || this.#uncleanable.has(partition)) continue
      try {
        const cleanable = await partition.find(clock.now())
        if (needsClean(cleanable, partition.minDirtyRatio)) found.push({ partition, cleanable })
      } catch (error) {
        const isFault = partition.isOpen && !(error instanceof StoppedError)
        if (isFault) this.#giveUp(partition, { error }, messageOf(error))
      }
    }
    return found
  }

  /** @returns null where the log isn't to be cleaned now */
  async #clean(
    partition: PartitionCleaner,
    cleanable: Cleanable,
  ): Promise<CleaningResult | { kind: 'failed' } | null> {
    if (this.#isStopped) return null
    const { settings, host } = this.#options
    const { threads, dedupeBufferBytes, loadFactor, ioBufferBytes, maxBytesPerSecond } = settings()
    const startedMs = host.clock.monotonic()
    this.#cleaning.add(partition)
    try {
      const result = await partition.clean(cleanable, {
        mapBytes: Math.min(Math.trunc(dedupeBufferBytes / threads), 0x7fffffff),
        loadFactor,
        bufferBytes: Math.max(LEAST_BUFFER_BYTES, Math.trunc(ioBufferBytes / threads / 2)),
        bytesPerSecond: maxBytesPerSecond / threads,
      })
      if (result?.kind === 'done') {
        const durationMs = Math.round(host.clock.monotonic() - startedMs)
        host.log.info(
          { partition: partition.name, ...result.report, durationMs },
          'A log was compacted',
        )
      } else if (result?.kind === 'corrupt') {
        const { path, position, offset, reason } = result.corruption
        const at = offset === null ? '' : ` (offset ${offset})`
        this.#giveUp(partition, result.corruption, `${path}, position ${position}${at}: ${reason}`)
      }
      return result
    } catch (error) {
      this.#giveUp(partition, { error }, messageOf(error))
      return { kind: 'failed' }
    } finally {
      this.#cleaning.delete(partition)
    }
  }

  /** As Kafka does: until the next start the others go on without it. */
  #giveUp(partition: PartitionCleaner, fields: object, reason: string): void {
    this.#uncleanable.add(partition)
    this.#options.host.log.error(
      { partition: partition.name, ...fields },
      `${partition.name} is compacted no more until the next start: ${reason}`,
    )
  }
}

function endOfTurn(clock: Clock): Promise<void> {
  return new Promise((resolve) => clock.endOfTurn(resolve))
}
