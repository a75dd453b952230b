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
const RETRIABLE: ReadonlySet<ErrorName> = new Set([
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
  'UNKNOWN_SERVER_ERROR',
  // Somebody has to allow what brokers do; until then nothing of the transaction may be taken for ended.
  'CLUSTER_AUTHORIZATION_FAILED',
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

/**
 * Has the markers of transactions written that are about to end, each partition's until it is there or the partition is gone;
 * and as long as the shard that decided on the end is led here: whoever leads it next begins anew.
 */
export class MarkerSender {
  readonly #options: MarkerSenderOptions

  constructor(options: MarkerSenderOptions) {
    this.#options = options
  }

  send(transaction: Transaction, place: ShardPlace): void {
    this.#send(transaction, place).catch((error: unknown) => {
      const { transactionalId } = transaction
      this.#options.log.error({ err: error, transactionalId }, 'A transaction can not be ended')
    })
  }

  async #send(transaction: Transaction, place: ShardPlace): Promise<void> {
    const { isCurrent, clock } = this.#options
    let unwritten: readonly TopicPartition[] = listPartitions(transaction.partitions)
    let unnoted: TopicPartition[] = []
    for (let delayMs = RETRY_MS; isCurrent(place); delayMs = Math.min(delayMs * 2, MAX_RETRY_MS)) {
      const left = await this.#write(transaction, unwritten, place)
      if (left === 'fenced' || !isCurrent(place)) return
      const still = new Set(left)
      unnoted.push(...unwritten.filter((partition) => !still.has(partition)))
      unwritten = left
      if (unnoted.length > 0 || unwritten.length === 0) {
        const outcome = await this.#note(transaction, unnoted, place)
        const isOver = outcome === 'noted' && unwritten.length === 0
        if (outcome === 'lost' || isOver) return
        if (outcome === 'noted') unnoted = []
      }
      await new Promise<void>((resolve) => clock.after(delayMs, resolve))
    }
  }

  /** @returns what must be tried again */
  async #write(
    transaction: Transaction,
    unwritten: readonly TopicPartition[],
    place: ShardPlace,
  ): Promise<readonly TopicPartition[] | 'fenced'> {
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
      const isRetriable = RETRIABLE.has(error)
      // To wait would not help: INVALID_PRODUCER_EPOCH, say, tells that the producer's later transactions are there already.
      if (!isRetriable) this.#tellRefused(transaction, partition, error)
      return isRetriable
    })
  }

  #tellRefused(
    { transactionalId, producerId, producerEpoch }: Transaction,
    partition: TopicPartition,
    error: ErrorName,
  ): void {
    this.#options.log.error(
      { transactionalId, producerId, producerEpoch, ...partition, error },
      'A partition refuses the end of a transaction, which goes on without it',
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
