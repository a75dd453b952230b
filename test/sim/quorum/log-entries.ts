import {
  batchBaseOffset,
  batchCrc,
  batchLeaderEpoch,
  batchNextOffset,
  batchSizeBytes,
} from '../../../protocol/records/batch.ts'
import type { SeenFile, SimDisk } from '../../../src/host/sim/disk.ts'

/** A batch of a log. */
export interface LogEntry {
  readonly offset: number
  readonly nextOffset: number
  readonly epoch: number
  /** Of all that is in it but its offset and its epoch. */
  readonly crc: number
}

const HEADER_BYTES = 61

/** What a file has been found to have; only what was appended since is looked at again. */
interface ReadFile {
  readonly rewrites: number
  readonly entries: LogEntry[]
  /** Where the last whole batch ends. */
  end: number
}

/** The entries of a log, file by file. Those of a file get more, and are others where the file was cut. */
export type LogFiles = readonly (readonly LogEntry[])[]

/** Reads a node's log from its disk, again and again. */
export class LogReader {
  readonly #read = new WeakMap<SeenFile, ReadFile>()

  /** What the log has, in order. What is only half written at the end of a file is left out. */
  files(disk: SimDisk, directory: string): LogFiles {
    if (!disk.exists(directory)) return []
    const files = [...disk.filesOf(directory)].filter(([name]) => name.endsWith('.log'))
    files.sort(([left], [right]) => (left < right ? -1 : 1))
    return files.map(([, file]) => this.#entriesOf(file))
  }

  #entriesOf(file: SeenFile): readonly LogEntry[] {
    const { content, rewrites } = file
    let read = this.#read.get(file)
    if (read?.rewrites !== rewrites) {
      read = { rewrites, entries: [], end: 0 }
      this.#read.set(file, read)
    }
    while (read.end + HEADER_BYTES <= content.length) {
      const at = read.end
      const size = batchSizeBytes(content, at)
      if (size < HEADER_BYTES || at + size > content.length) break
      read.entries.push({
        offset: batchBaseOffset(content, at),
        nextOffset: batchNextOffset(content, at),
        epoch: batchLeaderEpoch(content, at),
        crc: batchCrc(content, at),
      })
      read.end += size
    }
    return read.entries
  }
}

/** What of a file was noted before. */
interface Noted {
  /** The entry before the file. */
  readonly previous: LogEntry | null
  readonly count: number
}

/** Raft: where two logs have an entry in common, they are the same up to there. */
export class LogMatching {
  /** By epoch and offset: whatever any log has had there. */
  readonly #entries = new Map<string, LogEntry & { readonly before: number | null }>()
  readonly #noted = new WeakMap<readonly LogEntry[], Noted>()

  /** @returns why the log doesn't match those that were noted before; null where it does */
  note(files: LogFiles): string | null {
    let previous: LogEntry | null = null
    for (const entries of files) {
      const noted = this.#noted.get(entries)
      const count = noted?.previous === previous ? noted.count : 0
      this.#noted.set(entries, { previous, count: entries.length })
      for (let at = count; at < entries.length; at++) {
        const wrong = this.#noteOne(entries[at]!, at > 0 ? entries[at - 1]! : previous)
        if (wrong !== null) return wrong
      }
      previous = entries.at(-1) ?? previous
    }
    return null
  }

  #noteOne(entry: LogEntry, previous: LogEntry | null): string | null {
    const { offset, epoch, crc } = entry
    // A log that is being replaced by a snapshot may still have what was before.
    const before = previous?.nextOffset === offset ? previous.epoch : null
    const at = `${epoch}@${offset}`
    const known = this.#entries.get(at)
    if (known === undefined || known.before === null) this.#entries.set(at, { ...entry, before })
    if (known === undefined) return null
    if (known.crc !== crc || known.nextOffset !== entry.nextOffset) {
      return `two batches stand at offset ${offset} in epoch ${epoch}`
    }
    if (before === null || known.before === null || before === known.before) return null
    return `the batch at offset ${offset} of epoch ${epoch} follows one of epoch ${before}, and elsewhere one of ${known.before}`
  }
}
