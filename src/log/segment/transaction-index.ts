import { codecOf } from '../../../protocol/codec.ts'
import { CorruptRecordError } from '../../../protocol/records/errors.ts'
import { AbortedTxn } from '../../../protocol/state/aborted-txn.ts'
import { DecodeError, Reader } from '../../../protocol/wire/reader.ts'
import { Writer } from '../../../protocol/wire/writer.ts'
import {
  readIfThere,
  readIfThereAsync,
  replaceContent,
  syncIfThere,
  withFile,
} from '../base/files.ts'
import type { OpenFiles } from '../base/open-files.ts'

/** An int16 version, and an AbortedTxn of that version. */
export const ABORTED_TRANSACTION_BYTES = 34
const CURRENT_VERSION = 0

/** A transaction that ended in an abort marker, as a line of a `.txnindex`. */
export interface AbortedTransactionEntry {
  readonly producerId: number
  readonly firstOffset: number
  /** The marker's. */
  readonly lastOffset: number
  /** The log's last stable offset once the marker was appended. */
  readonly lastStableOffset: number
}

export function encodeAborted(entry: AbortedTransactionEntry): Buffer {
  const writer = new Writer()
  writer.int16(CURRENT_VERSION)
  codecOf(AbortedTxn, CURRENT_VERSION).write(writer, entry)
  return writer.toBuffer()
}

/**
 * All entries of a `.txnindex`.
 * @returns null where it is damaged and has to be built anew from the log
 */
export function decodeAborted(file: Buffer, baseOffset: number): AbortedTransactionEntry[] | null {
  if (file.length % ABORTED_TRANSACTION_BYTES !== 0) return null
  const entries: AbortedTransactionEntry[] = []
  const codec = codecOf(AbortedTxn, CURRENT_VERSION)
  const reader = new Reader(file)
  try {
    while (reader.remaining > 0) {
      if (reader.int16() !== CURRENT_VERSION) return null
      const entry = codec.read(reader)
      const before = entries.at(-1)?.lastOffset ?? baseOffset - 1
      if (entry.lastOffset <= before) return null
      entries.push(entry)
    }
  } catch (error) {
    if (error instanceof DecodeError) return null
    throw error
  }
  return entries
}

/** The `.txnindex` of a segment, which is there only when a transaction was aborted in it. */
export class TransactionIndex {
  readonly #files: OpenFiles
  readonly #baseOffset: number
  /** Null until they are read. */
  #entries: AbortedTransactionEntry[] | null
  #isUnsynced = false

  constructor(files: OpenFiles, baseOffset: number, isThere: boolean) {
    this.#files = files
    this.#baseOffset = baseOffset
    this.#entries = isThere ? null : []
  }

  get mayHaveEntries(): boolean {
    return this.#entries === null || this.#entries.length > 0
  }

  /** @throws CorruptRecordError where the file was damaged since the start, which would have mended it */
  async entries(path: string): Promise<readonly AbortedTransactionEntry[]> {
    if (this.#entries !== null) return this.#entries
    const file = await readIfThereAsync(this.#files, path)
    this.#entries ??= this.#decoded(path, file)
    return this.#entries
  }

  #decoded(path: string, file: Buffer | null): AbortedTransactionEntry[] {
    const entries = file === null ? null : decodeAborted(file, this.#baseOffset)
    if (entries !== null) return entries
    // Taken for empty it would have consumers believe that aborted records were committed.
    throw new CorruptRecordError(
      `${path} is ${file === null ? 'missing' : 'damaged'}: which transactions were aborted is not known until a restart builds it anew`,
    )
  }

  /** Whether it can be read; for start-up. */
  isSound(path: string): boolean {
    if (this.#entries !== null) return true
    const file = readIfThere(this.#files.disk, path)
    return file !== null && decodeAborted(file, this.#baseOffset) !== null
  }

  /** Has it in memory from now on, as long as it is written to; for start-up, when it was found to be sound. */
  load(path: string): void {
    this.#entries ??= this.#decoded(path, readIfThere(this.#files.disk, path))
  }

  /** Kafka too writes it right behind the marker. */
  append(path: string, entry: AbortedTransactionEntry): void {
    const { disk } = this.#files
    const entries = (this.#entries ??= this.#decoded(path, readIfThere(disk, path)))
    withFile(disk, path, 'create', (file) => {
      file.writeSync([encodeAborted(entry)], entries.length * ABORTED_TRANSACTION_BYTES)
    })
    entries.push(entry)
    this.#isUnsynced = true
  }

  /** Empties it before a scan fills it again. */
  reset(path: string): void {
    if (!this.mayHaveEntries) return
    replaceContent(this.#files.disk, path, Buffer.alloc(0))
    this.#entries = []
    this.#isUnsynced = true
  }

  /** Drops the transactions that end at this offset or later. Who must not wait for the file reads it with `entries` first. */
  truncateTo(path: string, offset: number): void {
    const entries = (this.#entries ??= this.#decoded(path, readIfThere(this.#files.disk, path)))
    const kept = entries.filter((entry) => entry.lastOffset < offset)
    if (kept.length === entries.length) return
    replaceContent(this.#files.disk, path, Buffer.concat(kept.map(encodeAborted)))
    this.#entries = kept
    this.#isUnsynced = true
  }

  get isUnsynced(): boolean {
    return this.#isUnsynced
  }

  async sync(path: string): Promise<void> {
    if (!this.#isUnsynced) return
    this.#isUnsynced = false
    await syncIfThere(this.#files, path)
  }
}
