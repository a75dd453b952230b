import assert from 'node:assert/strict'
import type { MetadataRecord } from '../../protocol/state/metadata-records.ts'
import { decodeMetadataRecord } from '../../protocol/state/metadata-records.ts'
import type { CommittedBatch } from '../quorum/committed-reader.ts'
import type { LoadedSnapshot } from '../quorum/snapshot.ts'
import type { LogPosition } from '../quorum/types.ts'
import { ImageBuilder, MetadataError } from './image-builder.ts'
import { differenceOf } from './image-difference.ts'
import type { MetadataDelta, MetadataImage } from './image.ts'
import { EMPTY_IMAGE } from './image.ts'

/**
 * Folds committed batches into images. What is between the begin and the end of a metadata transaction (KIP-868) is
 * applied at its end, as one, and forgotten when it is aborted.
 */
export class Replay {
  #image: MetadataImage = EMPTY_IMAGE
  #builder: ImageBuilder | null = null
  /** What is applied begins with a snapshot, not with the image. */
  #isWhole = false
  /** Null outside of transactions. */
  #transaction: MetadataRecord[] | null = null
  /** Of what is applied but not built yet. */
  #offset = -1
  #epoch = 0

  /** The image as it was last built. */
  get image(): MetadataImage {
    return this.#image
  }

  /** The log as told so far ends within a transaction. */
  get isInTransaction(): boolean {
    return this.#transaction !== null
  }

  /**
   * Takes a snapshot in place of everything before it.
   * @throws DecodeError, MetadataError
   */
  loadSnapshot({ offset, epoch }: LogPosition, { records }: LoadedSnapshot): void {
    assert(offset > this.#offset && epoch >= this.#epoch, 'What is committed stays so')
    this.#builder = new ImageBuilder(EMPTY_IMAGE)
    this.#isWhole = true
    this.#transaction = null
    this.#offset = offset - 1
    this.#epoch = epoch
    for (const record of records) this.#builder.apply(decodeMetadataRecord(record))
  }

  /** @throws DecodeError, MetadataError */
  apply(batch: CommittedBatch): void {
    assert(batch.lastOffset > this.#offset && batch.epoch >= this.#epoch, 'Batches come in order')
    for (const bytes of batch.records) this.#record(decodeMetadataRecord(bytes))
    if (this.#transaction !== null) return
    this.#offset = batch.lastOffset
    this.#epoch = batch.epoch
  }

  #record(record: MetadataRecord): void {
    switch (record.type) {
      case 'BeginTransactionRecord':
        if (this.#transaction !== null) throw new MetadataError('A transaction begins in another')
        this.#transaction = []
        return
      case 'EndTransactionRecord': {
        const records = this.#transaction
        if (records === null) throw new MetadataError('A transaction ends that has not begun')
        this.#transaction = null
        for (const each of records) this.#record(each)
        return
      }
      case 'AbortTransactionRecord':
        this.#transaction = null
        return
      default:
        if (this.#transaction !== null) this.#transaction.push(record)
        else (this.#builder ??= new ImageBuilder(this.#image)).apply(record)
    }
  }

  /**
   * Makes the image of everything applied.
   * @returns what changed from the one before; null when nothing did but its offset
   */
  build(): MetadataDelta | null {
    const builder = this.#builder
    const before = this.#image
    const isWhole = this.#isWhole
    this.#builder = null
    this.#isWhole = false
    if (builder === null) {
      if (this.#offset !== this.#image.offset) {
        this.#image = { ...this.#image, offset: this.#offset, epoch: this.#epoch }
      }
      return null
    }
    const { image, delta } = builder.build(this.#offset, this.#epoch)
    this.#image = image
    return isWhole && before !== EMPTY_IMAGE ? differenceOf(before, image) : delta
  }
}
