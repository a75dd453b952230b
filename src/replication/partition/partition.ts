import assert from 'node:assert/strict'
import type { ErrorName } from '../../../protocol/errors.ts'
import type { Clock, Timer } from '../../host/host.ts'
import type { LogConfig } from '../../log/base/config.ts'
import type { Log } from '../../log/log.ts'
import type {
  AppendOrigin,
  AppendResult,
  EpochEndOffset,
  ReadResult,
  ReadUpTo,
  MarkerToWrite,
  TransactionTerms,
} from '../../log/base/results.ts'

/** What the cluster has agreed on for a partition. */
export interface PartitionAssignment {
  /** -1 when there is none. */
  readonly leader: number
  readonly leaderEpoch: number
  readonly partitionEpoch: number
  readonly replicas: readonly number[]
  /** Of each replica, the id of its directory. */
  readonly directories: readonly string[]
  readonly isr: readonly number[]
}

/** What a topic's settings come to. */
export interface TopicSettings {
  readonly log: LogConfig
  /** `min.insync.replicas` */
  readonly minInSyncReplicas: number
  /** `cleanup.policy` has `delete`. */
  readonly deletesRecords: boolean
}

/** Produce's acks: 0 none, 1 the leader's, -1 all of the ISR. */
export type RequiredAcks = -1 | 0 | 1

/** What Kafka's clients look the topic up anew for, and find it gone or made again. */
const DELETED = 'UNKNOWN_TOPIC_OR_PARTITION'

/** Somebody who waits for records. */
export interface FetchWaiter {
  /**
   * Called when `sizeBytes` more became readable, or when leadership changed or the broker stops (then with Infinity).
   * @param stableBytes so many of what is decided, for readers of that; -1 where the last stable offset is where it was
   */
  advanced(sizeBytes: number, stableBytes: number): void
}

/** An append whose acknowledgement waits for the ISR. */
interface PendingAcknowledgement {
  readonly result: AppendResult
  readonly done: (result: AppendResult) => void
  readonly timer: Timer
}

/** One partition as this broker sees it: its assignment, its log, and who waits for it. */
export class Partition {
  readonly topic: string
  readonly topicId: string
  readonly index: number
  readonly #clock: Clock
  readonly #brokerId: number
  readonly #settings: () => TopicSettings
  readonly #waiters = new Set<FetchWaiter>()
  /** In the order of their offsets. */
  #pending: PendingAcknowledgement[] = []
  #assignment: PartitionAssignment
  #log: Log | null
  #readableBytes: number
  /** What came since all was decided that had come. */
  #undecidedBytes = 0
  /** How often this broker has ceased to lead. */
  #leadsEnded = 0
  #hasEndedWaiting = false
  #isDeleted = false
  /** Appends that wait, in order; null when they need not. */
  #heldAppends: (() => void)[] | null = null

  constructor(options: {
    clock: Clock
    brokerId: number
    topic: string
    topicId: string
    index: number
    assignment: PartitionAssignment
    /** Null when its directory is offline. */
    log: Log | null
    /** The topic's settings as they are now. */
    settings: () => TopicSettings
  }) {
    this.topic = options.topic
    this.topicId = options.topicId
    this.index = options.index
    this.#clock = options.clock
    this.#brokerId = options.brokerId
    this.#settings = options.settings
    this.#assignment = options.assignment
    this.#log = options.log
    this.#readableBytes = 0
    if (this.isLeader) this.#log?.beginEpoch(this.leaderEpoch)
    this.#advance(0)
  }

  get assignment(): PartitionAssignment {
    return this.#assignment
  }

  get leaderEpoch(): number {
    return this.#assignment.leaderEpoch
  }

  get isLeader(): boolean {
    return this.#assignment.leader === this.#brokerId
  }

  /** Null when the directory of this partition is offline. */
  get log(): Log | null {
    return this.#log
  }

  /** What a client is told where the log is gone, or was lost while it was used: the disk's fault, or the topic's end. */
  get whyUnusable(): 'KAFKA_STORAGE_ERROR' | 'UNKNOWN_TOPIC_OR_PARTITION' {
    return this.#isDeleted ? DELETED : 'KAFKA_STORAGE_ERROR'
  }

  /** Whether records may go before they were read: by retention, or on request. */
  get deletesRecords(): boolean {
    return this.#settings().deletesRecords
  }

  /** Takes over what the cluster has agreed on; who waits has to look again. */
  update(assignment: PartitionAssignment): void {
    const { leader, leaderEpoch, isr } = this.#assignment
    assert(
      assignment.leaderEpoch > leaderEpoch ||
        (assignment.leaderEpoch === leaderEpoch && assignment.leader === leader),
      'An epoch has one leader, and none comes again',
    )
    this.#assignment = assignment
    if (this.isLeader) this.#log?.beginEpoch(this.leaderEpoch)
    else {
      this.#leadsEnded++
      this.#log?.endLeadership()
      // Another leader may let go of these records: an acknowledgement would be a promise of somebody else.
      this.#refusePending('NOT_LEADER_OR_FOLLOWER')
    }
    this.#advance(0)
    // Where the replicas are is nothing to those who wait, unless there were too few of them in sync.
    const isOtherLead = assignment.leaderEpoch !== leaderEpoch
    if (isOtherLead || assignment.isr.length > isr.length) this.#wake(Infinity)
  }

  /** The directory failed: nothing is readable or writable any more. */
  takeOffline(): void {
    this.#log = null
    this.#refusePending('KAFKA_STORAGE_ERROR')
    this.#wake(Infinity)
  }

  /** The topic is deleted, or this broker has no replica any more: whoever still asks is told so, and nothing of a disk. */
  delete(): void {
    this.#log = null
    this.#isDeleted = true
    this.#refusePending(DELETED)
    this.#wake(Infinity)
  }

  #refusePending(errorCode: ErrorName): void {
    for (const { result, done, timer } of this.#pending.splice(0)) {
      timer.cancel()
      done(failure(errorCode, result.logStartOffset))
    }
  }

  /**
   * What stands against an operation that only the leader may do. [KIP-320] An epoch older than ours is fenced, a newer
   * one is not known yet.
   * @param currentLeaderEpoch what the client takes for current, -1 if it doesn't say
   */
  checkLeader(currentLeaderEpoch = -1): ErrorName {
    if (this.#log === null) return this.whyUnusable
    if (currentLeaderEpoch >= 0 && currentLeaderEpoch !== this.leaderEpoch) {
      return currentLeaderEpoch < this.leaderEpoch ? 'FENCED_LEADER_EPOCH' : 'UNKNOWN_LEADER_EPOCH'
    }
    return this.isLeader ? 'NONE' : 'NOT_LEADER_OR_FOLLOWER'
  }

  /**
   * Appends whole batches. `done` is called once: with acks 0 and 1 after the write, with -1 after all of the ISR has
   * them or `timeoutMs` has passed. Until then the bytes of `records` belong to the log.
   * @param leaderEpoch the only one in which they may be appended, -1 for whichever it is
   * @param terms null for what is part of no transaction
   */
  append(
    records: Buffer,
    acks: RequiredAcks,
    origin: AppendOrigin,
    timeoutMs: number,
    done: (result: AppendResult) => void,
    leaderEpoch = -1,
    terms: TransactionTerms | null = null,
  ): void {
    if (this.#heldAppends !== null) {
      this.#heldAppends.push(() =>
        this.append(records, acks, origin, timeoutMs, done, leaderEpoch, terms),
      )
      return
    }
    const error = this.checkLeader(leaderEpoch)
    if (error !== 'NONE' || this.#log === null) return done(failure(error))
    if (acks === -1 && this.isUnderMinIsr) return done(failure('NOT_ENOUGH_REPLICAS'))
    const leadsEnded = this.#leadsEnded
    const appended = (result: AppendResult): void => {
      if (result.errorCode === 'KAFKA_STORAGE_ERROR' && this.#isDeleted) {
        return done(failure(DELETED))
      }
      if (result.errorCode !== 'NONE') return done(result)
      // Another broker may have let go of these records since, though this one leads again.
      if (leadsEnded !== this.#leadsEnded) {
        return done(failure('NOT_LEADER_OR_FOLLOWER', result.logStartOffset))
      }
      this.#advance(records.length)
      if (acks !== -1) return done(result)
      this.#acknowledge(result, timeoutMs, done)
    }
    this.#log.append(records, this.leaderEpoch, origin, appended, terms)
  }

  /**
   * Ends a producer's transaction here. `done` is called once, when all of the ISR has the marker or `timeoutMs` has passed:
   * with NONE, or with INVALID_PRODUCER_EPOCH, TRANSACTION_COORDINATOR_FENCED, or what an append may be refused with.
   */
  appendMarker(end: MarkerToWrite, timeoutMs: number, done: (error: ErrorName) => void): void {
    const log = this.#log
    if (log === null) return done(this.whyUnusable)
    const finished = ({ errorCode }: AppendResult): void => done(errorCode)
    this.append(log.marker(end), -1, 'coordinator', timeoutMs, finished, -1, end)
  }

  /** Has all appends from now on wait, in order, until the function returned is called. */
  holdAppends(): () => void {
    assert(this.#heldAppends === null)
    const held: (() => void)[] = []
    this.#heldAppends = held
    return () => {
      this.#heldAppends = null
      for (const append of held) append()
    }
  }

  /** The replica is in another directory now, with the same records. Nothing may be on its way to the old log. */
  replaceLog(log: Log): void {
    if (this.#log === null) return
    log.updateConfig(this.#settings().log)
    log.setHighWatermark(this.#log.highWatermark)
    log.advanceLogStart(this.#log.logStartOffset)
    log.takeOverVerifications(this.#log)
    this.#log = log
    if (this.isLeader) log.beginEpoch(this.leaderEpoch)
    this.#advance(0)
  }

  /** Reads for a fetcher that has passed `checkLeader`. */
  read(
    offset: number,
    maxBytes: number,
    upTo: ReadUpTo,
    minOneBatch: boolean,
  ): ReadResult | Promise<ReadResult> | null {
    return this.#log?.read(offset, maxBytes, upTo, minOneBatch) ?? null
  }

  /**
   * [KIP-595] Where the fetcher's history leaves this log's, if it does: the last epoch both have and its end here.
   * @returns null when the fetcher may go on, 'unknown' when this log can't tell
   */
  divergence(fetchOffset: number, lastFetchedEpoch: number): EpochEndOffset | 'unknown' | null {
    if (lastFetchedEpoch < 0 || this.#log === null) return null
    const end = this.#log.endOffsetForEpoch(lastFetchedEpoch)
    if (end.leaderEpoch < 0 || end.endOffset < 0) return 'unknown'
    return end.leaderEpoch < lastFetchedEpoch || end.endOffset < fetchOffset ? end : null
  }

  /** Until `stopWaiting`. */
  wait(waiter: FetchWaiter): void {
    this.#waiters.add(waiter)
    if (this.#hasEndedWaiting) waiter.advanced(Infinity, Infinity)
  }

  /** The broker stops: nobody may wait for records any more. */
  endWaiting(): void {
    this.#hasEndedWaiting = true
    this.#wake(Infinity)
  }

  stopWaiting(waiter: FetchWaiter): void {
    this.#waiters.delete(waiter)
  }

  /** Whether an append that all of the ISR must have is refused (Kafka's effectiveMinIsr). */
  get isUnderMinIsr(): boolean {
    const { isr, replicas } = this.#assignment
    // A topic can't have more in-sync replicas than it has replicas.
    return isr.length < Math.min(this.#settings().minInSyncReplicas, replicas.length)
  }

  #acknowledge(
    result: AppendResult,
    timeoutMs: number,
    done: (result: AppendResult) => void,
  ): void {
    if (this.#log === null) return done(failure(this.whyUnusable))
    if (this.#log.highWatermark > result.lastOffset) return done(this.#acknowledged(result))
    const pending: PendingAcknowledgement = {
      result,
      done,
      timer: this.#clock.after(timeoutMs, () => {
        this.#pending = this.#pending.filter((other) => other !== pending)
        done(failure('REQUEST_TIMED_OUT', result.logStartOffset))
      }),
    }
    this.#pending.push(pending)
  }

  /** The records are stored. Whether by as many as min.insync.replicas demands is only known now. */
  #acknowledged(result: AppendResult): AppendResult {
    return this.isUnderMinIsr
      ? { ...result, errorCode: 'NOT_ENOUGH_REPLICAS_AFTER_APPEND' }
      : result
  }

  /** Moves the high watermark to what all of the ISR has, and tells who waits for it. */
  #advance(sizeBytes: number): void {
    const log = this.#log
    if (log === null || !this.isLeader) return
    const before = log.highWatermark
    const stableBefore = log.lastStableOffset
    this.#readableBytes += sizeBytes
    this.#undecidedBytes += sizeBytes
    if (this.#assignment.isr.every((id) => id === this.#brokerId))
      log.setHighWatermark(log.logEndOffset)
    const stable = log.lastStableOffset
    const isMoved = log.highWatermark !== before || stable !== stableBefore
    // The first of several appends that were written together moves it for all of them.
    const isReadable = sizeBytes > 0 && log.highWatermark === log.logEndOffset
    if (!isMoved && !isReadable) return
    const readable = this.#readableBytes
    this.#readableBytes = 0
    const isDecided = stable === log.highWatermark
    const stableBytes = isDecided || stable !== stableBefore ? this.#undecidedBytes : -1
    if (isDecided) this.#undecidedBytes = 0
    while (this.#pending.length > 0 && this.#pending[0]!.result.lastOffset < log.highWatermark) {
      const { result, done, timer } = this.#pending.shift()!
      timer.cancel()
      done(this.#acknowledged(result))
    }
    this.#wake(readable, stableBytes)
  }

  #wake(sizeBytes: number, stableBytes = sizeBytes): void {
    if (this.#waiters.size === 0) return
    for (const waiter of [...this.#waiters]) waiter.advanced(sizeBytes, stableBytes)
  }
}

function failure(errorCode: ErrorName, logStartOffset = -1): AppendResult {
  return {
    errorCode,
    errorMessage: null,
    recordErrors: [],
    baseOffset: -1,
    lastOffset: -1,
    logAppendTimeMs: -1,
    logStartOffset,
  }
}
