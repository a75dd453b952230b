import {
  batchAttributes,
  batchBaseOffset,
  batchBaseSequence,
  batchLastOffset,
  batchLastOffsetDelta,
  batchLastSequence,
  batchMaxTimestamp,
  batchProducerEpoch,
  batchProducerId,
  isControl,
  isTransactional,
} from '../../../protocol/records/batch.ts'
import { readMarker, type Marker } from './marker.ts'
import { ProducerEntry, type RememberedBatch } from './producer-entry.ts'
import {
  epochFault,
  isIn,
  markerFault,
  verificationFault,
  type ProducerFault,
  type ProducerStanding,
} from './transaction-rules.ts'
import { NO_GUARD, UNGUARDED, Verifications } from './verifications.ts'
import type { AppendOrigin, TransactionTerms } from '../base/results.ts'
import type { AbortedTransactionEntry } from '../segment/transaction-index.ts'

export interface OngoingTransaction {
  readonly producerId: number
  readonly firstOffset: number
}

interface UnreplicatedTransaction extends OngoingTransaction {
  readonly lastOffset: number
}

export type ProducerVerdict =
  { readonly fault: ProducerFault } | { readonly duplicate: RememberedBatch } | null

/**
 * What a partition knows of its idempotent and transactional producers at the end of what is written, and, on top of it,
 * what batches that are queued but not yet written will make of it: so that a producer may have several of them under
 * way.
 */
export class ProducerState {
  readonly #producers = new Map<number, ProducerEntry>()
  readonly #queued = new Map<number, ProducerEntry>()
  readonly #verifications = new Verifications()
  /** By first offset. */
  #ongoing: OngoingTransaction[] = []
  /** Ended by a marker that may not be replicated yet; by first offset. */
  #unreplicated: UnreplicatedTransaction[] = []

  get producers(): Iterable<ProducerEntry> {
    return this.#producers.values()
  }

  get isEmpty(): boolean {
    return this.#producers.size === 0
  }

  /** The first offset of a transaction that is undecided, or whose marker isn't replicated. */
  get firstUnstableOffset(): number | null {
    const ongoing = this.#ongoing[0]?.firstOffset
    const unreplicated = this.#unreplicated[0]?.firstOffset
    if (ongoing === undefined) return unreplicated ?? null
    return unreplicated === undefined ? ongoing : Math.min(ongoing, unreplicated)
  }

  /** What is written of a producer, and queued. */
  standing(producerId: number): ProducerStanding | undefined {
    return this.#entry(producerId)
  }

  #entry(producerId: number): ProducerEntry | undefined {
    return this.#queued.get(producerId) ?? this.#producers.get(producerId)
  }

  /**
   * Begins to verify that the partition is part of a producer's transaction, unless that is known.
   * @param bumpsEpoch the producer's epoch rises with each transaction
   * @returns the guard to append with; NO_GUARD where the transaction has records here
   */
  beginVerification(
    producerId: number,
    epoch: number,
    sequence: number,
    bumpsEpoch: boolean,
    now: number,
  ): number {
    if (isIn(this.#entry(producerId), epoch)) return NO_GUARD
    return this.#verifications.begin(producerId, epoch, sequence, bumpsEpoch, now)
  }

  /** Whether a verification holds still: nothing of the producer has come into the partition since it began. */
  isVerified(producerId: number, guard: number): boolean {
    return guard === UNGUARDED || this.#verifications.isValid(producerId, guard)
  }

  /** Goes on with the verifications of another log of the same partition, which this one takes the place of. */
  takeOverVerifications(other: ProducerState): void {
    this.#verifications.takeOver(other.#verifications)
  }

  /** A marker will be appended: what is verified now counts for the transaction that it ends. */
  endVerification(producerId: number): void {
    this.#verifications.end(producerId)
  }

  /**
   * Checks a batch that has its offsets against everything written and queued, and queues what it changes.
   * @param terms null for what is part of no transaction, and where only the batch itself counts
   */
  admit(
    buffer: Buffer,
    at: number,
    origin: AppendOrigin,
    terms: TransactionTerms | null = null,
  ): ProducerVerdict {
    const producerId = batchProducerId(buffer, at)
    if (producerId < 0) return null
    const known = this.#entry(producerId)
    if (known !== undefined && origin === 'client') {
      const duplicate = known.findDuplicate(
        batchProducerEpoch(buffer, at),
        batchBaseSequence(buffer, at),
        batchLastSequence(buffer, at),
      )
      if (duplicate !== null) return { duplicate }
    }
    const marker = isControl(batchAttributes(buffer, at)) ? readMarker(buffer, at) : null
    if (terms !== null && 'guard' in terms) {
      const isVerified = this.isVerified(producerId, terms.guard)
      const epoch = batchProducerEpoch(buffer, at)
      const fault = verificationFault(known, producerId, epoch, isVerified)
      if (fault !== null) return { fault }
    }
    if (known !== undefined) {
      const fault = checkAgainst(known, buffer, at, marker, origin, terms)
      if (fault !== null) return { fault }
    }
    if (terms !== null && origin === 'client') {
      const fault = this.#sequenceFault(known, buffer, at)
      if (fault !== null) return { fault }
    }
    this.queue(buffer, at)
    return null
  }

  #sequenceFault(
    known: ProducerEntry | undefined,
    buffer: Buffer,
    at: number,
  ): ProducerFault | null {
    const producerId = batchProducerId(buffer, at)
    const sequence = batchBaseSequence(buffer, at)
    if (!this.#verifications.isTooHigh(producerId, sequence, known !== undefined)) return null
    const errorMessage = `Producer ${producerId} sent sequence ${sequence} before a lower one`
    return { errorCode: 'OUT_OF_ORDER_SEQUENCE_NUMBER', errorMessage }
  }

  /** What `admit` does when nothing is in the way. */
  queue(buffer: Buffer, at: number): void {
    const producerId = batchProducerId(buffer, at)
    if (producerId < 0) return
    this.#verifications.end(producerId)
    let entry = this.#queued.get(producerId)
    if (entry === undefined) {
      entry = this.#producers.get(producerId)?.clone() ?? new ProducerEntry(producerId)
      this.#queued.set(producerId, entry)
    }
    applyBatch(entry, buffer, at)
  }

  /** Nothing is queued any more. */
  clearQueued(): void {
    if (this.#queued.size > 0) this.#queued.clear()
  }

  /**
   * Takes a batch into account that has been written.
   * @returns the transaction that it ended by aborting it, for the transaction index
   */
  apply(buffer: Buffer, at: number): AbortedTransactionEntry | null {
    const producerId = batchProducerId(buffer, at)
    if (producerId < 0) return null
    let entry = this.#producers.get(producerId)
    if (entry === undefined) {
      entry = new ProducerEntry(producerId)
      this.#producers.set(producerId, entry)
    }
    const before = entry.currentTransactionFirstOffset
    const marker = applyBatch(entry, buffer, at)
    const after = entry.currentTransactionFirstOffset
    if (before < 0 && after >= 0) this.#begin({ producerId, firstOffset: after })
    if (marker === null || before < 0) return null
    return this.#complete({ producerId, firstOffset: before }, marker, batchLastOffset(buffer, at))
  }

  #begin(transaction: OngoingTransaction): void {
    this.#ongoing.push(transaction)
    this.#ongoing.sort((one, other) => one.firstOffset - other.firstOffset)
  }

  #complete(
    transaction: OngoingTransaction,
    marker: Marker,
    lastOffset: number,
  ): AbortedTransactionEntry | null {
    const { producerId, firstOffset } = transaction
    this.#ongoing = this.#ongoing.filter((each) => each.firstOffset !== firstOffset)
    const lastStableOffset = this.#ongoing[0]?.firstOffset ?? lastOffset + 1
    this.#unreplicated.push({ producerId, firstOffset, lastOffset })
    this.#unreplicated.sort((one, other) => one.firstOffset - other.firstOffset)
    return marker.type === 'ABORT'
      ? { producerId, firstOffset, lastOffset, lastStableOffset }
      : null
  }

  /** Markers below are decided for good. */
  onReplicatedUpTo(offset: number): void {
    if (this.#unreplicated.length === 0) return
    this.#unreplicated = this.#unreplicated.filter((each) => each.lastOffset >= offset)
  }

  /** Forgets producers that have been idle for so long, unless they are in a transaction. */
  removeExpired(nowMs: number, expirationMs: number): void {
    for (const [producerId, entry] of this.#producers) {
      if (isExpired(entry, nowMs, expirationMs)) this.#producers.delete(producerId)
    }
    this.#verifications.removeExpired(nowMs, expirationMs)
  }

  /** Begins anew from a snapshot. */
  load(entries: readonly ProducerEntry[], nowMs: number, expirationMs: number): void {
    this.clear()
    for (const entry of entries) {
      if (isExpired(entry, nowMs, expirationMs)) continue
      this.#producers.set(entry.producerId, entry)
      const firstOffset = entry.currentTransactionFirstOffset
      if (firstOffset >= 0) this.#begin({ producerId: entry.producerId, firstOffset })
    }
  }

  clear(): void {
    this.#producers.clear()
    this.#queued.clear()
    this.#verifications.clear()
    this.#ongoing = []
    this.#unreplicated = []
  }
}

function isExpired(entry: ProducerEntry, nowMs: number, expirationMs: number): boolean {
  const idleMs = nowMs - Number(entry.lastTimestamp)
  return entry.currentTransactionFirstOffset < 0 && idleMs >= expirationMs
}

function checkAgainst(
  known: ProducerEntry,
  buffer: Buffer,
  at: number,
  marker: Marker | null,
  origin: AppendOrigin,
  terms: TransactionTerms | null,
): ProducerFault | null {
  const epoch = batchProducerEpoch(buffer, at)
  if (marker !== null) {
    return markerFault(known, epoch, {
      coordinatorEpoch: marker.coordinatorEpoch,
      transactionVersion:
        terms !== null && 'transactionVersion' in terms ? terms.transactionVersion : 0,
    })
  }
  const fenced = epochFault(known, epoch)
  if (fenced !== null) return fenced
  const offset = batchBaseOffset(buffer, at)
  const sequence = batchBaseSequence(buffer, at)
  if (origin === 'client' && !known.isInSequence(epoch, sequence)) {
    const errorMessage = `Producer ${known.producerId} sent sequence ${sequence} at offset ${offset} after ${known.lastSequence} of epoch ${known.epoch}`
    return { errorCode: 'OUT_OF_ORDER_SEQUENCE_NUMBER', errorMessage }
  }
  if (known.isInTransaction && !isTransactional(batchAttributes(buffer, at))) {
    const errorMessage = `Producer ${known.producerId} is in a transaction; at offset ${offset} it sent records outside of it`
    return { errorCode: 'INVALID_TXN_STATE', errorMessage }
  }
  return null
}

function applyBatch(entry: ProducerEntry, buffer: Buffer, at: number): Marker | null {
  const epoch = batchProducerEpoch(buffer, at)
  const attributes = batchAttributes(buffer, at)
  if (isControl(attributes)) {
    const marker = readMarker(buffer, at)
    if (marker !== null) entry.endTransaction(epoch, marker.coordinatorEpoch, marker.timestamp)
    return marker
  }
  const firstOffset = batchBaseOffset(buffer, at)
  entry.addBatch(epoch, {
    lastSequence: batchLastSequence(buffer, at),
    lastOffset: batchLastOffset(buffer, at),
    offsetDelta: batchLastOffsetDelta(buffer, at),
    timestamp: batchMaxTimestamp(buffer, at),
  })
  if (isTransactional(attributes) && entry.currentTransactionFirstOffset < 0) {
    entry.currentTransactionFirstOffset = firstOffset
  }
  return null
}
