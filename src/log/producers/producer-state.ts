import type { ErrorName } from '../../../protocol/errors.ts'
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
import type { AppendOrigin } from '../base/results.ts'
import type { AbortedTransactionEntry } from '../segment/transaction-index.ts'

export interface OngoingTransaction {
  readonly producerId: number
  readonly firstOffset: number
}

interface UnreplicatedTransaction extends OngoingTransaction {
  readonly lastOffset: number
}

/** Why a producer's batch isn't taken. */
export interface ProducerFault {
  readonly errorCode: ErrorName
  readonly errorMessage: string
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

  /** Checks a batch that has its offsets against everything written and queued, and queues what it changes. */
  admit(buffer: Buffer, at: number, origin: AppendOrigin): ProducerVerdict {
    const producerId = batchProducerId(buffer, at)
    if (producerId < 0) return null
    const known = this.#queued.get(producerId) ?? this.#producers.get(producerId)
    if (known !== undefined && origin === 'client') {
      const duplicate = known.findDuplicate(
        batchProducerEpoch(buffer, at),
        batchBaseSequence(buffer, at),
        batchLastSequence(buffer, at),
      )
      if (duplicate !== null) return { duplicate }
    }
    const marker = isControl(batchAttributes(buffer, at)) ? readMarker(buffer, at) : null
    if (known !== undefined) {
      const fault = checkAgainst(known, buffer, at, marker, origin)
      if (fault !== null) return { fault }
    }
    this.queue(buffer, at)
    return null
  }

  /** What `admit` does when nothing is in the way. */
  queue(buffer: Buffer, at: number): void {
    const producerId = batchProducerId(buffer, at)
    if (producerId < 0) return
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
): ProducerFault | null {
  const epoch = batchProducerEpoch(buffer, at)
  const offset = batchBaseOffset(buffer, at)
  if (epoch < known.epoch) {
    const errorMessage = `Producer ${known.producerId} has epoch ${known.epoch}; at offset ${offset} it sent ${epoch}`
    return { errorCode: 'INVALID_PRODUCER_EPOCH', errorMessage }
  }
  if (marker !== null) {
    if (marker.coordinatorEpoch >= known.coordinatorEpoch) return null
    const errorMessage = `The coordinator of producer ${known.producerId} has epoch ${known.coordinatorEpoch}, not ${marker.coordinatorEpoch}`
    return { errorCode: 'TRANSACTION_COORDINATOR_FENCED', errorMessage }
  }
  const sequence = batchBaseSequence(buffer, at)
  if (origin === 'client' && !known.isInSequence(epoch, sequence)) {
    const errorMessage = `Producer ${known.producerId} sent sequence ${sequence} at offset ${offset} after ${known.lastSequence} of epoch ${known.epoch}`
    return { errorCode: 'OUT_OF_ORDER_SEQUENCE_NUMBER', errorMessage }
  }
  if (known.currentTransactionFirstOffset >= 0 && !isTransactional(batchAttributes(buffer, at))) {
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
