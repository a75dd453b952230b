import type { Disk, Logger } from '../../host/host.ts'
import { formatOffsetCheckpoint, parseOffsetCheckpoint } from '../state/checkpoints.ts'
import { readIfThere } from '../base/files.ts'
import { Flusher } from '../base/flusher.ts'

const CLEANER_CHECKPOINT = 'cleaner-offset-checkpoint'

export interface CleanerOffsetsOptions {
  readonly disk: Disk
  readonly log: Logger
  /** The log directory. */
  readonly directory: string
  /** Whether the directory has this partition: what is said of others isn't written. */
  has(name: string): boolean
  /** Whether nothing may be written any more. */
  isClosed(): boolean
  onFailed(error: unknown): void
}

/** Up to where each compacted partition of a log directory is clean: `cleaner-offset-checkpoint`, in Kafka's format. */
export class CleanerOffsets {
  readonly #options: CleanerOffsetsOptions
  readonly #path: string
  #offsets = new Map<string, number>()
  readonly #saver: Flusher

  constructor(options: CleanerOffsetsOptions) {
    this.#options = options
    this.#path = `${options.directory}/${CLEANER_CHECKPOINT}`
    this.#saver = new Flusher(() => this.#write())
  }

  /** Reads the file; a damaged one is as if it weren't there. */
  load(): void {
    const { disk, log } = this.#options
    const content = readIfThere(disk, this.#path)
    if (content === null) return
    const offsets = parseOffsetCheckpoint(content.toString())
    if (offsets === null) {
      log.warn({ path: this.#path }, 'The checkpoint is damaged and is ignored')
    }
    this.#offsets = offsets ?? new Map<string, number>()
  }

  /** @returns undefined where the partition was never cleaned */
  get(name: string): number | undefined {
    return this.#offsets.get(name)
  }

  set(name: string, offset: number): void {
    if (this.#offsets.get(name) === offset) return
    this.#offsets.set(name, offset)
    void this.save()
  }

  /** The log ends here now: what was said of more isn't true any more. */
  lower(name: string, offset: number): void {
    if ((this.#offsets.get(name) ?? -1) > offset) this.set(name, offset)
  }

  remove(name: string): void {
    if (this.#offsets.delete(name)) void this.save()
  }

  /** Resolves when what is known now is durable, or the directory has failed. */
  async save(): Promise<void> {
    try {
      await this.#saver.flush()
    } catch (error) {
      if (!this.#options.isClosed()) this.#options.onFailed(error)
    }
  }

  async #write(): Promise<void> {
    const { disk, has, isClosed } = this.#options
    if (isClosed()) return
    const known = new Map([...this.#offsets].filter(([name]) => has(name)))
    await disk.replaceFileAsync(this.#path, formatOffsetCheckpoint(known))
  }
}
