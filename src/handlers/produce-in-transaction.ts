import type { ErrorName } from '../../protocol/errors.ts'
import type { ProduceRequest } from '../../protocol/messages/produce.ts'
import {
  batchBaseSequence,
  batchProducerEpoch,
  batchProducerId,
} from '../../protocol/records/batch.ts'
import type { AppendResult } from '../log/base/results.ts'
import type { Partition, RequiredAcks } from '../replication/partition/partition.ts'
import type { RequestContext } from './context.ts'

const FIRST_VERSION_WITH_ABORTABLE = 11
const FIRST_VERSION_THAT_ADDS = 12

/** What became of the records for a partition. */
export type Appended = (result: AppendResult | ErrorName) => void

/** A batch of a transaction, which isn't appended before the partition is known to be part of that. */
export interface OfTransaction {
  readonly partition: Partition
  readonly batch: Buffer
  readonly acks: RequiredAcks
  readonly done: Appended
}

/** [KIP-890] Appends the batches of a request that are of a transaction; all are of one producer. */
export function appendInTransaction(
  { timeoutMs, transactionalId }: ProduceRequest,
  { services: { transactionGate }, version }: RequestContext,
  held: readonly OfTransaction[],
): void {
  const request = {
    transactionalId: transactionalId!,
    producerId: batchProducerId(held[0]!.batch, 0),
    producerEpoch: batchProducerEpoch(held[0]!.batch, 0),
    addPartition: version >= FIRST_VERSION_THAT_ADDS,
    knowsAbortable: version >= FIRST_VERSION_WITH_ABORTABLE,
  }
  const records = held.map(({ partition, batch }) => ({
    partition,
    baseSequence: batchBaseSequence(batch, 0),
  }))
  transactionGate.enter(request, records, (passages) => {
    for (const [index, { partition, batch, acks, done }] of held.entries()) {
      const passage = passages[index]!
      if (typeof passage === 'string') {
        done(notVerified(passage, request.addPartition))
      } else partition.append(batch, acks, 'client', timeoutMs, done, -1, passage)
    }
  })
}

/** What passes by itself, and what producers don't expect of a leader, and would not send their records again after. */
const PASSING: ReadonlySet<ErrorName> = new Set<ErrorName>([
  'CONCURRENT_TRANSACTIONS',
  'COORDINATOR_LOAD_IN_PROGRESS',
  'COORDINATOR_NOT_AVAILABLE',
  'NETWORK_EXCEPTION',
  'NOT_COORDINATOR',
])

/**
 * The coordinator can't say that the partition is part of the transaction, or says that it isn't; in Kafka's words.
 * @param isExpected the producer counts on it that its records wait for the end of the transaction before
 */
function notVerified(error: ErrorName, isExpected: boolean): AppendResult {
  if (PASSING.has(error) && !(isExpected && error === 'CONCURRENT_TRANSACTIONS')) {
    const what = 'Unable to verify the partition has been added to the transaction.'
    const errorMessage = `${what} Underlying error: ${error}`
    return { ...UNAPPENDED, errorCode: 'NOT_ENOUGH_REPLICAS', errorMessage }
  }
  const isOutside = error === 'INVALID_TXN_STATE'
  const errorMessage = isOutside ? 'Partition was not added to the transaction' : null
  return { ...UNAPPENDED, errorCode: error, errorMessage }
}

const UNAPPENDED = {
  recordErrors: [],
  baseOffset: -1,
  lastOffset: -1,
  logAppendTimeMs: -1,
  logStartOffset: -1,
}
