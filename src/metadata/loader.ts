import type { Clock } from '../host/host.ts'
import { overTurns } from '../machine/steps.ts'
import type { CommittedBatch } from '../quorum/committed-reader.ts'
import type { LoadedSnapshot } from '../quorum/snapshot.ts'
import type { LogPosition } from '../quorum/types.ts'
import { isBootstrap } from './bootstrap.ts'
import type { MetadataDelta, MetadataImage } from './image.ts'
import { Replay } from './replay.ts'

export type ChangeListener = (delta: MetadataDelta, image: MetadataImage) => void

/** Follows the metadata log: makes images of what is committed, and tells what each one changed. */
export class MetadataLoader {
  readonly #replay = new Replay()
  readonly #listeners = new Set<ChangeListener>()
  readonly #clock: Pick<Clock, 'endOfTurn'>
  #isCaughtUp = false
  #isLoading = false
  #waiting: (() => void)[] = []

  constructor(clock: Pick<Clock, 'endOfTurn'>) {
    this.#clock = clock
  }

  /** Everything committed, as of the last batch; empty until `whenCaughtUp`. */
  get image(): MetadataImage {
    return this.#replay.image
  }

  /** Whether the image is all that was told: not within a transaction, or while a snapshot is being loaded. */
  get isWhole(): boolean {
    return !this.#isLoading && !this.#replay.isInTransaction
  }

  /** The log as told so far ends within a transaction. */
  get isInTransaction(): boolean {
    return this.#replay.isInTransaction
  }

  /** Calls back after each committed batch that changes something, before its replies. Returns the way to stop it. */
  onChange(listener: ChangeListener): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /** Resolves when the image has all that was known to be committed at the start. */
  whenCaughtUp(): Promise<void> {
    if (this.#isCaughtUp) return Promise.resolve()
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  /** Resolves when the image is that of the snapshot, over some turns of the event loop; nothing else is told before. */
  async loadSnapshot(id: LogPosition, snapshot: LoadedSnapshot): Promise<void> {
    // [KIP-1170] What the cluster begins with is written to the log, and counts from there.
    if (isBootstrap(id)) return
    this.#isLoading = true
    await overTurns(this.#clock, this.#replay.loadInSteps(id, snapshot))
    if (this.#isCaughtUp) this.#tell(await overTurns(this.#clock, this.#replay.buildInSteps()))
    this.#isLoading = false
  }

  committed(batch: CommittedBatch): void {
    this.#replay.apply(batch)
    // Before anybody listens one image for the whole log is enough.
    if (this.#isCaughtUp && batch.hasMore !== true) this.#tell(this.#replay.build())
  }

  /** Everything known to be committed was told. */
  caughtUp(): void {
    if (this.#isCaughtUp) return
    this.#isCaughtUp = true
    this.#replay.build()
    for (const resolve of this.#waiting.splice(0)) resolve()
  }

  #tell(delta: MetadataDelta | null): void {
    if (delta !== null) for (const listener of this.#listeners) listener(delta, this.image)
  }
}
