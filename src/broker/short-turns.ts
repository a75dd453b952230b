import { nextTurn } from '../handlers/turns.ts'
import type { Clock } from '../host/host.ts'

/** No further step is begun in a turn of the event loop that has taken so long. */
const TURN_MS = 10

/**
 * Takes all steps, and lets other work of the event loop have its turns in between.
 * @param isWanted asked before each step
 * @returns whether all were taken
 */
export async function inShortTurns(
  clock: Clock,
  steps: Iterable<void>,
  isWanted: () => boolean,
): Promise<boolean> {
  let since = clock.monotonic()
  const iterator = steps[Symbol.iterator]()
  while (isWanted()) {
    if (iterator.next().done === true) return true
    if (clock.monotonic() - since < TURN_MS) continue
    await nextTurn(clock)
    since = clock.monotonic()
  }
  return false
}
