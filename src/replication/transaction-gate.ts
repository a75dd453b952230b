import type { ErrorName } from '../../protocol/errors.ts'
import type { Clock, Logger } from '../host/host.ts'
import type { RecordTerms } from '../log/base/results.ts'
import { NO_GUARD, UNGUARDED } from '../log/producers/verifications.ts'
import type { Partition } from './partition/partition.ts'
import type { TransactionVerifier } from './transactions.ts'

/** Whose records they are, and what the request that brings them says of the client. */
export interface TransactionalRequest {
  readonly transactionalId: string
  readonly producerId: number
  readonly producerEpoch: number
  /** The client counts on it that partitions join its transaction with their first records. */
  readonly addPartition: boolean
  /** The client knows TRANSACTION_ABORTABLE. */
  readonly knowsAbortable: boolean
}

/** The records for one partition. */
export interface TransactionalRecords {
  readonly partition: Partition
  /** -1 for none. */
  readonly baseSequence: number
}

/** With what terms the records for a partition may be appended, or why they may not. */
export type Passage = RecordTerms | ErrorName

export interface TransactionGateOptions {
  readonly clock: Clock
  readonly log: Logger
  readonly verifier: TransactionVerifier
  /** `transaction.partition.verification.enable` */
  readonly isEnabled: () => boolean
  /** `add.partitions.to.txn.retry.backoff.ms`, where another broker coordinates: this one isn't told when a transaction is over. */
  readonly retryBackoffMs: () => number
  /** `add.partitions.to.txn.retry.backoff.max.ms` */
  readonly retryMaxMs: () => number
}

/**
 * [KIP-890] Lets records of transactions through to partitions that are part of these: a partition that has none yet is one
 * of which the coordinator is asked first. Meanwhile all else of the same producer waits, in order, and nothing of others.
 */
export class TransactionGate {
  readonly #options: TransactionGateOptions
  /** What waits for the answer that a producer's records wait for, in order; by producer id. */
  readonly #lines = new Map<number, (() => void)[]>()

  constructor(options: TransactionGateOptions) {
    this.#options = options
  }

  /**
   * @param pass called once, with a passage for each of the records, in their order: before this returns where nobody need be
   * asked. It must not throw.
   */
  enter(
    request: TransactionalRequest,
    records: readonly TransactionalRecords[],
    pass: (passages: readonly Passage[]) => void,
  ): void {
    const { clock, isEnabled } = this.#options
    const line = this.#lines.get(request.producerId)
    if (line !== undefined) return void line.push(() => this.enter(request, records, pass))
    // Partitions that join have to be known to the coordinator, which has their markers written.
    if (!isEnabled() && !request.addPartition) {
      return pass(records.map(() => ({ guard: UNGUARDED })))
    }
    const terms = records.map((each) => this.#begin(request, each))
    if (terms.every(({ guard }) => guard === NO_GUARD)) return pass(terms)
    this.#lines.set(request.producerId, [])
    const asked = this.#ask(request, records, terms, clock.monotonic())
    const told = asked.catch((error: unknown) => this.#notAsked(request, terms, error))
    void told.then((passages) => {
      const waiting = this.#lines.get(request.producerId) ?? []
      this.#lines.delete(request.producerId)
      pass(passages)
      for (const enter of waiting) enter()
    })
  }

  /** Where the partition can't take records at all, the append says so better. */
  #begin(
    { producerId, producerEpoch, addPartition }: TransactionalRequest,
    { partition, baseSequence }: TransactionalRecords,
  ): RecordTerms {
    const { log } = partition
    if (log === null || partition.checkLeader() !== 'NONE') return { guard: NO_GUARD }
    const now = this.#options.clock.now()
    const { transactions } = log
    return {
      guard: transactions.beginVerification(
        producerId,
        producerEpoch,
        baseSequence,
        addPartition,
        now,
      ),
    }
  }

  /** Nothing is appended that nobody has verified, and who waits behind it asks anew. */
  #notAsked(
    { transactionalId, producerId }: TransactionalRequest,
    terms: readonly RecordTerms[],
    error: unknown,
  ): readonly Passage[] {
    const fields = { err: error, transactionalId, producerId }
    this.#options.log.error(fields, 'The coordinator of a transaction could not be asked')
    return terms.map((each) => (each.guard === NO_GUARD ? each : 'UNKNOWN_SERVER_ERROR'))
  }

  async #ask(
    request: TransactionalRequest,
    records: readonly TransactionalRecords[],
    begun: readonly RecordTerms[],
    since: number,
  ): Promise<readonly Passage[]> {
    const { clock, verifier, retryMaxMs } = this.#options
    const { transactionalId, producerId, producerEpoch, addPartition } = request
    for (let terms = begun; ; terms = records.map((each) => this.#begin(request, each))) {
      const isAsked = terms.map(({ guard }) => guard !== NO_GUARD)
      const partitions = records
        .filter((_, index) => isAsked[index])
        .map(({ partition: { topic, index } }) => ({ topic, partition: index }))
      // Meanwhile others lead them.
      if (partitions.length === 0) return terms
      const question = { transactionalId, producerId, producerEpoch, partitions, addPartition }
      const errors = await verifier.verify(question)
      let next = 0
      const passages = terms.map((each, index) => {
        const error = isAsked[index] ? errors[next++]! : 'NONE'
        return error === 'NONE' ? each : toldTo(request, error)
      })
      const leftMs = since + retryMaxMs() - clock.monotonic()
      if (leftMs <= 0) return passages
      if (addPartition && errors.includes('CONCURRENT_TRANSACTIONS')) {
        await this.#endOfTransactionBefore(transactionalId, leftMs)
      } else if (!isOvertaken(request, records, passages)) return passages
    }
  }

  /** The transaction before has its markers written; the client should see nothing of that. */
  #endOfTransactionBefore(transactionalId: string, mostMs: number): Promise<void> {
    const { clock, verifier, retryBackoffMs } = this.#options
    return new Promise((resolve) => {
      const stopWaiting = verifier.onceEnded(transactionalId, () => {
        timer.cancel()
        resolve()
      })
      const timer = clock.after(stopWaiting === null ? retryBackoffMs() : mostMs, () => {
        stopWaiting?.()
        resolve()
      })
    })
  }
}

/**
 * Whether a marker has come into one of the partitions since it was begun to be verified: that of the transaction before, which
 * the coordinator may have known as over when it was asked. What it said then counts no more.
 */
function isOvertaken(
  { producerId }: TransactionalRequest,
  records: readonly TransactionalRecords[],
  passages: readonly Passage[],
): boolean {
  return passages.some((passage, index) => {
    if (typeof passage === 'string' || passage.guard === NO_GUARD) return false
    const { log } = records[index]!.partition
    return log !== null && !log.transactions.isVerified(producerId, passage.guard)
  })
}

/** What the coordinator says, as clients of this kind understand it. */
function toldTo({ knowsAbortable }: TransactionalRequest, error: ErrorName): ErrorName {
  if (error === 'PRODUCER_FENCED') return 'INVALID_PRODUCER_EPOCH'
  return error === 'TRANSACTION_ABORTABLE' && !knowsAbortable ? 'INVALID_TXN_STATE' : error
}
