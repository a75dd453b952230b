import {
  batchBaseOffset,
  batchLastOffset,
  batchSizeBytes,
  checkBatch,
} from '../../../protocol/records/batch.ts'
import type { FileHandle } from '../base/open-files.ts'
import type { Damage, SoundScanPart, SoundScanResult } from './damage.ts'
import type { KnownDamage } from './known-damage.ts'
import { OFFSETS_IN_A_SEGMENT, type OffsetEntry } from './offset-index.ts'
import { LOOKUP_READ_BYTES, type BatchVisitor, type ScanDepth } from './scan.ts'

/** A batch's place, or the damage that an offset is in. */
export type Located =
  | { readonly position: number; readonly damage: null }
  | { readonly position: number; readonly damage: Damage }

/** What offsets are looked for in. */
export interface LocatedSegment {
  readonly baseOffset: number
  readonly sizeBytes: number
  readonly handle: FileHandle
  scanAround(
    from: number,
    what: ScanDepth,
    readBytes: number,
    visit: BatchVisitor,
    more: Partial<SoundScanPart>,
  ): Promise<SoundScanResult>
}

/** What says where to begin. */
export interface OffsetEntries {
  floor(offset: number): Promise<OffsetEntry | null>
  rebuild(): Promise<void>
}

interface Batch {
  readonly position: number
  readonly sizeBytes: number
  readonly nextOffset: number
}

/** Finds the batches of a segment by their offsets, where batches or the index are damaged too. */
export class BatchLocator {
  readonly #segment: LocatedSegment
  readonly #entries: OffsetEntries
  readonly #damage: KnownDamage
  readonly #crc32c: (bytes: Uint8Array) => number

  constructor(
    segment: LocatedSegment,
    entries: OffsetEntries,
    damage: KnownDamage,
    crc32c: (bytes: Uint8Array) => number,
  ) {
    this.#segment = segment
    this.#entries = entries
    this.#damage = damage
    this.#crc32c = crc32c
  }

  /**
   * Finds the first batch that ends at or after this offset, or the damage that it is in; null where there is none. What is
   * healthy behind damage is found.
   * @param endOffset where the log ends
   */
  async locate(offset: number, endOffset: number): Promise<Located | null> {
    const known = this.#damage.at(offset, this.#segment.sizeBytes)
    if (known !== null) return { position: known.position, damage: known }
    const from = await this.#entries.floor(offset)
    const found = await this.#locateFrom(from, offset, endOffset, true)
    if (found !== 'damaged') return found
    // The batch that the index points to may be what is damaged, or the index. Or neither: Kafka before 4.0 wrote the last
    // offset of all that was appended at once.
    const before = await this.#entries.floor(from!.lastOffset - 1)
    const again = await this.#locateFrom(before, offset, endOffset)
    if (again !== 'damaged') return again
    await this.#entries.rebuild()
    const last = await this.#locateFrom(null, offset, endOffset)
    return last === 'damaged' ? null : last
  }

  /** The index is damaged where its position isn't one of a batch that ends at or before the entry's offset. */
  async #locateFrom(
    entry: OffsetEntry | null,
    offset: number,
    endOffset: number,
    isExact = false,
  ): Promise<Located | null | 'damaged'> {
    const from = entry?.position ?? 0
    let found: number | null = null
    let foundOffset = Infinity
    let before: Batch | null = null
    let isWrong = entry !== null
    const visit: BatchVisitor = (buffer, at, position) => {
      const lastOffset = batchLastOffset(buffer, at)
      if (position === from && entry !== null) {
        isWrong = isExact ? lastOffset !== entry.lastOffset : lastOffset > entry.lastOffset
      }
      if (isWrong) return false
      if (lastOffset < offset) {
        before = { position, sizeBytes: batchSizeBytes(buffer, at), nextOffset: lastOffset + 1 }
        return true
      }
      found = position
      foundOffset = batchBaseOffset(buffer, at)
      return false
    }
    const bounds = {
      endOffset: Math.min(endOffset, this.#segment.baseOffset + OFFSETS_IN_A_SEGMENT),
      checksStop: true,
      firstLastOffset: entry?.lastOffset,
      // Where the entry is wrong, what is behind it is not looked for.
      passes: () => !isWrong,
    }
    const { damages } = await this.#segment.scanAround(
      from,
      'headers',
      LOOKUP_READ_BYTES,
      visit,
      bounds,
    )
    if (isWrong) return 'damaged'
    if (foundOffset <= offset) return { position: found!, damage: null }
    const damage = damages.find(
      ({ fromOffset, toOffset }) => fromOffset <= offset && offset < toOffset,
    )
    if (damage !== undefined) return { position: damage.position, damage }
    const hidden = await this.#damageInGap(before, found, Math.min(foundOffset, endOffset), offset)
    if (hidden !== null) return { position: hidden.position, damage: hidden }
    return found === null ? null : { position: found, damage: null }
  }

  /**
   * No batch has the offset: compaction took it, or the batch before says that it ends too early, which its checksum tells.
   * @param gapEnd where the next batch, or the log's end, is
   */
  async #damageInGap(
    before: Batch | null,
    found: number | null,
    gapEnd: number,
    offset: number,
  ): Promise<Damage | null> {
    if (before === null || offset >= gapEnd) return null
    const { position, sizeBytes, nextOffset } = before
    const batch = Buffer.allocUnsafe(sizeBytes)
    const count = await this.#segment.handle.using((file) => file.read(batch, position))
    if (checkBatch(batch, 0, count, this.#crc32c) === null) return null
    const toOffset = found === null ? Infinity : gapEnd
    const endPosition = found ?? this.#segment.sizeBytes
    const damage = { position, fromOffset: nextOffset, toOffset, endPosition }
    this.#damage.note(damage)
    return damage
  }
}
