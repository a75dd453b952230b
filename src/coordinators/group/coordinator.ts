import type { Codecs } from '../../../protocol/records/codecs.ts'
import type { BrokerConfig } from '../../config/broker-config.ts'
import type { Host } from '../../host/host.ts'
import type { Partition } from '../../replication/partition/partition.ts'
import { partitionFor } from '../runtime/java-hash.ts'
import type { CommandOf, GroupOperation, ReplyTo } from './commands.ts'
import { CoordinatorError, GroupShard } from '../runtime/shard.ts'
import type { ShardSettings } from '../runtime/shard.ts'

export const OFFSETS_TOPIC = '__consumer_offsets'

const MINUTE_MS = 60_000
const UUID_BYTES = 16

export interface GroupCoordinatorOptions {
  readonly host: Pick<Host, 'clock' | 'log' | 'random'>
  readonly codecs: Codecs
  readonly config: BrokerConfig
  /** How many partitions `__consumer_offsets` has; 0 while it doesn't exist. */
  readonly partitionCount: () => number
  /** The partition of `__consumer_offsets`, if this broker has it. */
  readonly partition: (index: number) => Partition | undefined
}

/** The groups that this broker coordinates: those of the partitions of `__consumer_offsets` that it leads. */
export class GroupCoordinator {
  readonly #options: GroupCoordinatorOptions
  readonly #settings: ShardSettings
  readonly #shards = new Map<number, GroupShard>()
  #isClosed = false

  constructor(options: GroupCoordinatorOptions) {
    this.#options = options
    this.#settings = shardSettings(options.config)
  }

  /** The partition whose leader coordinates the group. Before the topic exists, as it will be made. */
  partitionOf(groupId: string): number {
    const { config, partitionCount } = this.#options
    return partitionFor(groupId, partitionCount() || config.get('offsets.topic.num.partitions'))
  }

  /** Takes up the partitions that this broker leads now, and gives up the others. Call it when leadership has changed. */
  follow(): void {
    if (this.#isClosed) return
    const { partitionCount, partition: find, ...options } = this.#options
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
      this.#shards.set(index, new GroupShard({ ...options, partition, settings: this.#settings }))
    }
  }

  /**
   * Asks the shard of the group.
   * @throws CoordinatorError with what to tell the client: NOT_COORDINATOR, COORDINATOR_LOAD_IN_PROGRESS, ...
   */
  async ask<Type extends GroupOperation>(
    groupId: string,
    command: CommandOf<Type>,
  ): Promise<ReplyTo<Type>> {
    const shard = this.#shards.get(this.partitionOf(groupId))
    if (shard === undefined) throw new CoordinatorError('NOT_COORDINATOR')
    return shard.ask<Type>(command)
  }

  /**
   * Asks every shard; those that this broker just gives up are left out.
   * @throws CoordinatorError
   */
  async askAll<Type extends GroupOperation>(command: CommandOf<Type>): Promise<ReplyTo<Type>[]> {
    const replies = await Promise.all(
      Array.from(this.#shards.values(), (shard) =>
        shard.ask<Type>(command).catch((error: unknown) => {
          if (error instanceof CoordinatorError && error.code === 'NOT_COORDINATOR') return null
          throw error
        }),
      ),
    )
    return replies.filter((reply) => reply !== null) as ReplyTo<Type>[]
  }

  /** A random UUID (version 4) for a member's id. */
  newUuid(): string {
    const bytes = this.#options.host.random.bytes(UUID_BYTES)
    bytes[6] = (bytes[6]! & 0x0f) | 0x40
    bytes[8] = (bytes[8]! & 0x3f) | 0x80
    return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
  }

  /** Topics are no more: what groups have committed for them goes too. Failures are logged; expiry gets what is left. */
  async forgetTopics(topics: readonly string[]): Promise<void> {
    if (topics.length === 0) return
    await Promise.all(Array.from(this.#shards.values(), (shard) => this.#forget(shard, topics)))
  }

  /** Gives all shards up; whoever waits is told to look for another coordinator. */
  close(): void {
    this.#isClosed = true
    for (const shard of this.#shards.values()) shard.close()
    this.#shards.clear()
  }

  async #forget(shard: GroupShard, topics: readonly string[]): Promise<void> {
    try {
      for (let isDone = false; !isDone;) {
        const { more } = await shard.ask<'DeleteTopics'>({ type: 'DeleteTopics', topics })
        isDone = !more
      }
    } catch (error) {
      if (!(error instanceof CoordinatorError)) throw error
      const { index } = shard.partition
      const { log } = this.#options.host
      log.warn({ err: error, partition: index, topics }, 'Offsets of deleted topics are left')
    }
  }
}

/** Reads the settings when they are needed: they may change. */
function shardSettings(config: BrokerConfig): ShardSettings {
  return {
    get initialRebalanceDelayMs() {
      return config.get('group.initial.rebalance.delay.ms')
    },
    get maxGroupSize() {
      return config.get('group.max.size')
    },
    get maxOffsetMetadataLength() {
      return config.get('offset.metadata.max.bytes')
    },
    get offsetsRetentionMs() {
      return config.get('offsets.retention.minutes') * MINUTE_MS
    },
    get offsetsRetentionCheckIntervalMs() {
      return config.get('offsets.retention.check.interval.ms')
    },
    get commitTimeoutMs() {
      return config.get('offsets.commit.timeout.ms')
    },
    get compression() {
      return config.get('offsets.topic.compression.codec')
    },
    get loadBufferBytes() {
      return config.get('offsets.load.buffer.size')
    },
  }
}
