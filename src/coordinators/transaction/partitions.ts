import type { ErrorName } from '../../../protocol/errors.ts'
import type { CommandOf, Outcome, TransactionContext } from './commands.ts'
import { hasPartition, withPartitions } from './partition-set.ts'
import { isEnding } from './transaction.ts'
import type { ProducerIdentity, Transaction } from './transaction.ts'

/** [KIP-98] Partitions join the producer's transaction; the first ones begin it. */
export function addPartitions(
  known: Transaction | undefined,
  command: CommandOf<'AddPartitions'>,
  { wallNow }: TransactionContext,
): Outcome<ErrorName> {
  if (command.transactionalId === '') return { reply: 'INVALID_REQUEST' }
  if (known === undefined) return { reply: 'INVALID_PRODUCER_ID_MAPPING' }
  if (isEnding(known)) return { reply: 'CONCURRENT_TRANSACTIONS' }
  const error = producerError(known, command)
  if (error !== 'NONE') return { reply: error }
  const partitions = withPartitions(known.partitions, command.partitions)
  const isOpen = known.state === 'Ongoing'
  if (isOpen && partitions === known.partitions) return { reply: 'NONE' }
  return {
    transaction: {
      ...known,
      state: 'Ongoing',
      previousProducerId: known.producerId,
      partitions,
      startTimestamp: isOpen ? known.startTimestamp : wallNow,
      lastUpdateTimestamp: wallNow,
      clientVersion: command.clientVersion,
    },
    reply: 'NONE',
  }
}

/** [KIP-890] Whether partitions are part of the producer's transaction. */
export function verifyPartitions(
  known: Transaction | undefined,
  command: CommandOf<'VerifyPartitions'>,
): readonly ErrorName[] {
  const { partitions } = command
  const error = verificationError(known, command)
  if (error !== 'NONE' || known === undefined) return partitions.map(() => error)
  return partitions.map((partition) =>
    hasPartition(known.partitions, partition) ? 'NONE' : 'TRANSACTION_ABORTABLE',
  )
}

function verificationError(
  known: Transaction | undefined,
  command: CommandOf<'VerifyPartitions'>,
): ErrorName {
  if (command.transactionalId === '') return 'INVALID_REQUEST'
  if (known === undefined) return 'INVALID_PRODUCER_ID_MAPPING'
  const error = producerError(known, command)
  if (error !== 'NONE') return error
  return isEnding(known) ? 'CONCURRENT_TRANSACTIONS' : 'NONE'
}

function producerError(known: Transaction, producer: ProducerIdentity): ErrorName {
  if (known.producerId !== producer.producerId) return 'INVALID_PRODUCER_ID_MAPPING'
  return known.producerEpoch === producer.producerEpoch ? 'NONE' : 'PRODUCER_FENCED'
}
