import type { ErrorName } from '../../../protocol/errors.ts'
import type { MarkerTerms } from '../base/results.ts'

/** Why a producer's batch, or a marker for it, isn't taken. */
export interface ProducerFault {
  readonly errorCode: ErrorName
  readonly errorMessage: string
}

/** As far as a marker, or a record of a transaction, is held against it. */
export interface ProducerStanding {
  readonly producerId: number
  /** -1 before the first batch. */
  readonly epoch: number
  /** Of the last marker; -1 before the first. */
  readonly coordinatorEpoch: number
  readonly isInTransaction: boolean
}

/** What stands against anything of this epoch: a later one is known, so who sends it is fenced. */
export function epochFault(
  { producerId, epoch }: ProducerStanding,
  sent: number,
): ProducerFault | null {
  if (sent >= epoch) return null
  const errorMessage = `Producer ${producerId} has epoch ${epoch}, not ${sent}`
  return { errorCode: 'INVALID_PRODUCER_EPOCH', errorMessage }
}

/**
 * What stands against a marker. [KIP-890] Where each transaction has an epoch of its own, its marker has the next one: one of
 * the current epoch belongs to a transaction before it, unless it is the same marker once more.
 */
export function markerFault(
  known: ProducerStanding,
  epoch: number,
  { coordinatorEpoch, transactionVersion }: MarkerTerms,
): ProducerFault | null {
  const fenced = epochFault(known, epoch)
  if (fenced !== null) return fenced
  const { producerId } = known
  if (transactionVersion >= 2 && epoch === known.epoch && known.isInTransaction) {
    const errorMessage = `Producer ${producerId} has begun another transaction with epoch ${epoch}`
    return { errorCode: 'INVALID_PRODUCER_EPOCH', errorMessage }
  }
  if (coordinatorEpoch >= known.coordinatorEpoch) return null
  const errorMessage = `The coordinator of producer ${producerId} has epoch ${known.coordinatorEpoch}, not ${coordinatorEpoch}`
  return { errorCode: 'TRANSACTION_COORDINATOR_FENCED', errorMessage }
}

/**
 * [KIP-890] What stands against the record of a transaction that the partition doesn't know, and nobody has verified. A producer
 * that is fenced is told so (KAFKA-19690): that it can go on after.
 */
export function verificationFault(
  known: ProducerStanding | undefined,
  producerId: number,
  epoch: number,
  isVerified: boolean,
): ProducerFault | null {
  if (isVerified || isIn(known, epoch)) return null
  const fenced = known === undefined ? null : epochFault(known, epoch)
  if (fenced !== null) return fenced
  const errorMessage = `Producer ${producerId} has no transaction of epoch ${epoch} under way here`
  return { errorCode: 'INVALID_TXN_STATE', errorMessage }
}

/** Whether a producer has a transaction of this epoch under way. */
export function isIn(known: ProducerStanding | undefined, epoch: number): boolean {
  return known !== undefined && known.isInTransaction && known.epoch === epoch
}
