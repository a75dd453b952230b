import { formatEpochCheckpoint } from './checkpoints.ts'
import { Flusher } from '../base/flusher.ts'
import { LEADER_EPOCH_CHECKPOINT } from '../base/paths.ts'
import type { Segment } from '../segment/segment.ts'
import type { LogState } from './state.ts'

/** A place in a segment's file. */
interface Place {
  readonly segment: Segment
  readonly position: number
}

/** Makes a log durable: when it is asked, after `flush.messages` records, and `flush.ms` after the first unflushed one. */
export class LogFlushing {
  readonly #state: LogState
  readonly #flusher = new Flusher(() => this.#flushOnce())
  #unflushedRecords = 0
  /** How far the active segment was durable after the last flush, and how far indexes and producers were saved. */
  #flushedTo: Place | null = null
  #savedTo: Place | null = null
  #savesProgress = false
  #timer: { cancel(): void } | null = null
  /** Reports that wait for a flush, and the ones after them. */
  #held = 0
  #lastHeld: Promise<void> = Promise.resolve()

  constructor(state: LogState) {
    this.#state = state
  }

  /** One fsync serves all who ask while another one runs. Rejects when the directory fails. */
  flush(): Promise<void> {
    return this.#flusher.flush()
  }

  /**
   * For a checkpoint: where so much of the active segment has become durable that recovery should not read it again, its
   * indexes and a snapshot of the producers are made durable too. Rejects when the directory fails.
   */
  async saveProgress(): Promise<void> {
    const flushed = this.#flushedTo
    if (flushed === null || flushed.segment !== this.#state.segments.active) return
    const { sizeBytes } = flushed.segment
    const saved =
      this.#savedTo?.segment === flushed.segment ? Math.min(this.#savedTo.position, sizeBytes) : 0
    if (flushed.position - saved <= this.#state.context.rereadBytes) return
    this.#savesProgress = true
    await this.flush()
  }

  inBackground(): void {
    // A failure has taken the directory offline and was told to its owner.
    this.flush().catch(() => undefined)
  }

  noteWritten(records: number): void {
    this.#unflushedRecords += records
  }

  /**
   * Calls `report` when what was written so far is as durable as the topic wants it, and in the order of the calls;
   * `fail` where it can't be made so.
   */
  whenSafe(report: () => void, fail: () => void): void {
    const { flushMessages, flushMs } = this.#state.config
    const needsFlush = this.#unflushedRecords >= flushMessages
    if (needsFlush) this.#lastHeld = this.flush()
    else if (flushMs !== Infinity && this.#unflushedRecords > 0) this.#startTimer(flushMs)
    if (!needsFlush && this.#held === 0) return report()
    this.#held++
    const settle = (next: () => void) => () => {
      this.#held--
      next()
    }
    this.#lastHeld.then(settle(report), settle(fail))
  }

  #startTimer(flushMs: number): void {
    this.#timer ??= this.#state.context.host.clock.after(flushMs, () => {
      this.#timer = null
      this.inBackground()
    })
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = null
  }

  async #flushOnce(): Promise<void> {
    const state = this.#state
    if (state.isOffline) throw state.offlineError()
    const upTo = state.logEndOffset
    const { truncations } = state
    const { active } = state.segments
    const place = { segment: active, position: active.sizeBytes }
    const savesProgress = this.#savesProgress
    this.#savesProgress = false
    this.#unflushedRecords = 0
    this.stop()
    try {
      if (savesProgress) {
        active.saveIndexes(upTo)
        // The latest one stays until the recovery point that goes with the new one is saved.
        state.snapshots.removeStray(state.segments.baseOffsets())
        state.snapshots.take(state.producers, upTo)
        state.hasUnsyncedNames = true
      }
      for (const segment of state.segments.all.filter((each) => each.needsSync)) {
        if (state.segments.has(segment)) await segment.sync()
      }
      await state.snapshots.sync(state.context.files)
      state.checkOpen()
      await this.#saveNames()
    } catch (error) {
      if (state.isClosed) throw error
      throw state.home.fail(`flush ${state.path}`, error)
    }
    // What was made durable may have been cut off since, and other records be in its place.
    if (state.truncations !== truncations) return
    state.recoveryPoint = Math.max(state.recoveryPoint, Math.min(upTo, state.logEndOffset))
    this.#flushedTo = place
    if (savesProgress) this.#savedTo = place
  }

  async #saveNames(): Promise<void> {
    const { epochs, path, context } = this.#state
    if (epochs.isChanged) {
      epochs.markSaved()
      const content = formatEpochCheckpoint(epochs.entries)
      await context.host.disk.replaceFileAsync(`${path}/${LEADER_EPOCH_CHECKPOINT}`, content)
    }
    if (this.#state.hasUnsyncedNames) {
      this.#state.hasUnsyncedNames = false
      await context.host.disk.syncDirectoryAsync(path)
    }
  }
}
