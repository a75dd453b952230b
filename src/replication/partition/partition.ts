import assert from 'node:assert/strict'
import type { ErrorName } from '../../../protocol/errors.ts'
import type { Place } from '../../log/base/row.ts'
import type { Log } from '../../log/log.ts'
import type {
  AppendOrigin,
  AppendResult,
  EpochEndOffset,
  ReadUpTo,
  MarkerToWrite,
  TransactionTerms,
} from '../../log/base/results.ts'
import { Acknowledgements, failure } from './acknowledgements.ts'
import type { PartitionAssignment } from './assignment.ts'
import { Deletions, refusedDeletion } from './deletions.ts'
import type { DeletionDone } from './deletions.ts'
import type { FollowerId, FollowerPosition, FollowerState } from './follower-state.ts'
import { Leader } from './leader.ts'
import type { LeaderChange, LedPartition, LeaderServices } from './leader.ts'
import { isThrottled } from '../quota/throttled.ts'
import type { TopicSettings } from './settings.ts'
import { FetchWaiters } from './waiters.ts'
import type { FetchWaiter } from './waiters.ts'

/** Produce's acks: 0 none, 1 the leader's, -1 all of the ISR. */
export type RequiredAcks = -1 | 0 | 1

/** What Kafka's clients look the topic up anew for, and find it gone or made again. */
const DELETED = 'UNKNOWN_TOPIC_OR_PARTITION'

/** One partition as this broker sees it: its assignment, its log, and who waits for it. */
export class Partition implements LedPartition {
  readonly topic: string
  readonly topicId: string
  readonly index: number
  readonly #services: LeaderServices
  readonly #brokerId: number
  readonly #settings: () => TopicSettings
  readonly #updated: () => void
  readonly #waiters = new FetchWaiters()
  readonly #pending: Acknowledgements
  readonly #deletions: Deletions
  /** Null where another broker leads, and where there is no other replica. */
  #leader: Leader | null = null
  #epochStartOffset = -1
  #assignment: PartitionAssignment
  #log: Log | null
  /** How often this broker has ceased to lead. */
  #leadsEnded = 0
  #isDeleted = false
  /** Appends that wait, in order; null when they need not. */
  #heldAppends: (() => void)[] | null = null
  /** While the log is cut: until then nothing changes. */
  #cutting: Promise<void> | null = null
  #deferred: PartitionAssignment | null = null

  constructor(options: {
    services: LeaderServices
    topic: string
    topicId: string
    index: number
    assignment: PartitionAssignment
    /** Null when its directory is offline. */
    log: Log | null
    /** The topic's settings as they are now. */
    settings: () => TopicSettings
    /** Called when the cluster has agreed on something else, or the log is gone. */
    updated?: () => void
  }) {
    this.topic = options.topic
    this.topicId = options.topicId
    this.index = options.index
    this.#services = options.services
    this.#brokerId = options.services.brokerId
    this.#settings = options.settings
    this.#updated = options.updated ?? (() => undefined)
    this.#pending = new Acknowledgements(options.services.clock)
    this.#deletions = new Deletions(options.services.clock)
    this.#assignment = options.assignment
    this.#log = options.log
    if (this.isLeader) this.#lead({ isNewLeader: true, isNewEpoch: true, isNewState: true })
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

  /** Where the log ended when this broker began to lead it in this epoch. */
  get epochStartOffset(): number {
    return this.#epochStartOffset
  }

  /**
   * [KIP-207] Right after an election a leader may know less of what is replicated than consumers have seen: as long as that
   * isn't all that came before its epoch.
   */
  get isHighWatermarkBehind(): boolean {
    return this.#log !== null && this.#log.highWatermark < this.#epochStartOffset
  }

  /** What a client is told where the log is gone, or was lost while it was used: the disk's fault, or the topic's end. */
  get whyUnusable(): 'KAFKA_STORAGE_ERROR' | 'UNKNOWN_TOPIC_OR_PARTITION' {
    return this.#isDeleted ? DELETED : 'KAFKA_STORAGE_ERROR'
  }

  /**
   * Takes over what the cluster has agreed on; who waits has to look again. While the log is being cut it counts as not known
   * yet: nobody may lead such a log.
   */
  update(assignment: PartitionAssignment): void {
    if (this.#cutting !== null) {
      this.#deferred = assignment
      return
    }
    const { leader, leaderEpoch, partitionEpoch, isr } = this.#assignment
    const isNewEpoch = assignment.leaderEpoch > leaderEpoch
    assert(
      isNewEpoch || (assignment.leaderEpoch === leaderEpoch && assignment.leader === leader),
      'An epoch has one leader, and none comes again',
    )
    // The controller's answer to the leader may have been faster than the image.
    if (!isNewEpoch && assignment.partitionEpoch < partitionEpoch) return
    // Another one may have led in an epoch that was never seen here.
    const isNewLeader = !this.isLeader || assignment.leaderEpoch > leaderEpoch + 1
    const isNewState = isNewEpoch || assignment.partitionEpoch > partitionEpoch
    this.#assignment = assignment
    if (isNewLeader || !this.isLeader) {
      this.#leadsEnded++
      // Another leader may let go of these records: an acknowledgement would be a promise of somebody else.
      this.#pending.refuseAll('NOT_LEADER_OR_FOLLOWER')
    }
    if (this.isLeader) this.#lead({ isNewLeader, isNewEpoch, isNewState })
    else {
      this.#leader?.end()
      this.#leader = null
      this.#log?.endLeadership()
      this.#deletions.refuseAll('NOT_LEADER_OR_FOLLOWER')
    }
    this.#advance(0)
    this.#lookAtDeletions()
    // Where the replicas are is nothing to those who wait, unless there were too few of them in sync.
    if (isNewEpoch || assignment.isr.length > isr.length) this.#waiters.lookAgain()
    this.#updated()
  }

  #lead(change: LeaderChange): void {
    if (change.isNewEpoch) {
      this.#epochStartOffset = this.#log?.beginEpoch(this.leaderEpoch) ?? -1
    }
    if (this.#assignment.replicas.length > 1) {
      this.#leader ??= new Leader(this.#services, this)
      this.#leader.follow(change)
    } else {
      this.#leader?.end()
      this.#leader = null
    }
  }

  isrAltered(isr: readonly number[], partitionEpoch: number): void {
    const before = this.#assignment.isr
    this.#assignment = { ...this.#assignment, isr, partitionEpoch }
    this.#advance(0)
    if (isr.length > before.length) this.#waiters.lookAgain()
  }

  /** The directory failed: nothing is readable or writable any more. */
  takeOffline(): void {
    this.#becomeUnusable()
  }

  /** The topic is deleted, or this broker has no replica any more: whoever still asks is told so, and nothing of a disk. */
  delete(): void {
    this.#isDeleted = true
    this.#becomeUnusable()
  }

  #becomeUnusable(): void {
    this.#log = null
    this.#pending.refuseAll(this.whyUnusable)
    this.#deletions.refuseAll(this.whyUnusable)
    this.#waiters.lookAgain()
    this.#updated()
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
   * [KIP-392] What stands against a consumer's fetch from this replica, whoever leads. A log that is being cut is between two
   * histories: its reader asks the leader meanwhile.
   * @param currentLeaderEpoch what the client takes for current, -1 if it doesn't say
   */
  checkReplica(currentLeaderEpoch: number): ErrorName {
    if (this.#cutting !== null) return 'NOT_LEADER_OR_FOLLOWER'
    const error = this.checkLeader(currentLeaderEpoch)
    return error === 'NOT_LEADER_OR_FOLLOWER' ? 'NONE' : error
  }

  /** [KIP-392] The other replicas that its leader may send consumers to, for this offset. */
  readableAt(fetchOffset: number): readonly FollowerState[] {
    return this.#leader?.readableAt(fetchOffset) ?? []
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

  /**
   * [KIP-107] Moves the log's start forward, with -1 to the high watermark and never beyond it. `done` is called once: when all
   * replicas have done the same whose brokers are alive, or `timeoutMs` have passed.
   */
  deleteRecords(offset: number, timeoutMs: number, done: DeletionDone): void {
    const error = this.checkLeader()
    const log = this.#log
    if (error !== 'NONE' || log === null) return done(refusedDeletion(error))
    // Only topics whose policy is to delete may lose records on request.
    if (!this.#settings().deletesRecords) return done(refusedDeletion('POLICY_VIOLATION'))
    const target = offset === -1 ? log.highWatermark : offset
    const start = log.logStartOffset
    const outcome = target < 0 ? 'OFFSET_OUT_OF_RANGE' : log.deleteRecordsBefore(target)
    if (outcome !== 'NONE') return done(refusedDeletion(outcome))
    this.#deletions.add(target, this.#lowWatermark(log), timeoutMs, done)
    // The followers learn of it by the answers to their fetches, which have no records to wait for.
    if (log.logStartOffset > start) this.#waiters.startMoved()
  }

  /** All replicas whose brokers are alive have let go of what is before it. */
  #lowWatermark(log: Log): number {
    return this.#leader?.leastStartOffset(log) ?? log.logStartOffset
  }

  #lookAtDeletions(): void {
    if (this.#log === null || this.#deletions.isEmpty) return
    this.#deletions.deletedUpTo(this.#lowWatermark(this.#log))
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

  /**
   * What stands against answering a follower, unless `checkLeader` says it.
   * @param currentLeaderEpoch what the follower takes for current
   */
  checkFollower(follower: FollowerId, currentLeaderEpoch: number): ErrorName {
    const isOurs = currentLeaderEpoch === this.leaderEpoch
    if (!this.isLeader || (currentLeaderEpoch >= 0 && !isOurs)) return 'NONE'
    if (this.#leader !== null) return this.#leader.check(follower, isOurs)
    return isOurs ? 'UNKNOWN_LEADER_EPOCH' : 'NOT_LEADER_OR_FOLLOWER'
  }

  /**
   * A follower that was checked fetches: it has all that is before that, if its log is part of this one.
   * @returns whether it is, and this broker leads
   */
  followerFetched(follower: FollowerId, position: FollowerPosition): boolean {
    const { fetchOffset, logStartOffset, currentLeaderEpoch, lastFetchedEpoch } = position
    if (this.#leader === null || this.checkLeader(currentLeaderEpoch) !== 'NONE') return false
    const { logEndOffset, logStartOffset: start } = this.#log!
    if (fetchOffset < start || fetchOffset > logEndOffset) return false
    if (this.divergence(fetchOffset, lastFetchedEpoch) !== null) return false
    if (this.#leader.fetched(follower, fetchOffset, logStartOffset)) this.#advance(0)
    this.#lookAtDeletions()
    return true
  }

  /** Looks for followers that have fallen behind, and at who waits for some that have gone. */
  checkLag(): void {
    this.#leader?.shrinkIsr()
    this.#lookAtDeletions()
  }

  /** Whether this broker has its records from the leader of this epoch. */
  follows(leaderEpoch: number): boolean {
    return this.#log !== null && leaderEpoch === this.leaderEpoch && !this.isLeader
  }

  /**
   * Takes over batches of the leader's of this epoch as they are. `done` is called once, after the write; with
   * NOT_LEADER_OR_FOLLOWER where it isn't followed any more.
   */
  appendAsFollower(
    records: Buffer,
    leaderEpoch: number,
    done: (result: AppendResult) => void,
  ): void {
    if (this.#heldAppends !== null) {
      this.#heldAppends.push(() => this.appendAsFollower(records, leaderEpoch, done))
      return
    }
    const mayAppend = this.follows(leaderEpoch) && this.#cutting === null
    if (!mayAppend) return done(failure('NOT_LEADER_OR_FOLLOWER'))
    this.#log!.appendAsFollower(records, (result) => {
      this.#waiters.came(records.length, this.#log?.logEndOffset ?? 0)
      // It may lead by now, and have waited for that.
      this.#advance(0)
      done(result)
    })
  }

  /** What the leader of this epoch says of its log goes for this one, too: as far as it has that. */
  followOffsets(leaderEpoch: number, highWatermark: number, logStartOffset: number): void {
    const log = this.#log
    if (log === null || !this.follows(leaderEpoch)) return
    const { highWatermark: before, lastStableOffset } = log
    // A new leader may know less of what is replicated than this broker does.
    if (highWatermark > before) log.setHighWatermark(highWatermark)
    if (logStartOffset > log.logStartOffset) log.advanceLogStart(logStartOffset)
    this.#waiters.replicated(log, before, lastStableOffset)
  }

  /**
   * Cuts the log of a follower of this epoch. What the cluster agrees on meanwhile counts when that is done.
   * @returns whether it was done: false where another epoch has begun
   */
  async cut(leaderEpoch: number, how: (log: Log) => Promise<void>): Promise<boolean> {
    while (this.#heldAppends !== null) {
      const held = this.#heldAppends
      await new Promise<void>((resolve) => held.push(resolve))
    }
    if (!this.follows(leaderEpoch) || this.#cutting !== null) return false
    const log = this.#log!
    // Consumers read from it as from a leader's, and what they read must not go meanwhile.
    const cutting = log.whenUnread().then(() => how(log))
    const finished = (): void => {
      this.#cutting = null
      const deferred = this.#deferred
      this.#deferred = null
      if (deferred !== null && !this.#isDeleted) this.update(deferred)
    }
    this.#cutting = cutting.then(finished, finished)
    await cutting
    return true
  }

  /** Resolves when all that the cluster has agreed on counts here; null where it does. */
  get unsettled(): Promise<void> | null {
    return this.#cutting
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

  /** Until it leaves its place. */
  wait(waiter: FetchWaiter, upTo: ReadUpTo = 'highWatermark'): Place {
    return this.#waiters.wait(waiter, upTo)
  }

  /** The broker stops: nobody may wait for records any more, nor for their deletion. */
  endWaiting(): void {
    this.#deletions.refuseAll('NOT_LEADER_OR_FOLLOWER')
    this.#waiters.end()
  }

  /** Whether this broker is in sync, as the cluster has agreed on it. */
  get isInSync(): boolean {
    return this.#assignment.isr.includes(this.#brokerId)
  }

  /** [KIP-73] Whether what followers fetch from it counts towards the quota of leaders. */
  get isThrottledAsLeader(): boolean {
    return isThrottled(this.#settings().throttled.asLeader, this.index)
  }

  /** [KIP-73] Whether what it fetches from its leader counts towards the quota of followers. */
  get isThrottledAsFollower(): boolean {
    return isThrottled(this.#settings().throttled.asFollower, this.index)
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
    if (this.#log.highWatermark > result.lastOffset) return done(this.#judge(result))
    this.#pending.add(result, timeoutMs, done)
  }

  /** The records are stored. Whether by as many as min.insync.replicas demands is only known now. */
  readonly #judge = (result: AppendResult): AppendResult =>
    this.isUnderMinIsr ? { ...result, errorCode: 'NOT_ENOUGH_REPLICAS_AFTER_APPEND' } : result

  /** Moves the high watermark to what all of the ISR has, and tells who waits for it. */
  #advance(sizeBytes: number): void {
    const log = this.#log
    if (log === null || !this.isLeader) return
    const { highWatermark, lastStableOffset } = log
    this.#waiters.came(sizeBytes, log.logEndOffset)
    if (this.#leader === null) log.setHighWatermark(log.logEndOffset)
    else this.#replicated(this.#leader, log, sizeBytes)
    if (log.highWatermark > highWatermark) {
      this.#pending.replicatedUpTo(log.highWatermark, this.#judge)
    }
    this.#waiters.replicated(log, highWatermark, lastStableOffset)
  }

  /** Has the followers look at what came, and the high watermark follow them; it waits for as many as must be in sync. */
  #replicated(leader: Leader, log: Log, sizeBytes: number): void {
    if (sizeBytes > 0) this.#waiters.written(sizeBytes)
    if (this.isUnderMinIsr) return
    const least = leader.leastEndOffset(log)
    if (least > log.highWatermark) log.setHighWatermark(least)
  }
}
