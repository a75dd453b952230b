import type { Logger } from '../../host/host.ts'
import { alignCopy, copyNext } from '../../log/copying.ts'
import type { Log } from '../../log/log.ts'
import type { MoveBudget } from './move-budget.ts'
import type { Partition } from '../partition/partition.ts'

/** So much is copied at a time; others are served in between. */
const SLICE_BYTES = 1 << 20
/** Appends are held for the last part when it is no longer than this. */
const LAST_PART_BYTES = 1 << 20

/** What a move needs of the logs, and of the cluster. */
export interface MoveServices {
  readonly log: Logger
  readonly budget: MoveBudget
  promoteFuture(future: Log): Promise<Log>
  /** Tells the cluster where the replica is; resolves when it knows. Never rejects; may never resolve. */
  report(directoryId: string): Promise<void>
}

/** How far the cluster knows of a move: it has to before the copy takes its log's place. */
type Assignment = 'unasked' | 'asked' | 'accepted'

/**
 * One replica on its way to another directory of its broker (KIP-113): its records are copied while it is written to and
 * read; when the copy is complete and the cluster knows where it will be (KIP-858), it takes the log's place.
 */
export class DirectoryMove {
  readonly partition: Partition
  readonly source: Log
  readonly copy: Log
  readonly #services: MoveServices
  #assignment: Assignment = 'unasked'
  /** How often the log had been cut when the copy was last held against it. */
  #alignedTruncations = -1
  #isCancelled = false
  #wasPromoted = false
  #wake: () => void = () => undefined
  readonly #cleaning: Promise<() => void>

  constructor(partition: Partition, source: Log, copy: Log, services: MoveServices) {
    this.partition = partition
    this.source = source
    this.copy = copy
    this.#services = services
    // What is clean in the log has to be clean in its copy.
    this.#cleaning = source.pauseCleaning()
  }

  get isCancelled(): boolean {
    return this.#isCancelled
  }

  /** The copy is in its place, or about to be. */
  get wasPromoted(): boolean {
    return this.#wasPromoted
  }

  /** The move has come to nothing: its log may be cleaned again. */
  resumeCleaning(): void {
    void this.#cleaning.then((resume) => resume())
  }

  /** Ends at the next occasion, without a result. */
  cancel(): void {
    this.#isCancelled = true
    this.#wake()
  }

  /**
   * Takes one step.
   * @returns false when nothing is left to do: the copy is in its place, or the move is cancelled
   * @throws CopyError, StorageError
   */
  async step(): Promise<boolean> {
    if (this.#isCancelled) return false
    await this.#cleaning
    await this.#align()
    await this.#services.budget.ready(() => !this.#isCancelled)
    if (this.#isCancelled) return false
    // What comes while this is copied doesn't count: whoever writes all the time would never let the copy be complete.
    const { logEndOffset } = this.source
    await this.#copy()
    if (this.#isCancelled) return false
    if (this.copy.logEndOffset < logEndOffset) return true
    switch (this.#assignment) {
      case 'unasked':
        await this.copy.flush()
        this.#assignment = 'asked'
        void this.#services.report(this.copy.directoryId!).then(() => {
          this.#assignment = 'accepted'
          this.#wake()
        })
        return true
      case 'asked':
        await this.#woken()
        return true
      case 'accepted':
        return !(await this.#takePlace())
    }
  }

  async #copy(): Promise<number> {
    const { budget } = this.#services
    const bytes = await copyNext(this.source, this.copy, budget.atOnce(SLICE_BYTES))
    budget.spend(bytes)
    return bytes
  }

  /** Who follows a new leader may have cut off what the copy has. */
  async #align(): Promise<void> {
    const { truncations } = this.source
    if (truncations === this.#alignedTruncations) return
    await alignCopy(this.source, this.copy)
    this.#alignedTruncations = truncations
  }

  /** When the cluster knows of the move, or it is cancelled. */
  #woken(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve
      if (this.#isCancelled || this.#assignment === 'accepted') resolve()
    })
  }

  /** Appends wait for as long as it takes to copy the last part and rename the directory. */
  async #takePlace(): Promise<boolean> {
    const { partition, source, copy } = this
    await partition.unsettled
    const resume = partition.holdAppends()
    try {
      await source.whenIdle()
      await this.#align()
      for (let bytes = 0; source.logEndOffset > copy.logEndOffset;) {
        bytes += await this.#copy()
        if (bytes > LAST_PART_BYTES || this.#isCancelled) return false
      }
      if (this.#isCancelled || partition.log !== source || source.isOffline) return false
      this.#wasPromoted = true
      const log = await this.#services.promoteFuture(copy).catch((error: unknown) => {
        this.#wasPromoted = false
        throw error
      })
      partition.replaceLog(log)
      const { path } = log
      this.#services.log.info({ from: source.directoryPath, path }, 'A replica has moved')
      return true
    } finally {
      resume()
    }
  }
}
