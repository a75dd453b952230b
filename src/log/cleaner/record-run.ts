import { CorruptRecordError } from '../../../protocol/records/batch.ts'
import { RecordCursor } from '../../../protocol/records/varint.ts'

/**
 * The uncompressed records of a batch one after the other, as the positions of their parts: what is kept is copied, and
 * nothing made of what goes.
 */
export class RecordRun {
  readonly bytes: Buffer
  readonly #cursor: RecordCursor
  #left: number
  /** Where the current record begins, with its length, and where it ends. */
  start = 0
  end = 0
  /** Where its timestamp's delta stands. */
  timestampAt = 0
  offsetDelta = 0
  /** Where its key begins, with the key's length: what stands before it are attributes and deltas. */
  bodyAt = 0
  keyAt = 0
  keyEnd = 0
  hasKey = false
  hasValue = false

  constructor(bytes: Buffer, count: number) {
    this.bytes = bytes
    this.#cursor = new RecordCursor(bytes, 0, bytes.length)
    this.#left = count
  }

  /**
   * Goes to the next record; false behind the last one.
   * @throws CorruptRecordError where lengths don't fit
   */
  next(): boolean {
    const cursor = this.#cursor
    const { length } = this.bytes
    cursor.position = this.end
    cursor.end = length
    if (this.#left === 0) {
      if (this.end !== length)
        throw new CorruptRecordError('Bytes after the last record of a batch')
      return false
    }
    this.#left--
    this.start = this.end
    const sizeBytes = cursor.varint()
    if (sizeBytes < 0 || sizeBytes > length - cursor.position) {
      throw new CorruptRecordError(`A record of ${sizeBytes} bytes doesn't fit into its batch`)
    }
    this.end = cursor.position + sizeBytes
    cursor.end = this.end
    cursor.int8()
    this.timestampAt = cursor.position
    this.#skipVarint()
    this.offsetDelta = cursor.varint()
    if (this.offsetDelta < 0) throw new CorruptRecordError('A negative offset delta')
    this.#readBody()
    return true
  }

  /** What a record's timestamp adds to the batch's base. */
  timestampDeltaAt(timestampAt: number): bigint {
    return new RecordCursor(this.bytes, timestampAt, this.bytes.length).varlong()
  }

  #readBody(): void {
    const cursor = this.#cursor
    this.bodyAt = cursor.position
    const keyBytes = cursor.varint()
    this.hasKey = keyBytes >= 0
    this.keyAt = cursor.position
    if (this.hasKey) this.#skip(keyBytes)
    this.keyEnd = cursor.position
    const valueBytes = cursor.varint()
    this.hasValue = valueBytes >= 0
    if (this.hasValue) this.#skip(valueBytes)
  }

  #skip(count: number): void {
    const cursor = this.#cursor
    if (count > cursor.end - cursor.position) {
      throw new CorruptRecordError('A record goes on beyond the bytes that hold it')
    }
    cursor.position += count
  }

  #skipVarint(): void {
    const cursor = this.#cursor
    while (cursor.int8() < 0);
  }
}
