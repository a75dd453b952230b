import type { NodeServices } from './services.ts'
import { nextTurn } from './turns.ts'

/** So many changes are decided, written and applied in a turn of the event loop: each takes up to 100 µs. */
export const CHANGES_AT_ONCE = 100

/** A partition that is made or removed is such a part of a change, wherever it is. */
const CHANGES_OF_PARTITION = 0.1

/** What a topic counts for with all its partitions. */
export const changesOfTopic = (partitions: number): number => 1 + CHANGES_OF_PARTITION * partitions

/**
 * Has many changes made a few in each turn, each few as one, so that others have their turns in between; they are committed
 * together, as far as they come to that: to wait for each few would take longer than all else. What has the same key stays
 * together, for whoever judges it must see that it was named twice.
 * @param timeoutMs for all of them; `make` is told what is left
 * @param changesOf for how many changes one counts
 * @returns the results in the order in which the keys were named first
 */
export async function inPieces<Item, Result>(
  { clock }: Pick<NodeServices, 'clock'>,
  items: readonly Item[],
  keyOf: (item: Item) => string,
  timeoutMs: number,
  make: (some: readonly Item[], timeoutMs: number) => Promise<readonly Result[]>,
  changesOf: (item: Item) => number = () => 1,
): Promise<readonly Result[]> {
  if (items.length === 0) return []
  const since = clock.monotonic()
  const asked: Promise<readonly Result[]>[] = []
  for (const piece of piecesOf(items, keyOf, changesOf)) {
    if (asked.length > 0) await nextTurn(clock)
    const made = make(piece, timeoutMs - (clock.monotonic() - since))
    // One that fails ends the waiting, and nobody listens to the others then; they are made all the same.
    made.catch(() => undefined)
    asked.push(made)
  }
  return (await Promise.all(asked)).flat()
}

function* piecesOf<Item>(
  items: readonly Item[],
  keyOf: (item: Item) => string,
  changesOf: (item: Item) => number,
) {
  const byKey = new Map<string, Item[]>()
  for (const item of items) {
    const key = keyOf(item)
    const same = byKey.get(key)
    if (same === undefined) byKey.set(key, [item])
    else same.push(item)
  }
  let piece: Item[] = []
  let changes = 0
  for (const same of byKey.values()) {
    for (const item of same) {
      piece.push(item)
      changes += changesOf(item)
    }
    if (changes < CHANGES_AT_ONCE) continue
    yield piece
    piece = []
    changes = 0
  }
  if (piece.length > 0) yield piece
}
