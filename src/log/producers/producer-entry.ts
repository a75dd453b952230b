import { addToSequence } from '../../../protocol/records/batch.ts'
import { NO_TIMESTAMP } from '../segment/time-index.ts'

/** How many of a producer's batches are remembered, so that one sent again is known for what it is. */
const REMEMBERED_BATCHES = 5

const NO_SEQUENCE = -1
const NO_EPOCH = -1
const GREATEST_SEQUENCE = 0x7fffffff

export interface RememberedBatch {
  readonly lastSequence: number
  readonly lastOffset: number
  readonly offsetDelta: number
  readonly timestamp: bigint
}

function firstSequence(batch: RememberedBatch): number {
  const first = batch.lastSequence - batch.offsetDelta
  return first < 0 && batch.lastSequence >= 0 ? first + GREATEST_SEQUENCE + 1 : first
}

/** What a partition knows of one idempotent or transactional producer. */
export class ProducerEntry {
  readonly producerId: number
  epoch = NO_EPOCH
  coordinatorEpoch = -1
  lastTimestamp = NO_TIMESTAMP
  /** -1 outside a transaction. */
  currentTransactionFirstOffset = -1
  /** At most REMEMBERED_BATCHES, all of this epoch, oldest first. */
  batches: RememberedBatch[] = []

  constructor(producerId: number) {
    this.producerId = producerId
  }

  clone(): ProducerEntry {
    const clone = new ProducerEntry(this.producerId)
    clone.epoch = this.epoch
    clone.coordinatorEpoch = this.coordinatorEpoch
    clone.lastTimestamp = this.lastTimestamp
    clone.currentTransactionFirstOffset = this.currentTransactionFirstOffset
    clone.batches = this.batches.slice()
    return clone
  }

  get isUnknown(): boolean {
    return this.epoch === NO_EPOCH
  }

  get isInTransaction(): boolean {
    return this.currentTransactionFirstOffset >= 0
  }

  get lastSequence(): number {
    return this.batches.at(-1)?.lastSequence ?? NO_SEQUENCE
  }

  findDuplicate(epoch: number, base: number, last: number): RememberedBatch | null {
    if (epoch !== this.epoch) return null
    for (const batch of this.batches) {
      if (batch.lastSequence === last && firstSequence(batch) === base) return batch
    }
    return null
  }

  /** Whether a batch of this epoch may begin with this sequence number. */
  isInSequence(epoch: number, sequence: number): boolean {
    if (this.isUnknown) return true
    if (epoch !== this.epoch) return sequence === 0
    const last = this.lastSequence
    return sequence === (last === NO_SEQUENCE ? 0 : addToSequence(last, 1))
  }

  addBatch(epoch: number, batch: RememberedBatch): void {
    this.#moveTo(epoch)
    if (this.batches.length === REMEMBERED_BATCHES) this.batches.shift()
    this.batches.push(batch)
    this.lastTimestamp = batch.timestamp
  }

  endTransaction(epoch: number, coordinatorEpoch: number, timestamp: bigint): void {
    this.#moveTo(epoch)
    this.coordinatorEpoch = coordinatorEpoch
    this.currentTransactionFirstOffset = -1
    this.lastTimestamp = timestamp
  }

  #moveTo(epoch: number): void {
    if (epoch === this.epoch) return
    this.batches = []
    this.epoch = epoch
  }
}
