import type { CompressionType } from '../../../protocol/records/codecs.ts'
import type { BrokerConfig } from '../../config/broker-config.ts'
import type { TransactionTerms } from '../../log/base/results.ts'
import type { Alarm, Machine } from '../../machine/machine.ts'

/** What a coordinator is asked and what it replies, by operation. */
export type OperationsOf<Operations> = {
  readonly [Type in keyof Operations]: { command: object; reply: unknown }
} & {
  /** First of all, once a shard is rebuilt from its log. */
  Loaded: { command: object; reply: null }
}

export type OperationCommand<
  Operations extends OperationsOf<Operations>,
  Type extends keyof Operations = keyof Operations,
> = {
  [Each in Type]: { readonly type: Each } & Operations[Each]['command']
}[Type]

export type OperationReply<
  Operations extends OperationsOf<Operations>,
  Type extends keyof Operations = keyof Operations,
> = Operations[Type]['reply']

export type MachineOf<
  Operations extends OperationsOf<Operations>,
  Fact,
  Settings,
  Effect,
> = Machine<OperationCommand<Operations>, Fact, OperationReply<Operations>, Effect, Settings>

/** The transaction that a record is part of, as its batch says. */
export interface TransactionPart {
  readonly producerId: number
  readonly producerEpoch: number
  /** The record is the marker that ends the transaction. */
  readonly isMarker: boolean
  /** What the log holds a record to write against; it isn't stored. */
  readonly terms?: TransactionTerms
}

/** A record of an internal topic; a null value is a tombstone. */
export interface StateRecord {
  readonly key: Buffer
  readonly value: Buffer | null
  /** Left out where it is part of none. */
  readonly transaction?: TransactionPart
}

/** What shards act on, besides what their machines decide by. Read when it is needed: settings may change. */
export interface ShardSettings {
  /** How many partitions the topic gets when it is made. */
  readonly partitionCount: number
  /** How long a reply may wait for its commit. */
  readonly commitTimeoutMs: number
  readonly compression: CompressionType
  /** How much of a log is read at a time. */
  readonly loadBufferBytes: number
}

/**
 * A kind of coordinator: what is kept in which topic, and how. All kinds run in the same runtime, which knows none of them.
 * @typeParam Operations what is asked and replied: an interface that `OperationsOf` takes
 * @typeParam Fact the durable ones of them have a record each
 * @typeParam Effect what is to be done outside after the commit: `CoordinatorOptions.runEffect` does it
 */
export interface CoordinatorKind<
  Operations extends OperationsOf<Operations>,
  Fact,
  Settings extends ShardSettings,
  Effect = never,
> {
  /** Each partition of this topic is the log of a shard. */
  readonly topic: string
  /** A machine without state. */
  machine(): MachineOf<Operations, Fact, Settings, Effect>
  /** @param fact a durable one */
  encode(fact: Fact): StateRecord
  /**
   * The fact that a record stands for; null for records that are no concern of this version.
   * @throws DecodeError
   */
  decode(record: StateRecord): Fact | null
  settings(config: BrokerConfig): Settings
  /** What a log line says of a command: whose it is. */
  subject(command: OperationCommand<Operations> | Alarm): object
}
