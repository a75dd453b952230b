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
  #isCaughtUp = false
  #waiting: (() => void)[] = []

  /** Everything committed, as of the last batch; empty until `whenCaughtUp`. */
  get image(): MetadataImage {
    return this.#replay.image
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

  loadSnapshot(id: LogPosition, snapshot: LoadedSnapshot): void {
    // [KIP-1170] What the cluster begins with is written to the log, and counts from there.
    if (isBootstrap(id)) return
    this.#replay.loadSnapshot(id, snapshot)
    this.#build()
  }

  committed(batch: CommittedBatch): void {
    this.#replay.apply(batch)
    this.#build()
  }

  /** Everything known to be committed was told. */
  caughtUp(): void {
    if (this.#isCaughtUp) return
    this.#isCaughtUp = true
    this.#replay.build()
    for (const resolve of this.#waiting.splice(0)) resolve()
  }

  #build(): void {
    // Before anybody listens one image for the whole log is enough.
    if (!this.#isCaughtUp) return
    const delta = this.#replay.build()
    if (delta !== null) for (const listener of this.#listeners) listener(delta, this.image)
  }
}
