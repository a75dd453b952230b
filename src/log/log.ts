import type { ErrorName } from '../../protocol/errors.ts'
import { CorruptRecordError } from '../../protocol/records/batch.ts'
import { LogAppender } from './append/appender.ts'
import { PartitionCleaner } from './cleaner/partition-cleaner.ts'
import type { LogConfig } from './base/config.ts'
import type { LogContext, LogHome } from './context.ts'
import { LogFetching } from './read/fetching.ts'
import { LogFlushing } from './state/flushing.ts'
import { recordAtTimestamp, recordOfGreatestTimestamp } from './read/lookup.ts'
import { deleteOldSegments } from './state/retention.ts'
import type {
  AppendDone,
  AppendOrigin,
  EpochEndOffset,
  ProducerDescription,
  ReadResult,
  ReadUpTo,
  TimestampedOffset,
  MarkerToWrite,
  TransactionTerms,
} from './base/results.ts'
import { isMissing } from './base/files.ts'
import { isFuturePath } from './base/paths.ts'
import { buildMarker } from './producers/marker.ts'
import type { ProducerState } from './producers/producer-state.ts'
import { LogState, type LoadedLog } from './state/state.ts'
import { LogTail } from './read/tail-cache.ts'
import { closeFiles, deleteBefore, startAt, truncate } from './state/truncation.ts'

/** What a partition has to say of transactions before anything is appended to it. */
export type LogTransactions = Pick<
  ProducerState,
  'standing' | 'beginVerification' | 'isVerified' | 'endVerification'
>

/** One partition's directory in Apache Kafka's format. */
export class Log {
  readonly cleaner: PartitionCleaner
  readonly #state: LogState
  readonly #flushing: LogFlushing
  readonly #fetching: LogFetching
  readonly #appender: LogAppender
  /** Under way. */
  #reads = 0
  #unreadWaiters: (() => void)[] = []
  /** Settles when the log isn't being cut any more. Never rejects. */
  #cut: Promise<void> = Promise.resolve()

  constructor(context: LogContext, home: LogHome, loaded: LoadedLog) {
    this.#state = new LogState(context, home, loaded)
    const tail = new LogTail(context.tailCache)
    this.#flushing = new LogFlushing(this.#state)
    this.#fetching = new LogFetching(this.#state, tail)
    this.#appender = new LogAppender(this.#state, this.#flushing, tail, this.#fetching)
    this.cleaner = new PartitionCleaner(this.#state, {
      flush: () => this.#flushing.flush(),
      forgetReads: () => this.#fetching.forget(),
    })
  }

  get topic(): string {
    return this.#state.topic
  }

  get partition(): number {
    return this.#state.partition
  }

  /** `topic-0` */
  get name(): string {
    return this.#state.name
  }

  /** As 22 characters of base64url; null in the metadata log, which has no `partition.metadata`. */
  get topicId(): string | null {
    return this.#state.topicId
  }

  get path(): string {
    return this.#state.path
  }

  /** Whether it is a copy that will take the partition's place in another directory. */
  get isFuture(): boolean {
    return isFuturePath(this.#state.path)
  }

  /** The log directory that the partition's is in. */
  get directoryPath(): string {
    return this.#state.home.path
  }

  /** What the cluster knows that directory by; null before it was formatted. */
  get directoryId(): string | null {
    return this.#state.home.id
  }

  get config(): LogConfig {
    return this.#state.config
  }

  get logStartOffset(): number {
    return this.#state.logStartOffset
  }

  /** Moves after the write returned. */
  get logEndOffset(): number {
    return this.#state.logEndOffset
  }

  get highWatermark(): number {
    return this.#state.highWatermark
  }

  /** Where read_committed readers stop: before the first transaction that isn't decided and replicated. */
  get lastStableOffset(): number {
    return this.#state.lastStableOffset
  }

  /** How often records were cut off the end. */
  get truncations(): number {
    return this.#state.truncations
  }

  /** What is below is durable. */
  get recoveryPoint(): number {
    return this.#state.recoveryPoint
  }

  /** -1 before the first record. */
  get latestEpoch(): number {
    return this.#state.epochs.latestEpoch
  }

  /** Of the `.log` files, as in DescribeLogDirs. */
  get sizeBytes(): number {
    return this.#state.segments.sizeBytes
  }

  get segmentCount(): number {
    return this.#state.segments.all.length
  }

  /** Where the log start isn't this, it has to be kept in a checkpoint. */
  get firstSegmentOffset(): number {
    return this.#state.segments.first.baseOffset
  }

  get isOffline(): boolean {
    return this.#state.isOffline
  }

  /**
   * Takes one partition's records of a Produce request: whole batches, one after the other. Offsets and epoch are patched
   * in place, and the buffer belongs to the log until `done` is called. That happens after the write, in the order of the
   * appends; earlier where the records are refused, mostly before this returns. `done` may append again, and must not throw.
   * @param terms null for what is part of no transaction
   */
  append(
    records: Buffer,
    leaderEpoch: number,
    origin: AppendOrigin,
    done: AppendDone,
    terms: TransactionTerms | null = null,
  ): void {
    this.#appender.append(records, leaderEpoch, origin, done, terms)
  }

  /** The control batch that ends a transaction here, to be appended. */
  marker(end: MarkerToWrite): Buffer {
    const { host, codecs } = this.#state.context
    return buildMarker(end, host.clock.now(), codecs)
  }

  /** This log takes the place of another one of its partition: what is being verified there is known here. */
  takeOverVerifications(other: Log): void {
    this.#state.producers.takeOverVerifications(other.#state.producers)
  }

  /** What is known of producers, and of the verification of their transactions, with all that is queued. */
  get transactions(): LogTransactions {
    return this.#state.producers
  }

  /**
   * Takes batches from a leader: offsets and epochs stay as they are. A batch that is cut off at the end is left out.
   * The result is UNKNOWN_SERVER_ERROR where the offsets don't go on from the log's end.
   */
  appendAsFollower(records: Buffer, done: AppendDone): void {
    this.#appender.appendAsFollower(records, done)
  }

  /** Another broker leads from now on: appends that wait for a thread are refused, for their records are in no log yet. */
  endLeadership(): void {
    this.#appender.endLeadership()
  }

  /**
   * At once from the tail cache or when there is nothing to read; else a promise. Never rejects.
   * @param greatestFirstBytes what `minOneBatch` may come to: so much memory the reader has. (What the tail cache holds takes
   * none, and is given.)
   */
  read(
    offset: number,
    maxBytes: number,
    upTo: ReadUpTo,
    minOneBatch: boolean,
    greatestFirstBytes = Infinity,
  ): ReadResult | Promise<ReadResult> {
    const result = this.#fetching.read(offset, maxBytes, upTo, minOneBatch, greatestFirstBytes)
    return result instanceof Promise ? this.#whileRead(result) : result
  }

  /** Resolves when all that was asked for so far has been read. */
  whenUnread(): Promise<void> {
    return this.#reads === 0
      ? Promise.resolve()
      : new Promise((resolve) => this.#unreadWaiters.push(resolve))
  }

  /** Resolves when all that was appended so far is written, or has failed. */
  whenIdle(): Promise<void> {
    return this.#appender.whenIdle()
  }

  async #whileRead<Result>(reading: Promise<Result>): Promise<Result> {
    this.#reads++
    try {
      return await reading
    } finally {
      this.#reads--
      if (this.#reads === 0) for (const resolve of this.#unreadWaiters.splice(0)) resolve()
    }
  }

  /** Kept between log start and log end; goes back only after a truncation. */
  setHighWatermark(offset: number): void {
    this.#state.setHighWatermark(offset)
  }

  /** One fsync serves all who ask while another one runs. Rejects when the directory fails. */
  flush(): Promise<void> {
    return this.#flushing.flush()
  }

  updateConfig(config: LogConfig): void {
    this.#state.config = config
  }

  /** ListOffsets -2. */
  earliest(): TimestampedOffset {
    const offset = this.#state.logStartOffset
    return { offset, timestamp: -1n, leaderEpoch: this.#state.epochs.epochAt(offset) }
  }

  /** ListOffsets -3: the first record with the greatest timestamp. Null where no record has one. */
  latestTimestamp(): Promise<TimestampedOffset | null> {
    const { context, segments } = this.#state
    return this.#whileRead(
      this.#lookUp(() => recordOfGreatestTimestamp(context, segments, this.logStartOffset)),
    )
  }

  /** The first record with this timestamp or a later one; null where there is none. */
  offsetForTimestamp(timestamp: bigint): Promise<TimestampedOffset | null> {
    const { context, segments, logStartOffset } = this.#state
    return this.#whileRead(
      this.#lookUp(() => recordAtTimestamp(context, segments, timestamp, logStartOffset)),
    )
  }

  /** Rejects with CorruptRecordError where records can't be read, else with StorageError. */
  async #lookUp(find: () => Promise<TimestampedOffset | null>): Promise<TimestampedOffset | null> {
    const state = this.#state
    if (state.isOffline) throw state.offlineError()
    const { version } = state.segments
    try {
      const found = await find()
      return version === state.segments.version ? found : await this.#lookUp(find)
    } catch (error) {
      // The files may have gone while they were read: others are in their place.
      if (!state.isOffline && version !== state.segments.version) return this.#lookUp(find)
      if (error instanceof CorruptRecordError) throw error
      throw state.isClosed ? state.offlineError() : state.home.fail(`read ${state.path}`, error)
    }
  }

  /**
   * This broker leads from now on, in this epoch.
   * @returns the epoch's first offset: the end of all that is written or on its way
   */
  beginEpoch(leaderEpoch: number): number {
    const { epochs, nextOffset } = this.#state
    epochs.begin(leaderEpoch, nextOffset)
    this.#appender.beginLeadership()
    return nextOffset
  }

  /** OffsetForLeaderEpoch: the greatest epoch ≤ the one asked for, with its end; -1/-1 for none and for later ones. */
  endOffsetForEpoch(leaderEpoch: number): EpochEndOffset {
    return this.#state.epochs.endOffsetFor(leaderEpoch, this.#state.logEndOffset)
  }

  /** The epoch of the record at an offset; -1 where it is unknown. */
  epochAt(offset: number): number {
    return this.#state.epochs.epochAt(offset)
  }

  /** DescribeProducers. */
  producers(): ProducerDescription[] {
    return [...this.#state.producers.producers].map((entry) => ({
      producerId: entry.producerId,
      producerEpoch: entry.epoch,
      lastSequence: entry.lastSequence,
      lastTimestamp: entry.lastTimestamp,
      coordinatorEpoch: entry.coordinatorEpoch,
      currentTxnStartOffset: entry.currentTransactionFirstOffset,
    }))
  }

  /** Forgets producers that have been idle for `producer.id.expiration.ms`. */
  removeExpiredProducers(): void {
    const { producers, context, config } = this.#state
    producers.removeExpired(context.host.clock.now(), config.producerIdExpirationMs)
  }

  /** DeleteRecords: moves the log start, at most to the high watermark (-1: to it); segments wholly below are removed. */
  deleteRecordsBefore(offset: number): ErrorName {
    const state = this.#state
    if (state.isOffline) return 'KAFKA_STORAGE_ERROR'
    const target = offset === -1 ? state.highWatermark : offset
    if (target < 0 || target > state.highWatermark) return 'OFFSET_OUT_OF_RANGE'
    deleteBefore(state, target)
    return 'NONE'
  }

  /** A follower's leader, or a snapshot, begins later: moves the log start, at most to the log end. */
  advanceLogStart(offset: number): void {
    if (!this.#state.isOffline)
      deleteBefore(this.#state, Math.min(offset, this.#state.logEndOffset))
  }

  /** Deletes the segments that `retention.ms` and `retention.bytes` don't keep. Never rejects: a fault is the directory's. */
  async deleteOldSegments(): Promise<void> {
    const state = this.#state
    if (state.isOffline || !state.config.deletesSegments) return
    const { version } = state.segments
    try {
      await deleteOldSegments(state, { rollAt: (offset) => this.#appender.rollAtEnd(offset) })
    } catch (error) {
      // DeleteRecords may have removed a segment while its age was looked up: the next check finds what is left.
      const isGone = isMissing(error) && version !== state.segments.version
      if (!state.isOffline && !isGone)
        state.home.fail(`delete old segments of ${state.path}`, error)
    }
  }

  /**
   * For followers: drops everything from this offset on, and the whole batch that it is in. Nothing may be appended until
   * it resolves. Rejects with StorageError where the directory fails, and where the log is closed before it was done.
   */
  truncateTo(offset: number): Promise<void> {
    return this.#cutting(async () => {
      if (offset >= this.#state.logEndOffset) {
        // An epoch that began here has no record: who still took it for the last one would differ from its leader for ever.
        this.#state.epochs.truncateFromEnd(this.#state.logEndOffset)
        return
      }
      this.#fetching.forget()
      if (offset <= this.firstSegmentOffset) await startAt(this.#state, offset)
      else await truncate(this.#state, offset)
      this.#fetching.forget()
    })
  }

  /** For followers: drops everything and goes on from this offset. Rejects as `truncateTo` does. */
  truncateFullyAndStartAt(offset: number): Promise<void> {
    return this.#cutting(async () => {
      this.#fetching.forget()
      await startAt(this.#state, offset)
    })
  }

  /** Before its recovery point is saved: has recovery begin there, and not at its segment's first byte. Never rejects. */
  async prepareCheckpoint(): Promise<void> {
    if (!this.#state.isOffline) await this.#flushing.saveProgress().catch(() => undefined)
  }

  /** A clean under way ends without a result, and none begins before the function returned is called. */
  pauseCleaning(): Promise<() => void> {
    return this.#state.cleaning.pause()
  }

  #cutting(truncate: () => Promise<void>): Promise<void> {
    const cutting = this.#withoutCleaner(truncate)
    // Of a failure the caller is told.
    this.#cut = cutting.catch(() => undefined)
    return cutting
  }

  /** A clean under way ends without a result, and none begins meanwhile; then none is remembered beyond the log's end. */
  async #withoutCleaner(truncate: () => Promise<void>): Promise<void> {
    const state = this.#state
    const resume = await state.cleaning.pause()
    try {
      await this.#appender.whenIdle()
      if (state.isOffline || state.isClosing) throw state.offlineError()
      await truncate()
    } finally {
      resume()
      // What is remembered under its name may be of another log by now.
      if (!state.isClosed) state.home.cleanerOffsets.lower(state.name, state.logEndOffset)
    }
  }

  /** Writes, makes durable and closes everything, so that the next start has nothing to recover. */
  async close(): Promise<void> {
    const state = this.#state
    state.isClosing = true
    // Else it would go on in files that the next start takes for those that were left here.
    await this.#cut
    await state.cleaning.pause()
    await this.#appender.whenIdle()
    if (state.isClosed) return
    this.#flushing.stop()
    if (!state.isOffline) {
      state.snapshots.take(state.producers, state.logEndOffset)
      state.snapshots.removeStray(state.segments.baseOffsets())
      for (const segment of state.segments.all) segment.finish()
      state.hasUnsyncedNames ||= state.segments.all.some((segment) => segment.needsSync)
      await this.#flushing.flush()
    }
    this.abandon()
  }

  /** Closes the files as they are. What is queued fails. */
  abandon(): void {
    this.#flushing.stop()
    this.#state.isClosed = true
    this.#state.cleaning.close()
    this.#appender.failAll()
    this.#fetching.forget()
    closeFiles(this.#state)
  }

  /** The directory has failed: what is queued fails. */
  onDirectoryFailed(): void {
    this.#flushing.stop()
    this.#appender.failAll()
  }
}
