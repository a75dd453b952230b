import {
  batchBaseOffset,
  batchLeaderEpoch,
  batchSizeBytes,
  RecordWalker,
} from '../../../protocol/records/batch.ts'
import type { LogFlushing } from '../state/flushing.ts'
import { AppendLine } from './append-line.ts'
import { tryHere } from '../base/codecs.ts'
import type { LogConfig } from '../base/config.ts'
import { validateBatches, type RecordRules } from './validate.ts'
import type { AppendOutcome } from './validator.ts'
import { faultOf, type AppendFault } from '../base/faults.ts'
import {
  checkBatches,
  placeBatches,
  prepareFetched,
  rulesOf,
  type AppendTarget,
  type PreparedBatches,
} from './prepare.ts'
import type { AppendDone, AppendOrigin, AppendResult, TransactionTerms } from '../base/results.ts'
import { newSegment, type Segment } from '../segment/segment.ts'
import type { LogState } from '../state/state.ts'
import type { LogTail } from '../read/tail-cache.ts'
import { eachBatch, LogWriter, type QueuedAppend } from './writer.ts'

/** Whether what is appended should go to the tail cache. */
export interface TailInterest {
  isAlive(): boolean
}

interface ArrivedAppend {
  readonly target: AppendTarget
  readonly done: AppendDone
  /** It was refused while it waited; the memory of its records may be another's by now. */
  isDropped: boolean
}

/** The way of records into a log: checked, queued, written, reported. */
export class LogAppender {
  readonly writer: LogWriter
  readonly #state: LogState
  readonly #flushing: LogFlushing
  readonly #tail: LogTail
  readonly #interest: TailInterest
  readonly #line = new AppendLine<ArrivedAppend, AppendOutcome>((append, outcome) =>
    this.#admit(append, outcome),
  )
  readonly #walker = new RecordWalker()
  #rules: { config: LogConfig; origin: AppendOrigin; rules: RecordRules } | null = null
  #rollJitterMs: number

  constructor(state: LogState, flushing: LogFlushing, tail: LogTail, interest: TailInterest) {
    this.#state = state
    this.#flushing = flushing
    this.#tail = tail
    this.#interest = interest
    this.#rollJitterMs = this.#newJitterMs()
    this.writer = new LogWriter(
      {
        segmentFor: (batches) => this.#segmentFor(batches),
        roll: (batches) => this.#roll(batches),
        written: (batches) => this.#written(batches),
        completed: (appends) => this.#completed(appends),
        failed: (appends) => this.#reportFailed(appends),
      },
      state.home,
    )
  }

  append(
    records: Buffer,
    leaderEpoch: number,
    origin: AppendOrigin,
    done: AppendDone,
    terms: TransactionTerms | null,
  ): void {
    const state = this.#state
    if (state.isOffline || state.isClosing) return done(this.#refusal(state.offlineFault()))
    const target: AppendTarget = {
      name: state.name,
      config: state.config,
      rules: this.#rulesFor(origin),
      codecs: state.context.codecs,
      origin,
      leaderEpoch,
      terms,
      nowMs: state.context.host.clock.now(),
    }
    const checked = checkBatches(records, target, this.#walker)
    if (checked === null && this.#line.isEmpty) return this.#place(records, target, done)
    const append: ArrivedAppend = { target, done, isDropped: false }
    if (checked === 'validate') this.#line.add(append, this.#validate(records, append))
    else this.#line.add(append, checked === null ? { bytes: records } : { fault: checked })
  }

  /** Takes an append whose turn has come: those before it have their offsets. */
  #admit({ target, done }: ArrivedAppend, outcome: AppendOutcome): void {
    if ('fault' in outcome) return done(this.#refusal(outcome.fault))
    // This broker may have been made leader again in between, and epochs only go up.
    const leaderEpoch = Math.max(target.leaderEpoch, this.#state.epochs.latestEpoch)
    if (target.origin === 'coordinator' && leaderEpoch > target.leaderEpoch) {
      // It was decided by what was known in that epoch.
      const errorMessage = `${this.#state.name} is led in another epoch now`
      return done(this.#refusal(faultOf('NOT_LEADER_OR_FOLLOWER', errorMessage)))
    }
    this.#place(outcome.bytes, { ...target, leaderEpoch }, done)
  }

  #place(records: Buffer, target: AppendTarget, done: AppendDone): void {
    const state = this.#state
    const { origin, terms } = target
    const preparation = placeBatches(records, target, state.nextOffset)
    if ('fault' in preparation) return done(this.#refusal(preparation.fault))
    for (let at = 0; at < records.length; at += batchSizeBytes(records, at)) {
      const verdict = state.producers.admit(records, at, origin, terms)
      if (verdict === null) continue
      if (at > 0) this.#requeueProducers()
      if ('fault' in verdict) return done(this.#refusal({ ...verdict.fault, recordErrors: [] }))
      return this.writer.enqueue({ batches: null, duplicate: verdict.duplicate, done })
    }
    this.#enqueue(preparation.batches, done)
  }

  /** Looks at the records, here where that is little work, else in a thread. */
  #validate(records: Buffer, append: ArrivedAppend): AppendOutcome | Promise<AppendOutcome> {
    const { rules, nowMs, codecs } = append.target
    const done = tryHere(records, codecs, (light) => validateBatches(records, rules, nowMs, light))
    if (done !== null) return done.result
    const { validator } = this.#state.context
    return validator.validate(records, rules, nowMs, append)
  }

  /** The same for all appends until the configuration is another: a thread is told of them once for many. */
  #rulesFor(origin: AppendOrigin): RecordRules {
    const { name, config } = this.#state
    if (this.#rules?.config !== config || this.#rules.origin !== origin) {
      this.#rules = { config, origin, rules: rulesOf(name, config, origin) }
    }
    return this.#rules.rules
  }

  /** Resolves when nothing waits for a thread, is queued, or is being written. */
  async whenIdle(): Promise<void> {
    while (!this.#line.isEmpty || !this.writer.isIdle) {
      await this.#line.whenEmpty()
      await this.writer.whenIdle()
    }
  }

  /** The directory has failed, or the log is closed: nothing is written any more. */
  failAll(): void {
    this.#refuseWaiting(this.#state.offlineFault())
    this.writer.failAll()
  }

  /** This broker leads: what it took as a follower and isn't written yet counts for its producers, too. */
  beginLeadership(): void {
    if (!this.writer.isIdle) this.#requeueProducers()
  }

  /** Another broker leads: what has no offset yet gets none here. */
  endLeadership(): void {
    const errorMessage = `${this.#state.name} is led by another broker now`
    this.#refuseWaiting(faultOf('NOT_LEADER_OR_FOLLOWER', errorMessage))
  }

  #refuseWaiting(fault: AppendFault): void {
    for (const append of this.#line.drop()) {
      append.isDropped = true
      append.done(this.#refusal(fault))
    }
  }

  appendAsFollower(records: Buffer, done: AppendDone): void {
    const state = this.#state
    if (state.isOffline || state.isClosing) return done(this.#refusal(state.offlineFault()))
    const { codecs } = state.context
    const preparation = prepareFetched(records, state.name, state.nextOffset, codecs)
    if ('fault' in preparation) return done(this.#refusal(preparation.fault))
    const { batches } = preparation
    if (batches.batchCount === 0) return done(this.#success(batches))
    this.#enqueue(batches, done)
  }

  #enqueue(batches: PreparedBatches, done: AppendDone): void {
    this.#state.nextOffset = batches.lastOffset + 1
    this.writer.enqueue({ batches, duplicate: null, done })
  }

  /** An append of several batches was refused halfway: its first batches must leave no trace. */
  #requeueProducers(): void {
    this.#state.producers.clearQueued()
    this.writer.forEachQueued((buffer, at) => this.#state.producers.queue(buffer, at))
  }

  #refusal(fault: AppendFault): AppendResult {
    const { logStartOffset } = this.#state
    return { ...fault, baseOffset: -1, lastOffset: -1, logAppendTimeMs: -1, logStartOffset }
  }

  #success(place: {
    readonly baseOffset: number
    readonly lastOffset: number
    readonly logAppendTimeMs: number
  }): AppendResult {
    return {
      errorCode: 'NONE',
      errorMessage: null,
      recordErrors: NO_RECORD_ERRORS,
      baseOffset: place.baseOffset,
      lastOffset: place.lastOffset,
      logAppendTimeMs: place.logAppendTimeMs,
      logStartOffset: this.#state.logStartOffset,
    }
  }

  #segmentFor(batches: PreparedBatches): Segment | null {
    const { segments, config, context } = this.#state
    const needsRoll = segments.active.needsRollFor({
      sizeBytes: batches.bytes.length,
      lastOffset: batches.lastOffset,
      maxTimestamp: batches.maxTimestamp,
      segmentBytes: config.segmentBytes,
      segmentMs: config.segmentMs - this.#rollJitterMs,
      segmentIndexBytes: config.segmentIndexBytes,
      nowMs: context.host.clock.now(),
    })
    return needsRoll ? null : segments.active
  }

  /** Ends the active segment and begins one with these batches. */
  #roll(batches: PreparedBatches): void {
    this.#rollAt(Math.max(batches.baseOffset, this.#state.logEndOffset))
  }

  /** Begins an empty segment at the log's end; false where that has moved away from this offset. */
  async rollAtEnd(logEndOffset: number): Promise<boolean> {
    await this.writer.whenIdle()
    if (this.#state.isOffline || this.#state.logEndOffset !== logEndOffset) return false
    this.#rollAt(logEndOffset)
    return true
  }

  #rollAt(baseOffset: number): void {
    const state = this.#state
    const { active } = state.segments
    active.finish()
    state.context.coldIndexes.touch(active)
    state.snapshots.take(state.producers, state.logEndOffset)
    if (state.config.syncsBeforeRoll) {
      // A flush may be under way, so what it has taken note of says nothing yet.
      active.syncNow()
      state.context.host.disk.syncDirectory(state.path)
    }
    state.segments.add(newSegment(state.context, state.path, baseOffset, state.config))
    state.hasUnsyncedNames = true
    this.#rollJitterMs = this.#newJitterMs()
    this.#flushing.inBackground()
  }

  #newJitterMs(): number {
    const { segmentJitterMs, segmentMs } = this.#state.config
    const most = Math.min(segmentJitterMs, segmentMs)
    return most > 0 ? this.#state.context.host.random.below(most) : 0
  }

  #written(batches: PreparedBatches): void {
    const { epochs, producers, segments } = this.#state
    const { bytes, baseOffset, lastOffset } = batches
    eachBatch(bytes, (at) => {
      epochs.assign(batchLeaderEpoch(bytes, at), batchBaseOffset(bytes, at))
      const aborted = producers.apply(bytes, at)
      if (aborted !== null) segments.active.addAborted(aborted)
    })
    this.#state.logEndOffset = lastOffset + 1
    this.#flushing.noteWritten(lastOffset - baseOffset + 1)
    if (this.#interest.isAlive()) this.#tail.add(bytes, baseOffset, lastOffset + 1)
    else this.#tail.clear()
  }

  #completed(appends: readonly QueuedAppend[]): void {
    if (this.writer.isIdle) this.#state.producers.clearQueued()
    this.#flushing.whenSafe(
      () => this.#report(appends),
      () => this.#reportFailed(appends),
    )
  }

  #report(appends: readonly QueuedAppend[]): void {
    for (const { batches, duplicate, done } of appends) {
      if (batches !== null) {
        done(this.#success(batches))
      } else if (duplicate !== null) {
        const { lastOffset, offsetDelta, timestamp } = duplicate
        const baseOffset = lastOffset - offsetDelta
        done(this.#success({ baseOffset, lastOffset, logAppendTimeMs: Number(timestamp) }))
      }
    }
  }

  #reportFailed(appends: readonly QueuedAppend[]): void {
    for (const { done } of appends) done(this.#refusal(this.#state.offlineFault()))
  }
}

const NO_RECORD_ERRORS: AppendResult['recordErrors'] = []
