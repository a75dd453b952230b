import type { Clock } from '../host.ts'
import type { Life, Scheduler } from './scheduler.ts'

/** 2026-01-01, so that times in a trace are easy to read. */
const FIRST_WALL_MS = Date.UTC(2026, 0, 1)

/** How far a machine's wall clock is off; it outlives its node's crashes. */
export interface WallClock {
  offsetMs: number
}

/** The simulation's time, as one life of a node sees it. */
export function simClock(scheduler: Scheduler, life: Life, wall: WallClock): Clock {
  return {
    now: () => Math.floor(FIRST_WALL_MS + scheduler.now + wall.offsetMs),
    monotonic: () => scheduler.now,
    after: (delayMs, callback) => scheduler.after(delayMs, 'timer', callback, life),
    endOfTurn: (callback) => void scheduler.endOfTurn('end of turn', callback, life),
    afterTask: (callback) => void Promise.resolve().then(() => life.isOver || callback()),
  }
}
