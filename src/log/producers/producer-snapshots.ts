import type { Disk } from '../../host/host.ts'
import { segmentFileName } from '../base/paths.ts'
import type { ProducerEntry } from './producer-entry.ts'
import { decodeProducerSnapshot, encodeProducerSnapshot } from './producer-snapshot.ts'
import type { ProducerState } from './producer-state.ts'
import { readIfThere, replaceContent, syncIfThere } from '../base/files.ts'
import type { OpenFiles } from '../base/open-files.ts'

type Crc32c = (bytes: Uint8Array) => number

/** The `.snapshot` files of a log: what was known of its producers at some offsets. */
export class ProducerSnapshots {
  readonly #disk: Disk
  readonly #crc32c: Crc32c
  readonly #path: string
  /** Rising. */
  #offsets: number[]
  readonly #unsynced = new Set<number>()

  constructor(disk: Disk, crc32c: Crc32c, path: string, offsets: readonly number[]) {
    this.#disk = disk
    this.#crc32c = crc32c
    this.#path = path
    this.#offsets = [...offsets].sort((one, other) => one - other)
  }

  get offsets(): readonly number[] {
    return this.#offsets
  }

  filePath(offset: number): string {
    return `${this.#path}/${segmentFileName(offset, 'snapshot')}`
  }

  /** Writes one, unless there is one of this offset or a later one. */
  take(state: ProducerState, offset: number): void {
    if (offset <= (this.#offsets.at(-1) ?? 0)) return
    const content = encodeProducerSnapshot(state.producers, this.#crc32c)
    replaceContent(this.#disk, this.filePath(offset), content)
    this.#offsets.push(offset)
    this.#unsynced.add(offset)
  }

  /** Makes durable those that were taken. */
  async sync(files: OpenFiles): Promise<void> {
    for (const offset of this.#unsynced) {
      this.#unsynced.delete(offset)
      await syncIfThere(files, this.filePath(offset))
    }
  }

  /** The latest one at or before this offset that is sound; damaged ones are removed. */
  latest(offset: number): { offset: number; entries: ProducerEntry[] } | null {
    for (let index = this.#offsets.length - 1; index >= 0; index--) {
      const at = this.#offsets[index]!
      if (at > offset) continue
      const file = readIfThere(this.#disk, this.filePath(at))
      const entries = file === null ? null : decodeProducerSnapshot(file, this.#crc32c)
      if (entries !== null) return { offset: at, entries }
      this.removeWhere((each) => each === at)
    }
    return null
  }

  removeWhere(isUnwanted: (offset: number) => boolean): void {
    const unwanted = this.#offsets.filter(isUnwanted)
    if (unwanted.length === 0) return
    this.#offsets = this.#offsets.filter((offset) => !isUnwanted(offset))
    for (const offset of unwanted) {
      if (this.#disk.exists(this.filePath(offset))) this.#disk.remove(this.filePath(offset))
    }
  }

  /** Keeps those at the beginning of a segment, and the latest. */
  removeStray(baseOffsets: ReadonlySet<number>): void {
    const latest = this.#offsets.at(-1)
    this.removeWhere((offset) => offset !== latest && !baseOffsets.has(offset))
  }
}
