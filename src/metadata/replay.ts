import assert from 'node:assert/strict'
import type { MetadataRecord } from '../../protocol/state/metadata-records.ts'
import { decodeMetadataRecord } from '../../protocol/state/metadata-records.ts'
import { DecodeError } from '../../protocol/wire/reader.ts'
import { atOnce, ITEMS_IN_STEP } from '../machine/steps.ts'
import type { Steps } from '../machine/steps.ts'
import type { CommittedBatch } from '../quorum/committed-reader.ts'
import type { LoadedSnapshot } from '../quorum/snapshot.ts'
import type { LogPosition } from '../quorum/types.ts'
import { ImageBuilder, MetadataError } from './image-builder.ts'
import { bothTouched, deltaOf, differenceOf } from './image-difference.ts'
import type { MetadataDelta, MetadataImage, Touched } from './image.ts'
import { EMPTY_IMAGE } from './image.ts'

/**
 * Folds committed batches into images. What is between the begin and the end of a metadata transaction (KIP-868) is
 * applied beside the image as it comes, counts from its end on, as one, and is forgotten when it is aborted.
 */
export class Replay {
  /** As it was last built. */
  #image: MetadataImage = EMPTY_IMAGE
  /** What builders begin with: the image, or what a transaction, or a snapshot, has found applied since. */
  #base: MetadataImage = EMPTY_IMAGE
  /** From the image to the base. */
  #touched: Touched | null = null
  #builder: ImageBuilder | null = null
  /** What is applied begins with a snapshot, not with the image. */
  #isWhole = false
  /** Null outside of transactions. */
  #transaction: ImageBuilder | null = null
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
   * @throws MetadataError
   */
  loadSnapshot(id: LogPosition, snapshot: LoadedSnapshot): void {
    atOnce(this.loadInSteps(id, snapshot))
  }

  /** The same in steps: until the last one nothing else is applied or built. */
  *loadInSteps({ offset, epoch }: LogPosition, { records }: LoadedSnapshot): Steps<void> {
    assert(offset > this.#offset && epoch >= this.#epoch, 'What is committed stays so')
    this.#base = EMPTY_IMAGE
    this.#touched = null
    this.#isWhole = true
    this.#transaction = null
    this.#offset = offset - 1
    this.#epoch = epoch
    const builder = (this.#builder = new ImageBuilder(EMPTY_IMAGE))
    let applied = 0
    for (const record of records) {
      builder.apply(decoded(record))
      if (++applied % ITEMS_IN_STEP === 0) yield
    }
  }

  /** @throws MetadataError */
  apply(batch: CommittedBatch): void {
    assert(batch.lastOffset > this.#offset && batch.epoch >= this.#epoch, 'Batches come in order')
    for (const bytes of batch.records) this.#record(decoded(bytes))
    if (this.#transaction !== null || batch.hasMore === true) return
    this.#offset = batch.lastOffset
    this.#epoch = batch.epoch
  }

  #record(record: MetadataRecord): void {
    switch (record.type) {
      case 'BeginTransactionRecord':
        if (this.#transaction !== null) throw new MetadataError('A transaction begins in another')
        this.#fold()
        this.#transaction = new ImageBuilder(this.#base)
        return
      case 'EndTransactionRecord':
        if (this.#transaction === null) {
          throw new MetadataError('A transaction ends that has not begun')
        }
        this.#builder = this.#transaction
        this.#transaction = null
        return
      case 'AbortTransactionRecord':
        this.#transaction = null
        return
      case 'NoOpRecord':
        // The image is the same; its offset goes on.
        return
      default:
        ;(this.#transaction ?? (this.#builder ??= new ImageBuilder(this.#base))).apply(record)
    }
  }

  /** What was applied becomes part of the base. */
  #fold(): void {
    if (this.#builder === null) return
    const { image, touched } = this.#builder.build(this.#offset, this.#epoch)
    this.#builder = null
    this.#base = image
    this.#touched = bothTouched(this.#touched, touched)
  }

  /**
   * Makes the image of everything applied.
   * @returns what changed from the one before; null when nothing did but its offset
   */
  build(): MetadataDelta | null {
    return atOnce(this.buildInSteps())
  }

  /** The same in steps, where it begins with a snapshot; until the last one the image is the one before. */
  *buildInSteps(): Steps<MetadataDelta | null> {
    this.#fold()
    const touched = this.#touched
    const before = this.#image
    if (touched === null) {
      if (this.#offset !== before.offset) {
        this.#image = this.#base = { ...before, offset: this.#offset, epoch: this.#epoch }
      }
      return null
    }
    const image = { ...this.#base, offset: this.#offset, epoch: this.#epoch }
    const isWhole = this.#isWhole && before !== EMPTY_IMAGE
    const delta = isWhole ? yield* differenceOf(before, image) : deltaOf(before, image, touched)
    this.#image = this.#base = image
    this.#touched = null
    this.#isWhole = false
    return delta
  }
}

/** @throws MetadataError */
function decoded(bytes: Buffer): MetadataRecord {
  try {
    return decodeMetadataRecord(bytes)
  } catch (cause) {
    if (!(cause instanceof DecodeError)) throw cause
    throw new MetadataError(
      `The cluster's metadata have a record that this version of Ottla can't read (${cause.message}): use a version that can, as the active controller's`,
      { cause },
    )
  }
}
