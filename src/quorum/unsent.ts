import type { Clock } from '../host/host.ts'
import { FetchMemory, type MemoryHolder } from '../log/read/memory.ts'
import { isKeyOf } from './rules.ts'
import type { ReplicaKey } from './types.ts'

const VOTERS_BYTES = 16 << 20
const OTHERS_BYTES = 32 << 20
/** Nodes of a quorum give an answer up that takes longer than `controller.quorum.request.timeout.ms`: 2 s, unless told otherwise. */
const PATIENCE_MS = 5000

/** Who has asked for bytes, by a connection of its own. */
export interface Asker {
  /** Calls back when its answer was sent, or never will be. */
  afterSent(callback: () => void): void
  /** It takes nothing of its answer, and others wait for the memory. */
  dismiss(): void
}

/**
 * Has a budget for what was read for other nodes and not sent yet. Voters have one of their own: whoever else asks and takes
 * nothing must not keep the quorum from committing.
 */
export class UnsentMemory {
  readonly #voters: FetchMemory
  readonly #others: FetchMemory

  constructor(clock: Pick<Clock, 'after' | 'endOfTurn'>) {
    this.#voters = new FetchMemory(VOTERS_BYTES, clock, PATIENCE_MS)
    this.#others = new FetchMemory(OTHERS_BYTES, clock, PATIENCE_MS)
  }

  of(isVoter: boolean): FetchMemory {
    return isVoter ? this.#voters : this.#others
  }

  for(replica: ReplicaKey, voters: readonly ReplicaKey[]): FetchMemory {
    return this.of(voters.some((voter) => isKeyOf(replica, voter)))
  }
}

/**
 * What was granted for a read has become so many bytes, which are held until all who get them have been sent them.
 * @param askers none of whom was answered yet
 */
export function holdUntilSent(
  memory: FetchMemory,
  sizeBytes: number,
  askers: readonly Asker[],
): void {
  const waiting = new Set(askers)
  const holder: MemoryHolder = {
    overdue: () => {
      for (const asker of waiting) asker.dismiss()
    },
  }
  const place = memory.settle(sizeBytes, holder)
  if (waiting.size === 0) return memory.give(sizeBytes, place)
  for (const asker of askers) {
    asker.afterSent(() => {
      waiting.delete(asker)
      if (waiting.size === 0) memory.give(sizeBytes, place)
    })
  }
}

/** Resolves when a read is granted, in its turn. */
export function granted(memory: FetchMemory): Promise<void> {
  return new Promise((resolve) => {
    if (memory.grant()) resolve()
    else memory.wait({ needsLargeBatch: false, granted: resolve })
  })
}
