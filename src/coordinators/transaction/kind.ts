import type { BrokerConfig } from '../../config/broker-config.ts'
import type { Alarm } from '../../machine/machine.ts'
import type { CoordinatorKind, ShardSettings } from '../runtime/kind.ts'
import type {
  TransactionCommand,
  TransactionEffect,
  TransactionOperations,
  TransactionSettings,
} from './commands.ts'
import type { DurableFact, TransactionFact } from './facts.ts'
import { TransactionMachine } from './machine.ts'
import { decodeFact, encodeFact } from './records.ts'

export const TRANSACTIONS_TOPIC = '__transaction_state'

export type TransactionShardSettings = TransactionSettings & ShardSettings

/**
 * The transaction coordinator, as the runtime runs it.
 * @param transactionVersion the level that the cluster has finalized now
 */
export function transactionKind(
  transactionVersion: () => number,
): CoordinatorKind<
  TransactionOperations,
  TransactionFact,
  TransactionShardSettings,
  TransactionEffect
> {
  return {
    topic: TRANSACTIONS_TOPIC,
    machine: () => new TransactionMachine(),
    encode: (fact) => encodeFact(fact as DurableFact),
    decode: decodeFact,
    settings: (config) => transactionSettings(config, transactionVersion),
    subject: (command) => ({ transactionalId: idOf(command) }),
  }
}

/** Null where it is about more than one. */
function idOf(command: TransactionCommand | Alarm): string | null {
  return 'transactionalId' in command ? command.transactionalId : null
}

/** Reads the settings when they are needed: they may change. */
function transactionSettings(
  config: BrokerConfig,
  transactionVersion: () => number,
): TransactionShardSettings {
  return {
    get transactionVersion() {
      return transactionVersion()
    },
    get maxTimeoutMs() {
      return config.get('transaction.max.timeout.ms')
    },
    get timeoutCheckIntervalMs() {
      return config.get('transaction.abort.timed.out.transaction.cleanup.interval.ms')
    },
    get expirationMs() {
      return config.get('transactional.id.expiration.ms')
    },
    get expirationCheckIntervalMs() {
      return config.get('transaction.remove.expired.transaction.cleanup.interval.ms')
    },
    get partitionCount() {
      return config.get('transaction.state.log.num.partitions')
    },
    get commitTimeoutMs() {
      return config.get('request.timeout.ms')
    },
    // As the topic is made: each state replaces the one before, and few of them are alike.
    compression: 'none',
    get loadBufferBytes() {
      return config.get('transaction.state.log.load.buffer.size')
    },
  }
}
