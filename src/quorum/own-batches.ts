import { batchNextOffset } from '../../protocol/records/batch.ts'
import type { AppendResult } from '../log/base/results.ts'
import type { Log } from '../log/log.ts'
import type { AppendDone, OwnBatch } from './committed-reader.ts'
import { QuorumLogError } from './replica-log.ts'

/** A batch that isn't in the log yet. */
type Unwritten = Pick<OwnBatch, 'batch' | 'baseOffset'>

/**
 * What this node appends as the leader. A batch has its offsets as soon as it is made, so that whoever made it can count on
 * them; it is written in its turn.
 */
export class OwnBatches {
  readonly #log: Log
  readonly #expect: (batch: OwnBatch) => void
  #unwritten: Unwritten[] = []
  #nextOffset: number

  /** @param expect told of each batch when it has its offsets */
  constructor(log: Log, expect: (batch: OwnBatch) => void) {
    this.#log = log
    this.#expect = expect
    this.#nextOffset = log.logEndOffset
  }

  /** The offset of the next record, those under way counted. */
  get nextOffset(): number {
    return this.#nextOffset
  }

  /** @param done null when committed and delivered, else why not */
  add(batch: Buffer, done: AppendDone | null): void {
    const baseOffset = this.#nextOffset
    const nextOffset = batchNextOffset(batch, 0) + baseOffset
    this.#nextOffset = nextOffset
    this.#unwritten.push({ batch, baseOffset })
    this.#expect({ batch, baseOffset, nextOffset, done })
  }

  /**
   * Writes what was added since.
   * @returns whether there was anything
   * @throws QuorumLogError
   */
  async write(epoch: number): Promise<boolean> {
    const unwritten = this.#unwritten
    if (unwritten.length === 0) return false
    this.#unwritten = []
    const results = await Promise.all(
      unwritten.map(
        ({ batch }) =>
          new Promise<AppendResult>((resolve) => this.#log.append(batch, epoch, 'raft', resolve)),
      ),
    )
    results.forEach(({ errorCode, errorMessage, baseOffset }, index) => {
      const expected = unwritten[index]!.baseOffset
      if (errorCode === 'NONE' && baseOffset === expected) return
      const what = errorMessage ?? `at ${baseOffset}, not ${expected}`
      throw new QuorumLogError(`Append failed: ${errorCode}, ${what}`)
    })
    return true
  }

  /** What isn't written never is: the lead is lost, or somebody else has written, or the log was cut. */
  goOnAtLogEnd(): void {
    this.#unwritten = []
    this.#nextOffset = this.#log.logEndOffset
  }
}
