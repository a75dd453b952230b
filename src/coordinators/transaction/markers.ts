import type { ErrorName } from '../../../protocol/errors.ts'
import type { Clock, Logger } from '../../host/host.ts'
import type { MarkerWriter, TopicPartition } from '../../replication/transactions.ts'
import { CoordinatorError } from '../runtime/errors.ts'
import type { ShardPlace } from '../runtime/shard.ts'
import type { CommandOf } from './commands.ts'
import { listPartitions } from './partition-set.ts'
import { resultOf } from './transaction.ts'
import type { Transaction } from './transaction.ts'

/** Long enough for a leader to be elected now and then, and short beside what a producer waits for its next transaction. */
const RETRY_MS = 50
/** Where a directory is offline, there may be thousands of transactions that wait for it. */
const MAX_RETRY_MS = 1000

/** What passes: another leader, a directory that comes back, replicas that catch up. */
const PASSING: ReadonlySet<ErrorName> = new Set([
  'UNKNOWN_TOPIC_OR_PARTITION',
  'NOT_LEADER_OR_FOLLOWER',
  'FENCED_LEADER_EPOCH',
  'UNKNOWN_LEADER_EPOCH',
  'LEADER_NOT_AVAILABLE',
  'NOT_ENOUGH_REPLICAS',
  'NOT_ENOUGH_REPLICAS_AFTER_APPEND',
  'REQUEST_TIMED_OUT',
  'KAFKA_STORAGE_ERROR',
  'NOT_COORDINATOR',
  'COORDINATOR_NOT_AVAILABLE',
  'COORDINATOR_LOAD_IN_PROGRESS',
  'NETWORK_EXCEPTION',
])

/** To wait would not help: the producer's later transactions are there already, or there can be no markers at all. */
const FINAL: ReadonlySet<ErrorName> = new Set([
  'INVALID_PRODUCER_EPOCH',
  'UNSUPPORTED_FOR_MESSAGE_FORMAT',
])

export interface MarkerSenderOptions {
  readonly clock: Clock
  readonly log: Logger
  readonly writer: MarkerWriter
  /** The cluster has no such partition any more. */
  readonly isGone: (partition: TopicPartition) => boolean
  /** The shard is led here still, in the same epoch. */
  readonly isCurrent: (place: ShardPlace) => boolean
  /**
   * Tells the shard.
   * @throws CoordinatorError
   */
  readonly note: (place: ShardPlace, command: CommandOf<'MarkersWritten'>) => Promise<unknown>
}

/** How far the end of a transaction is. */
interface Progress {
  readonly transaction: Transaction
  readonly place: ShardPlace
  unwritten: readonly TopicPartition[]
  /** Written, and not known to the shard. */
  unnoted: readonly TopicPartition[]
  /** Who wants to know of the end. */
  readonly waiting: Set<() => void>
  /** What the log has been told of already. */
  readonly told: Set<string>
}

/**
 * Has the markers of transactions written that are about to end, each partition's until it is there or the partition is gone;
 * and as long as the shard that decided on the end is led here: whoever leads it next begins anew.
 */
export class MarkerSender {
  readonly #options: MarkerSenderOptions
  /** By transactional id. */
  readonly #underWay = new Map<string, Progress>()

  constructor(options: MarkerSenderOptions) {
    this.#options = options
  }

  send(transaction: Transaction, place: ShardPlace): void {
    const { transactionalId } = transaction
    const unwritten = listPartitions(transaction.partitions)
    const progress: Progress = {
      transaction,
      place,
      unwritten,
      unnoted: [],
      waiting: new Set(),
      told: new Set(),
    }
    this.#underWay.set(transactionalId, progress)
    void this.#untilOver(progress).then(() => {
      if (this.#underWay.get(transactionalId) === progress) this.#underWay.delete(transactionalId)
      for (const written of progress.waiting) written()
    })
  }

  /**
   * Calls back when the markers are everywhere, or no longer written from here.
   * @returns what stops the waiting; null where none are being written
   */
  onceWritten(transactionalId: string, written: () => void): (() => void) | null {
    const waiting = this.#underWay.get(transactionalId)?.waiting
    if (waiting === undefined) return null
    waiting.add(written)
    return () => void waiting.delete(written)
  }

  /** Never rejects: no end that was decided may be given up, for no error whatever. */
  async #untilOver(progress: Progress): Promise<void> {
    const { clock, isCurrent } = this.#options
    const { place } = progress
    for (let delayMs = RETRY_MS; isCurrent(place); delayMs = Math.min(delayMs * 2, MAX_RETRY_MS)) {
      try {
        if (await this.#isOver(progress)) return
      } catch (error) {
        const { transactionalId, producerId, producerEpoch } = progress.transaction
        const fields = { err: error, transactionalId, producerId, producerEpoch }
        this.#options.log.error(fields, 'The end of a transaction failed, and is tried again')
      }
      await new Promise<void>((resolve) => clock.after(delayMs, resolve))
    }
  }

  /** Tries what is left once. */
  async #isOver(progress: Progress): Promise<boolean> {
    const { transaction, place } = progress
    const left = await this.#write(progress)
    if (left === 'fenced' || !this.#options.isCurrent(place)) return true
    const still = new Set(left)
    const written = progress.unwritten.filter((partition) => !still.has(partition))
    progress.unnoted = [...progress.unnoted, ...written]
    progress.unwritten = left
    if (progress.unnoted.length === 0 && left.length > 0) return false
    const outcome = await this.#note(transaction, progress.unnoted, place)
    if (outcome === 'noted') progress.unnoted = []
    return outcome === 'lost' || (outcome === 'noted' && left.length === 0)
  }

  /** @returns what must be tried again */
  async #write(progress: Progress): Promise<readonly TopicPartition[] | 'fenced'> {
    const { transaction, place, unwritten } = progress
    const partitions = unwritten.filter((partition) => !this.#options.isGone(partition))
    if (partitions.length === 0) return []
    const { producerId, producerEpoch, clientVersion, transactionalId } = transaction
    const errors = await this.#options.writer.write({
      producerId,
      producerEpoch,
      coordinatorEpoch: place.leaderEpoch,
      transactionVersion: clientVersion,
      result: resultOf(transaction),
      partitions,
    })
    if (errors.includes('TRANSACTION_COORDINATOR_FENCED')) {
      const message =
        'Another coordinator has written to a partition: it goes on with the transaction'
      this.#options.log.warn({ transactionalId, ...place }, message)
      return 'fenced'
    }
    return partitions.filter((partition, index) => {
      const error = errors[index]!
      if (error === 'NONE') return false
      if (!PASSING.has(error)) this.#tellRefused(progress, partition, error)
      return !FINAL.has(error)
    })
  }

  /** Somebody may have to mend it, a limit or what brokers are allowed to do; it is told once. */
  #tellRefused({ transaction, told }: Progress, partition: TopicPartition, error: ErrorName): void {
    const what = `${error} ${partition.partition} ${partition.topic}`
    if (told.has(what)) return
    told.add(what)
    const { transactionalId, producerId, producerEpoch } = transaction
    const outcome = FINAL.has(error) ? 'which goes on without it' : 'and is asked again'
    this.#options.log.error(
      { transactionalId, producerId, producerEpoch, ...partition, error },
      `A partition refuses the end of a transaction, ${outcome}`,
    )
  }

  /** @returns `lost` where the shard is loaded again, or elsewhere: it has all of them written anew */
  async #note(
    { transactionalId, producerId, producerEpoch }: Transaction,
    partitions: readonly TopicPartition[],
    place: ShardPlace,
  ): Promise<'noted' | 'again' | 'lost'> {
    try {
      const producer = { transactionalId, producerId, producerEpoch }
      await this.#options.note(place, { type: 'MarkersWritten', ...producer, partitions })
      return 'noted'
    } catch (error) {
      if (!(error instanceof CoordinatorError)) throw error
      const isLost =
        error.code === 'NOT_COORDINATOR' || error.code === 'COORDINATOR_LOAD_IN_PROGRESS'
      return isLost ? 'lost' : 'again'
    }
  }
}
