import type { Codecs } from '../../../protocol/records/codecs.ts'
import type { BrokerConfig } from '../../config/broker-config.ts'
import type { Host } from '../../host/host.ts'
import type { Partition } from '../../replication/partition/partition.ts'
import { CoordinatorError } from './errors.ts'
import { partitionFor } from './java-hash.ts'
import type {
  CoordinatorKind,
  OperationCommand,
  OperationReply,
  OperationsOf,
  ShardSettings,
} from './kind.ts'
import { Shard } from './shard.ts'
import type { ShardPlace } from './shard.ts'

export interface CoordinatorOptions<Effect = never> {
  readonly host: Pick<Host, 'clock' | 'log' | 'random'>
  readonly codecs: Codecs
  readonly config: BrokerConfig
  /** How many partitions the topic has; 0 while it doesn't exist. */
  readonly partitionCount: () => number
  /** The partition of the topic, if this broker has it. */
  readonly partition: (index: number) => Partition | undefined
  /** Does what is to be done outside, after it was committed. Not needed where a kind has no effects. */
  readonly runEffect?: (effect: Effect, place: ShardPlace) => void
}

/** One kind of coordinator on this broker: it has the state in the partitions that the broker leads. */
export class Coordinator<
  Operations extends OperationsOf<Operations>,
  Fact,
  Settings extends ShardSettings,
  Effect = never,
> {
  readonly #kind: CoordinatorKind<Operations, Fact, Settings, Effect>
  readonly #options: CoordinatorOptions<Effect>
  readonly #settings: Settings
  readonly #shards = new Map<number, Shard<Operations, Fact, Settings, Effect>>()
  #isClosed = false

  constructor(
    kind: CoordinatorKind<Operations, Fact, Settings, Effect>,
    options: CoordinatorOptions<Effect>,
  ) {
    this.#kind = kind
    this.#options = options
    this.#settings = kind.settings(options.config)
  }

  /** The partition whose leader coordinates the key. Before the topic exists, as it will be made. */
  partitionOf(key: string): number {
    return partitionFor(key, this.#options.partitionCount() || this.#settings.partitionCount)
  }

  /** The partitions that are led here. */
  get partitions(): readonly number[] {
    return [...this.#shards.keys()]
  }

  /** Whether a shard is at work here still, in the same epoch and without having been loaded since. */
  leads({ index, leaderEpoch, loads }: ShardPlace): boolean {
    const shard = this.#shards.get(index)
    if (shard?.leaderEpoch !== leaderEpoch || shard.place.loads !== loads) return false
    return shard.partition.checkLeader(leaderEpoch) === 'NONE'
  }

  /** Takes up the partitions that this broker leads now, and gives up the others. Call it when leadership has changed. */
  follow(): void {
    if (this.#isClosed) return
    const { partitionCount, partition: find, host, codecs } = this.#options
    const { runEffect = () => undefined } = this.#options
    const led = new Map<number, Partition>()
    for (let index = 0; index < partitionCount(); index++) {
      const partition = find(index)
      if (partition?.checkLeader() === 'NONE') led.set(index, partition)
    }
    for (const [index, shard] of this.#shards) {
      const partition = led.get(index)
      if (partition === shard.partition && partition.leaderEpoch === shard.leaderEpoch) continue
      shard.close()
      this.#shards.delete(index)
    }
    for (const [index, partition] of led) {
      if (this.#shards.has(index)) continue
      const options = { kind: this.#kind, settings: this.#settings, host, codecs, partition }
      this.#shards.set(index, new Shard({ ...options, runEffect }))
    }
  }

  /**
   * Asks the shard of the key.
   * @throws CoordinatorError with what to tell the client: NOT_COORDINATOR, COORDINATOR_LOAD_IN_PROGRESS, ...
   */
  ask<Type extends keyof Operations>(
    key: string,
    command: OperationCommand<Operations, Type>,
  ): Promise<OperationReply<Operations, Type>> {
    return this.askPartition<Type>(this.partitionOf(key), command)
  }

  /**
   * Asks the shard of a partition.
   * @throws CoordinatorError
   */
  async askPartition<Type extends keyof Operations>(
    index: number,
    command: OperationCommand<Operations, Type>,
  ): Promise<OperationReply<Operations, Type>> {
    const shard = this.#shards.get(index)
    if (shard === undefined) throw new CoordinatorError('NOT_COORDINATOR')
    return shard.ask<Type>(command)
  }

  /**
   * Asks every shard; those that this broker just gives up are left out.
   * @throws CoordinatorError
   */
  async askAll<Type extends keyof Operations>(
    command: OperationCommand<Operations, Type>,
  ): Promise<OperationReply<Operations, Type>[]> {
    const replies = await Promise.all(
      this.partitions.map((index) =>
        this.askPartition<Type>(index, command).catch((error: unknown) => {
          if (error instanceof CoordinatorError && error.code === 'NOT_COORDINATOR') return null
          throw error
        }),
      ),
    )
    return replies.filter((reply) => reply !== null)
  }

  /** Gives all shards up; whoever waits is told to look for another coordinator. */
  close(): void {
    this.#isClosed = true
    for (const shard of this.#shards.values()) shard.close()
    this.#shards.clear()
  }
}
