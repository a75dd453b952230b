import type { LogTransactions } from '../../log/log.ts'
import {
  epochFault,
  markerFault,
  verificationFault,
  type ProducerFault,
  type ProducerStanding,
} from '../../log/producers/transaction-rules.ts'
import type { TransactionPart } from './kind.ts'

/**
 * What the partition's log would refuse a record of a transaction for: better known before its fact is applied than after it.
 * @param known with all that will be appended before
 */
export function transactionFault(
  { producerId, producerEpoch, terms }: TransactionPart,
  known: ProducerStanding | undefined,
  log: LogTransactions,
): ProducerFault | null {
  if (terms !== undefined && 'guard' in terms) {
    const isVerified = log.isVerified(producerId, terms.guard)
    const fault = verificationFault(known, producerId, producerEpoch, isVerified)
    if (fault !== null) return fault
  }
  if (known === undefined) return null
  return terms !== undefined && 'coordinatorEpoch' in terms
    ? markerFault(known, producerEpoch, terms)
    : epochFault(known, producerEpoch)
}

/** What is known of a producer once this record is in its partition. */
export function standingAfter(
  { producerId, producerEpoch, isMarker, terms }: TransactionPart,
  known: ProducerStanding | undefined,
): ProducerStanding {
  const ended = terms !== undefined && 'coordinatorEpoch' in terms ? terms.coordinatorEpoch : null
  return {
    producerId,
    epoch: producerEpoch,
    coordinatorEpoch: ended ?? known?.coordinatorEpoch ?? -1,
    isInTransaction: !isMarker,
  }
}
