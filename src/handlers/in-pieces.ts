import type { NodeServices } from './services.ts'
import { nextTurn } from './turns.ts'

/** So many changes are decided, written and applied in a turn of the event loop: each takes up to 100 µs. */
export const CHANGES_AT_ONCE = 100

/**
 * Has many changes made a few at a time, each few as one, so that others have their turns in between. What has the same key
 * stays together, for whoever judges it must see that it was named twice.
 * @param timeoutMs for all of them; `make` is told what is left
 * @returns the results in the order in which the keys were named first
 */
export async function inPieces<Item, Result>(
  { clock }: Pick<NodeServices, 'clock'>,
  items: readonly Item[],
  keyOf: (item: Item) => string,
  timeoutMs: number,
  make: (some: readonly Item[], timeoutMs: number) => Promise<readonly Result[]>,
): Promise<readonly Result[]> {
  if (items.length === 0) return []
  if (items.length <= CHANGES_AT_ONCE) return make(items, timeoutMs)
  const since = clock.monotonic()
  const results: Result[] = []
  let isFirst = true
  for (const piece of piecesOf(items, keyOf)) {
    if (!isFirst) await nextTurn(clock)
    isFirst = false
    const made = await make(piece, timeoutMs - (clock.monotonic() - since))
    for (const result of made) results.push(result)
  }
  return results
}

function* piecesOf<Item>(items: readonly Item[], keyOf: (item: Item) => string) {
  const byKey = new Map<string, Item[]>()
  for (const item of items) {
    const key = keyOf(item)
    const same = byKey.get(key)
    if (same === undefined) byKey.set(key, [item])
    else same.push(item)
  }
  let piece: Item[] = []
  for (const same of byKey.values()) {
    for (const item of same) piece.push(item)
    if (piece.length < CHANGES_AT_ONCE) continue
    yield piece
    piece = []
  }
  if (piece.length > 0) yield piece
}
