import type { ErrorName } from '../../../protocol/errors.ts'
import type {
  MarkerWriter,
  TopicPartition,
  TransactionQuestion,
  TransactionVerifier,
} from '../../replication/transactions.ts'
import type { ProducerIds } from '../producer-ids.ts'
import { Coordinator } from '../runtime/coordinator.ts'
import type { CoordinatorOptions } from '../runtime/coordinator.ts'
import { CoordinatorError } from '../runtime/errors.ts'
import type { ShardPlace } from '../runtime/shard.ts'
import { PRODUCER_ID_NEEDED } from './commands.ts'
import type {
  CommandOf,
  ProducerReply,
  TransactionEffect,
  TransactionOperations,
} from './commands.ts'
import type { TransactionFact } from './facts.ts'
import { transactionKind } from './kind.ts'
import type { TransactionShardSettings } from './kind.ts'
import { MarkerSender } from './markers.ts'
import { EPOCH_BUMP_VERSION } from './transaction.ts'
import type { Transaction } from './transaction.ts'

export interface TransactionCoordinatorOptions extends Omit<CoordinatorOptions, 'runEffect'> {
  readonly producerIds: Pick<ProducerIds, 'next'>
  /** The level of transaction.version that the cluster has finalized. */
  readonly transactionVersion: () => number
  readonly markers: MarkerWriter
  /** The cluster has no such partition any more. */
  readonly isGone: (partition: TopicPartition) => boolean
}

type Asked<Type extends keyof TransactionOperations> = Omit<
  CommandOf<Type>,
  'type' | 'freshProducerId'
>

/** The transactional ids that this broker coordinates: those of the partitions of `__transaction_state` that it leads. */
export class TransactionCoordinator implements TransactionVerifier {
  readonly #options: TransactionCoordinatorOptions
  readonly #shards: Coordinator<
    TransactionOperations,
    TransactionFact,
    TransactionShardSettings,
    TransactionEffect
  >
  readonly #markers: MarkerSender

  constructor(options: TransactionCoordinatorOptions) {
    this.#options = options
    this.#shards = new Coordinator(transactionKind(options.transactionVersion), {
      ...options,
      runEffect: (effect, place) => this.#run(effect, place),
    })
    this.#markers = new MarkerSender({
      clock: options.host.clock,
      log: options.host.log,
      writer: options.markers,
      isGone: options.isGone,
      isCurrent: (place) => this.#shards.leads(place),
      note: ({ index }, command) => this.#shards.askPartition(index, command),
    })
  }

  partitionOf(transactionalId: string): number {
    return this.#shards.partitionOf(transactionalId)
  }

  /** Takes up the partitions that this broker leads now, and gives up the others. Call it when leadership has changed. */
  follow(): void {
    this.#shards.follow()
  }

  /** Whoever waits is told to look for another coordinator. */
  close(): void {
    this.#shards.close()
  }

  /** @throws CoordinatorError */
  initProducer(asked: Asked<'InitProducer'>): Promise<ProducerReply> {
    const { transactionalId } = asked
    return this.#withProducerId((freshProducerId) =>
      this.#shards.ask<'InitProducer'>(transactionalId, {
        type: 'InitProducer',
        ...asked,
        freshProducerId,
      }),
    )
  }

  /** @throws CoordinatorError */
  addPartitions(asked: Asked<'AddPartitions'>): Promise<ErrorName> {
    const command = { type: 'AddPartitions', ...asked } as const
    return this.#shards.ask<'AddPartitions'>(asked.transactionalId, command)
  }

  /** @throws CoordinatorError */
  verifyPartitions(asked: Asked<'VerifyPartitions'>): Promise<readonly ErrorName[]> {
    const command = { type: 'VerifyPartitions', ...asked } as const
    return this.#shards.ask<'VerifyPartitions'>(asked.transactionalId, command)
  }

  async verify({ addPartition, ...asked }: TransactionQuestion): Promise<readonly ErrorName[]> {
    const all = (error: ErrorName): readonly ErrorName[] => asked.partitions.map(() => error)
    try {
      if (!addPartition) return await this.verifyPartitions(asked)
      return all(await this.addPartitions({ ...asked, clientVersion: EPOCH_BUMP_VERSION }))
    } catch (error) {
      if (error instanceof CoordinatorError) return all(error.code)
      throw error
    }
  }

  onceEnded(transactionalId: string, ended: () => void): (() => void) | null {
    return this.#markers.onceWritten(transactionalId, ended)
  }

  /** @throws CoordinatorError */
  end(asked: Asked<'End'>): Promise<ProducerReply> {
    return this.#withProducerId((freshProducerId) =>
      this.#shards.ask<'End'>(asked.transactionalId, { type: 'End', ...asked, freshProducerId }),
    )
  }

  /**
   * Null for an id that isn't known.
   * @throws CoordinatorError
   */
  describe(transactionalId: string): Promise<Transaction | null> {
    const command = { type: 'Describe', transactionalId } as const
    return this.#shards.ask<'Describe'>(transactionalId, command)
  }

  /** @throws CoordinatorError */
  async list(): Promise<readonly Transaction[]> {
    return (await this.#shards.askAll<'List'>({ type: 'List' })).flat()
  }

  #run(effect: TransactionEffect, place: ShardPlace): void {
    if (effect.type === 'WriteMarkers') return this.#markers.send(effect.transaction, place)
    const { transactionalId, producerId, producerEpoch } = effect
    const producer = { transactionalId, producerId, producerEpoch }
    const { log } = this.#options.host
    this.#withProducerId((freshProducerId) =>
      this.#shards.askPartition<'AbortTimedOut'>(place.index, { ...effect, freshProducerId }),
    ).then(
      (isAborted) => {
        if (isAborted) log.info(producer, 'A transaction took too long and is aborted')
      },
      // It is looked for again soon.
      (error: unknown) =>
        log.warn({ err: error, ...producer }, 'A transaction that took too long was not aborted'),
    )
  }

  /** Producer ids are dear: one is only taken when the answer is that one is needed. */
  async #withProducerId<Reply>(
    ask: (freshProducerId: number | null) => Promise<Reply | typeof PRODUCER_ID_NEEDED>,
  ): Promise<Reply> {
    const reply = await ask(null)
    if (reply !== PRODUCER_ID_NEEDED) return reply
    const freshProducerId = await this.#options.producerIds.next()
    if (freshProducerId === null) throw new CoordinatorError('COORDINATOR_LOAD_IN_PROGRESS')
    return (await ask(freshProducerId))!
  }
}
