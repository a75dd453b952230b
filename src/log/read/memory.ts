import type { Clock, Timer } from '../../host/host.ts'
import { type Place, Row } from '../base/row.ts'

/**
 * What a fetch is granted before it reads: as long as it reads, nobody knows how much that will be. An answer has no more,
 * but for a first batch that is larger by itself.
 */
export const GRANT_BYTES = 4 << 20

/**
 * Where others wait, an answer may take so long to be sent; clients themselves wait about as long for it. Then its client
 * loses its connection: a few dozen that stand still would keep everybody from reading.
 */
export const PATIENCE_MS = 30_000

/** An answer that was read and isn't sent yet. */
export interface MemoryHolder {
  /** It was not sent for a long time while others wait for memory. */
  overdue(): void
}

/** A holder, and the round in which it came: to ask for the time would cost each fetch something. */
interface Held {
  readonly holder: MemoryHolder
  readonly round: number
}

/** A fetch whose turn has not come. */
export interface MemoryWaiter {
  /** Its first batch is larger than what is granted. */
  readonly needsLargeBatch: boolean
  /** Called once, when what it waits for was granted to it. */
  granted(): void
}

/**
 * The bytes that were read for others (consumers, and replicas of the metadata log) and not sent yet. A consumer may ask for
 * fifty megabytes and then read them slowly, or not at all; a thousand such consumers must not take the node's memory. When it
 * is used up, fetches wait, in the order in which they came.
 *
 * No more is held than `maxBytes`, what one fetch is granted, and one large batch: of those one is read at a time, whatever
 * its size, so that each is read at last.
 */
export class FetchMemory {
  readonly #maxBytes: number
  readonly #clock: Pick<Clock, 'after' | 'endOfTurn'>
  readonly #patienceMs: number
  readonly #holders = new Row<Held>()
  #round = 0
  #patience: Timer | null = null
  /** In the order in which they came. */
  readonly #waiting = new Set<MemoryWaiter>()
  #heldBytes = 0
  #isLargeBatchRead = false
  #willWake = false

  constructor(
    maxBytes: number,
    clock: Pick<Clock, 'after' | 'endOfTurn'>,
    patienceMs = PATIENCE_MS,
  ) {
    this.#maxBytes = maxBytes
    this.#clock = clock
    this.#patienceMs = patienceMs
  }

  get heldBytes(): number {
    return this.#heldBytes
  }

  /** How many fetches wait. */
  get waitingCount(): number {
    return this.#waiting.size
  }

  /**
   * Grants a fetch what it may read at most, if nobody has to wait.
   * @returns false where it has to wait, too
   */
  grant(): boolean {
    return this.#waiting.size === 0 && this.#grantNow()
  }

  /** The same for a first batch of any size; `largeBatchRead` is called when its size is known. */
  grantLargeBatch(): boolean {
    return this.#waiting.size === 0 && this.#grantLargeBatchNow()
  }

  /**
   * What was granted has become so many bytes, which are held until `give`.
   * @returns the holder's place, for `give`; null where it holds nothing
   */
  settle(sizeBytes: number, holder: MemoryHolder): Place | null {
    const place = sizeBytes > 0 ? this.#holders.join({ holder, round: this.#round }) : null
    this.#add(sizeBytes - GRANT_BYTES)
    return place
  }

  largeBatchRead(): void {
    this.#isLargeBatchRead = false
    this.#wake()
  }

  give(sizeBytes: number, place: Place | null): void {
    place?.leave()
    this.#add(-sizeBytes)
  }

  /** Has the waiter called when its turn has come. */
  wait(waiter: MemoryWaiter): void {
    this.#waiting.add(waiter)
    this.#watch()
  }

  /** Looks for who holds now, and still does when nobody need wait so long. */
  #watch(): void {
    if (this.#patience !== null || this.#heldBytes < this.#maxBytes) return
    const round = ++this.#round
    this.#patience = this.#clock.after(this.#patienceMs, () => {
      this.#patience = null
      if (this.#heldBytes < this.#maxBytes) return
      for (const held of this.#holders.members()) if (held.round < round) held.holder.overdue()
      if (this.#waiting.size > 0) this.#watch()
    })
  }

  /** The waiter wants nothing any more: its place goes to the next one. */
  stopWaiting(waiter: MemoryWaiter): void {
    if (this.#waiting.delete(waiter)) this.#wake()
  }

  #grantNow(): boolean {
    if (this.#heldBytes >= this.#maxBytes) return false
    this.#heldBytes += GRANT_BYTES
    return true
  }

  #grantLargeBatchNow(): boolean {
    if (this.#isLargeBatchRead || !this.#grantNow()) return false
    this.#isLargeBatchRead = true
    return true
  }

  #add(sizeBytes: number): void {
    this.#heldBytes += sizeBytes
    this.#wake()
  }

  /** One fetch in a turn of the event loop: reading takes its time, and others want to be served meanwhile. */
  #wake(): void {
    if (this.#waiting.size === 0 || this.#willWake || this.#heldBytes >= this.#maxBytes) return
    this.#willWake = true
    this.#clock.endOfTurn(() => {
      this.#willWake = false
      const [first] = this.#waiting
      if (first === undefined) return
      const isGranted = first.needsLargeBatch ? this.#grantLargeBatchNow() : this.#grantNow()
      if (!isGranted) return
      this.#waiting.delete(first)
      first.granted()
      // What it was granted may be all that there was.
      if (this.#waiting.size > 0) this.#watch()
      this.#wake()
    })
  }
}
