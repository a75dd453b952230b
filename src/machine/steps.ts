import type { Clock } from '../host/host.ts'

/** Work in steps, each of which is short enough for a turn of the event loop; its result comes with the last one. */
export type Steps<Result> = Generator<undefined, Result, undefined>

/** So many items are looked at, or made, in a step: a few milliseconds, where the machine has little else to do. */
export const ITEMS_IN_STEP = 1_000

/** All steps, one after the other. */
export function atOnce<Result>(steps: Steps<Result>): Result {
  for (;;) {
    const step = steps.next()
    if (step.done === true) return step.value
  }
}

/** One step in each turn of the event loop, the first one now. Rejects with what a step throws. */
export async function overTurns<Result>(
  clock: Pick<Clock, 'endOfTurn'>,
  steps: Steps<Result>,
): Promise<Result> {
  for (;;) {
    const step = steps.next()
    if (step.done === true) return step.value
    await new Promise<void>((resolve) => clock.endOfTurn(resolve))
  }
}
