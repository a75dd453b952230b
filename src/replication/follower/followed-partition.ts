import type { ErrorName } from '../../../protocol/errors.ts'
import { BATCH_HEADER_BYTES, batchBaseOffset } from '../../../protocol/records/batch.ts'
import type { Clock, Logger } from '../../host/host.ts'
import { StorageError } from '../../log/base/errors.ts'
import type { AppendResult } from '../../log/base/results.ts'
import type { Log } from '../../log/log.ts'
import { BrokerLinkError } from '../../peer/broker-links.ts'
import type { Partition } from '../partition/partition.ts'
import type { FetchedPartition, LeaderApi } from './leader-api.ts'
import type { Fetchable, FetchPosition } from './session.ts'
import { truncationOffset } from './truncation.ts'
import type { DivergingEpoch } from './truncation.ts'

/** What went wrong once is mostly over when leader and follower know the same metadata, in milliseconds. */
const FIRST_BACKOFF_MS = 20

export interface FollowingServices {
  readonly clock: Clock
  readonly log: Logger
  /** `replica.fetch.backoff.ms`: what repeated failures come to. */
  readonly backoffMs: () => number
  /** The partition has become ready to be fetched. */
  readonly wake: () => void
}

/** A partition in one epoch of a leader that is another broker: its log becomes what the leader's is. */
export class FollowedPartition implements Fetchable {
  readonly partition: Partition
  readonly leaderEpoch: number
  readonly #leader: LeaderApi
  readonly #services: FollowingServices
  #isStarted = false
  /** The leader is of a later epoch than this one: the metadata will tell of it. */
  #isFenced = false
  /** Its log has all that the leader called replicated in its last answer. */
  #isCaughtUp = false
  #failures = 0
  #readyAtMs = -Infinity

  constructor(partition: Partition, leader: LeaderApi, services: FollowingServices) {
    this.partition = partition
    this.leaderEpoch = partition.leaderEpoch
    this.#leader = leader
    this.#services = services
  }

  get topic(): string {
    return this.partition.topic
  }

  get topicId(): string {
    return this.partition.topicId
  }

  get index(): number {
    return this.partition.index
  }

  /** Of a partition that is ready. */
  get position(): FetchPosition {
    const { leaderEpoch } = this
    const { logEndOffset, logStartOffset, latestEpoch } = this.partition.log!
    return {
      fetchOffset: logEndOffset,
      logStartOffset,
      leaderEpoch,
      lastFetchedEpoch: latestEpoch,
    }
  }

  /** Of a partition that is ready. Asked of very many: it makes no object. */
  isAt({ fetchOffset, logStartOffset, lastFetchedEpoch }: FetchPosition): boolean {
    const log = this.partition.log!
    return (
      fetchOffset === log.logEndOffset &&
      logStartOffset === log.logStartOffset &&
      lastFetchedEpoch === log.latestEpoch
    )
  }

  /** Monotonic milliseconds; Infinity where nothing but other metadata can help. */
  get readyAtMs(): number {
    const isWanted = this.#isStarted && !this.#isFenced && this.#isFollowing
    return isWanted ? this.#readyAtMs : Infinity
  }

  /**
   * [KIP-73] Whether it is fetched only as far as the quota of followers goes. Who is in sync, or about to be, is not throttled: it
   * would fall out of the ISR.
   */
  get isThrottled(): boolean {
    const { partition } = this
    return partition.isThrottledAsFollower && !this.#isCaughtUp && !partition.isInSync
  }

  get #isFollowing(): boolean {
    return this.partition.follows(this.leaderEpoch)
  }

  /**
   * What this broker still had to write as a leader comes first; it may be what the new leader doesn't have. Never rejects:
   * a log that can't be cut is its directory's fault, or gone.
   */
  async start(): Promise<void> {
    await this.partition.log?.whenIdle()
    const { log } = this.partition
    const { latestEpoch = 0, logEndOffset = 0, highWatermark = 0 } = log ?? {}
    // Without epochs the leader can't say what is wrong.
    if (latestEpoch < 0 && logEndOffset > highWatermark) {
      await this.#guarded(() => this.#cut((log) => log.truncateTo(log.highWatermark)))
    }
    this.#isStarted = true
    this.#services.wake()
  }

  /** The leader could not be asked, or has refused. */
  delay(): void {
    const { clock, backoffMs } = this.#services
    const waitMs = Math.min(FIRST_BACKOFF_MS * 2 ** this.#failures++, backoffMs())
    this.#readyAtMs = clock.monotonic() + waitMs
  }

  /**
   * Takes over what the leader has answered.
   * @param asked where it was asked from
   * @returns settles when the next fetch may be; null where that is now. Never rejects
   */
  take(data: FetchedPartition, asked: FetchPosition): Promise<void> | null {
    const { log } = this.partition
    // It was cut, or has another leader, since it was asked for.
    if (!this.#isFollowing || log?.logEndOffset !== asked.fetchOffset) return null
    if (data.errorCode !== 'NONE') return this.#failed(data.errorCode, asked)
    const { divergingEpoch, records } = data
    if (divergingEpoch.epoch >= 0) return this.#guarded(() => this.#truncate(divergingEpoch))
    if (records === null || records.length === 0) {
      this.#taken(data)
      return null
    }
    if (this.#beginsBefore(records, log)) {
      const first = batchBaseOffset(records, 0)
      return this.#guarded(async () => {
        await this.#cut((log) => log.truncateFullyAndStartAt(first))
        await this.#append(records, data)
      })
    }
    return this.#append(records, data)
  }

  /** DeleteRecords may leave a log start within a batch, which comes whole to who has nothing yet. */
  #beginsBefore(records: Buffer, { logStartOffset, logEndOffset }: Log): boolean {
    if (logStartOffset !== logEndOffset || records.length < BATCH_HEADER_BYTES) return false
    return batchBaseOffset(records, 0) < logEndOffset
  }

  #append(records: Buffer, data: FetchedPartition): Promise<void> {
    return new Promise((resolve) =>
      this.partition.appendAsFollower(records, this.leaderEpoch, (result) => {
        this.#appended(result, data)
        resolve()
      }),
    )
  }

  #appended({ errorCode, errorMessage }: AppendResult, data: FetchedPartition): void {
    if (errorCode === 'NONE') return this.#taken(data)
    this.delay()
    // Of the directory, and of the metadata, is told elsewhere.
    if (errorCode === 'KAFKA_STORAGE_ERROR' || errorCode === 'NOT_LEADER_OR_FOLLOWER') return
    const message = 'What a leader sent could not be appended; it is fetched again'
    this.#tell('error', { errorCode, reason: errorMessage }, message)
  }

  /** High watermark and log start come from the leader, too. */
  #taken({ highWatermark, logStartOffset }: FetchedPartition): void {
    this.#failures = 0
    this.#isCaughtUp = (this.partition.log?.logEndOffset ?? -1) >= highWatermark
    this.partition.followOffsets(this.leaderEpoch, highWatermark, logStartOffset)
  }

  #failed(error: ErrorName, asked: FetchPosition): Promise<void> | null {
    if (error === 'OFFSET_OUT_OF_RANGE') return this.#guarded(() => this.#comeIntoRange(asked))
    if (error === 'FENCED_LEADER_EPOCH') {
      this.#isFenced = true
      return null
    }
    this.delay()
    this.#tell('debug', { errorCode: error }, 'A leader did not answer a fetch with records')
    return null
  }

  /** Cuts off what the leader doesn't have. */
  async #truncate(diverging: DivergingEpoch): Promise<void> {
    const before = this.position
    const { highWatermark } = this.partition.log!
    let target = -1
    await this.#cut((log) => {
      target = truncationOffset(log, diverging)
      return log.truncateTo(target)
    })
    if (!this.#isFollowing) return
    const { fetchOffset, lastFetchedEpoch } = this.position
    const fields = { leaderEpoch: this.leaderEpoch, diverging, from: before.fetchOffset, target }
    this.#tell('info', fields, 'The log was cut to what it has in common with its leader')
    if (fetchOffset < highWatermark) {
      const message = 'Replicated records were cut off: the leader is not one that was in sync'
      this.#tell('warn', { highWatermark, logEndOffset: fetchOffset }, message)
    }
    if (fetchOffset === before.fetchOffset && lastFetchedEpoch === before.lastFetchedEpoch) {
      this.delay()
    }
  }

  /**
   * The leader has no record at the offset that was asked for: it has fewer than this replica, after an unclean election, or
   * has deleted all that this one has.
   */
  async #comeIntoRange({ fetchOffset }: FetchPosition): Promise<void> {
    const { topic, index, leaderEpoch } = this
    const end = await this.#leader.endOffset(topic, index, leaderEpoch)
    if (end.errorCode !== 'NONE') return void this.#unanswered(end.errorCode)
    const fields = { leaderEpoch, from: fetchOffset }
    if (end.offset < fetchOffset) {
      await this.#cut((log) => log.truncateTo(end.offset))
      const message = 'The log was cut to where its leader’s ends'
      return this.#tell('warn', { ...fields, target: end.offset }, message)
    }
    const start = await this.#leader.startOffset(topic, index, leaderEpoch)
    if (start.errorCode !== 'NONE') return void this.#unanswered(start.errorCode)
    // It may have come into range meanwhile.
    if (start.offset <= fetchOffset) return this.delay()
    await this.#cut((log) => log.truncateFullyAndStartAt(start.offset))
    const message = 'The log begins anew where its leader’s does'
    this.#tell('warn', { ...fields, target: start.offset }, message)
  }

  #unanswered(error: ErrorName): void {
    if (error === 'FENCED_LEADER_EPOCH') this.#isFenced = true
    else this.delay()
  }

  async #cut(how: (log: Log) => Promise<void>): Promise<void> {
    await this.partition.cut(this.leaderEpoch, how)
  }

  async #guarded(work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      this.delay()
      // Of the directory, and of a log that is gone, is told elsewhere.
      if (error instanceof BrokerLinkError || error instanceof StorageError) return
      this.#tell('error', { err: error }, 'A follower could not bring its log to its leader’s')
    }
  }

  #tell(level: 'debug' | 'info' | 'warn' | 'error', fields: object, message: string): void {
    const { topic, index: partition } = this
    this.#services.log[level]({ topic, partition, ...fields }, message)
  }
}
