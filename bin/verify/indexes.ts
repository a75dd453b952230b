import { decodeAborted } from '../../src/log/segment/transaction-index.ts'
import type { SeenBatch } from './batches.ts'
import type { Finding } from './check.ts'

/** Holds something beside the log against its batches, which it is shown in their order. */
export interface Against {
  batch(batch: SeenBatch): void
  /** What is before this position, and wasn't shown, can't be read, which is told already. */
  unreadable(to: number): void
  /** There are no more batches. */
  end(): void
}

export type Tell = (finding: Finding) => void

const OFFSET_ENTRY_BYTES = 8
const TIME_ENTRY_BYTES = 12

/** The entries of a fixed size. What is preallocated is zeros, and has to be nothing but zeros. */
function entriesOf(file: string, content: Buffer, sizeBytes: number, tell: Tell): Buffer[] {
  const entries: Buffer[] = []
  let at = 0
  for (; at + sizeBytes <= content.length; at += sizeBytes) {
    const entry = content.subarray(at, at + sizeBytes)
    if (isZero(entry)) break
    entries.push(entry)
  }
  const rest = content.subarray(at)
  if (!isZero(rest)) {
    const problem = 'There is something else than zeros after the last entry'
    tell({ file, position: at, problem })
  } else if (rest.length % sizeBytes > 0) {
    tell({ file, position: at, problem: `Its size is not a multiple of ${sizeBytes}` })
  }
  return entries
}

/** Where the next batch begins that an `.index` knows of, after one position and before another; null where none does. */
export function positionAfter(index: Buffer | null, after: number, before: number): number | null {
  if (index === null) return null
  for (let at = 0; at + OFFSET_ENTRY_BYTES <= index.length; at += OFFSET_ENTRY_BYTES) {
    const position = index.readInt32BE(at + 4)
    if (position > after && position < before) return position
    if (position === 0) return null
  }
  return null
}

const ZEROS = Buffer.alloc(65_536)

function isZero(bytes: Buffer): boolean {
  for (let at = 0; at < bytes.length; at += ZEROS.length) {
    const part = bytes.subarray(at, at + ZEROS.length)
    if (ZEROS.compare(part, 0, part.length, 0, part.length) !== 0) return false
  }
  return true
}

/**
 * An `.index`. A look-up begins at an entry's position and goes on from there, so a batch has to begin there, and those
 * before it must end below the entry's offset. Kafka before 4.0 wrote the last offset of all that was appended at once.
 */
export function offsetIndex(
  file: string,
  content: Buffer,
  baseOffset: number,
  tell: Tell,
): Against {
  const entries = entriesOf(file, content, OFFSET_ENTRY_BYTES, tell)
  let next = 0
  /** An entry whose offset is not its batch's, but may be a later one's. */
  let open: { at: number; offset: number } | null = null
  let lastOffset = -1
  const offsetOf = (index: number): number => baseOffset + entries[index]!.readInt32BE(0)
  const positionOf = (index: number): number => entries[index]!.readInt32BE(4)
  const bad = (index: number, offset: number, problem: string): void =>
    tell({ file, position: index * OFFSET_ENTRY_BYTES, offset, problem })
  entries.forEach((_, index) => {
    if (index === 0) return
    if (offsetOf(index) > offsetOf(index - 1) && positionOf(index) > positionOf(index - 1)) return
    bad(index, offsetOf(index), 'The entry is not above the one before it')
  })
  const begins = (batch: SeenBatch, index: number): void => {
    const offset = offsetOf(index)
    if (offset <= lastOffset || offset < batch.baseOffset) {
      const range = `${batch.baseOffset} to ${batch.lastOffset}`
      bad(index, offset, `It points to the batch of offsets ${range} at position ${batch.position}`)
    } else if (offset > batch.lastOffset) open = { at: index, offset }
  }
  const close = (upTo: number): void => {
    if (open === null || upTo < open.offset) return
    if (upTo > open.offset) bad(open.at, open.offset, 'No batch ends with this offset')
    open = null
  }
  return {
    batch: (batch) => {
      for (; next < entries.length && positionOf(next) < batch.position; next++) {
        bad(next, offsetOf(next), `No batch begins at its position ${positionOf(next)}`)
      }
      if (next < entries.length && positionOf(next) === batch.position) begins(batch, next++)
      close(batch.lastOffset)
      lastOffset = batch.lastOffset
    },
    unreadable: (to) => {
      while (next < entries.length && positionOf(next) < to) next++
      open = null
    },
    end: () => {
      for (; next < entries.length; next++) {
        bad(next, offsetOf(next), `No batch begins at its position ${positionOf(next)}`)
      }
      close(Infinity)
    },
  }
}

/**
 * A `.timeindex`. Each entry has the greatest timestamp up to its offset: a look-up skips what is before. Batches that a
 * cleaner emptied may count or not.
 */
export function timeIndex(file: string, content: Buffer, baseOffset: number, tell: Tell): Against {
  const entries = entriesOf(file, content, TIME_ENTRY_BYTES, tell)
  let next = 0
  let greatest = -1n
  let greatestWithEmpty = -1n
  let hasSeenAll = true
  const timestampOf = (index: number): bigint => entries[index]!.readBigInt64BE(0)
  const offsetOf = (index: number): number => baseOffset + entries[index]!.readInt32BE(8)
  const bad = (index: number, problem: string): void =>
    tell({ file, position: index * TIME_ENTRY_BYTES, offset: offsetOf(index), problem })
  entries.forEach((_, index) => {
    if (index === 0) return
    const rises =
      timestampOf(index) >= timestampOf(index - 1) && offsetOf(index) >= offsetOf(index - 1)
    if (!rises) bad(index, 'The entry is below the one before it')
  })
  const close = (index: number): void => {
    const timestamp = timestampOf(index)
    if (greatest > timestamp) {
      bad(index, `Up to this offset there is a record of ${greatest}, later than ${timestamp}`)
    } else if (hasSeenAll && greatestWithEmpty < timestamp) {
      const has = greatestWithEmpty < 0n ? 'none' : `${greatestWithEmpty} at most`
      bad(index, `Up to this offset no record is as late as ${timestamp}: ${has}`)
    }
  }
  return {
    batch: ({ baseOffset: first, maxTimestamp, recordCount }) => {
      for (; next < entries.length && offsetOf(next) < first; next++) close(next)
      if (maxTimestamp > greatestWithEmpty) greatestWithEmpty = maxTimestamp
      if (recordCount > 0 && maxTimestamp > greatest) greatest = maxTimestamp
    },
    unreadable: () => {
      hasSeenAll = false
    },
    end: () => {
      for (; next < entries.length; next++) close(next)
    },
  }
}

/**
 * A `.txnindex`: each entry's last offset is an abort marker of its producer, and each such marker that ends records has an
 * entry that hides them from read_committed.
 * @param content null where there is no such file
 * @param opened where the records of transactions that are open begin, by producer id; kept up to date by the caller
 */
export function transactionIndex(
  file: string,
  content: Buffer | null,
  baseOffset: number,
  opened: ReadonlyMap<number, number>,
  tell: Tell,
): Against {
  const entries = content === null ? [] : decodeAborted(content, baseOffset)
  if (entries === null) tell({ file, problem: 'Its size, version or offsets are impossible' })
  let next = 0
  let hasSeenAll = true
  const bad = (offset: number, problem: string): void => tell({ file, offset, problem })
  const skipTo = (offset: number): void => {
    for (; next < entries!.length && entries![next]!.lastOffset < offset; next++) {
      const { lastOffset, producerId } = entries![next]!
      if (hasSeenAll)
        bad(lastOffset, `There is no abort marker of producer ${producerId} at this offset`)
    }
  }
  return {
    batch: ({ baseOffset: offset, producerId, marker }) => {
      if (entries === null || marker !== 'ABORT') return
      skipTo(offset)
      const entry = entries[next]
      const first = opened.get(producerId)
      if (entry?.lastOffset === offset && entry.producerId === producerId) {
        next++
        if (first !== undefined && entry.firstOffset > first) {
          const what = `the transaction of producer ${producerId} began at ${first}`
          bad(offset, `It hides what is from offset ${entry.firstOffset} on, and ${what}`)
        }
      } else if (first !== undefined) {
        const what = `producer ${producerId} aborted a transaction that began at ${first}`
        bad(offset, `There is no entry, and ${what}: readers of committed records would see it`)
      }
    },
    unreadable: () => {
      hasSeenAll = false
    },
    end: () => {
      if (entries !== null) skipTo(Infinity)
    },
  }
}
