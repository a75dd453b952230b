import type { Random } from '../host.ts'
import { seededRandom } from './random.ts'
import { Trace } from './trace.ts'

/** Instants are multiples of it, so that several things happen in one turn of a node's event loop now and then. */
const TICKS_PER_MS = 16

/** One life of a simulated node: from its start until it crashes. What is due for a life that has ended never happens. */
export interface Life {
  readonly name: string
  isOver: boolean
}

/** Something that is going to happen, unless it is cancelled or its life ends before. */
export interface SimEvent {
  cancel(): void
}

interface Due {
  tick: number
  /** 0: input and timers; 1: what a node does at the end of its turn. */
  readonly phase: number
  order: number
  readonly life: Life | null
  readonly label: string
  run: (() => void) | null
}

/**
 * The time and the order of everything in a simulation: one queue, one seed. An event runs, then all microtasks that it
 * has caused, then the next event. Nothing else may happen meanwhile, so a seed is repeated exactly, which the hash of
 * the trace proves.
 */
export class Scheduler {
  readonly seed: number
  /** For the world's own choices: delays, losses, faults. Nodes have their own numbers. */
  readonly random: Random
  readonly trace = new Trace()
  readonly #queue: Due[] = []
  /** What was due for lives that stand still. */
  readonly #held = new Map<Life, Due[]>()
  #tick = 0
  #order = 0

  constructor(seed: number) {
    this.seed = seed
    this.random = seededRandom(seed)
  }

  /** Milliseconds since the simulation began. */
  get now(): number {
    return this.#tick / TICKS_PER_MS
  }

  /** @param label what the trace calls it: nothing that differs between two runs of one seed */
  after(delayMs: number, label: string, run: () => void, life: Life | null = null): SimEvent {
    const ticks = Number.isFinite(delayMs) ? Math.max(0, Math.ceil(delayMs * TICKS_PER_MS)) : NEVER
    return this.#add(this.#tick + ticks, 0, label, run, life)
  }

  /** When all else that is due at this instant has happened. */
  endOfTurn(label: string, run: () => void, life: Life): SimEvent {
    return this.#add(this.#tick, 1, label, run, life)
  }

  /** A life stands still, as a process does that was sent SIGSTOP: what is due for it waits until it is resumed. */
  pause(life: Life): void {
    if (!this.#held.has(life)) this.#held.set(life, [])
  }

  resume(life: Life): void {
    const held = this.#held.get(life) ?? []
    this.#held.delete(life)
    for (const due of held) {
      due.tick = this.#tick
      due.order = this.#order++
      push(this.#queue, due)
    }
  }

  isPaused(life: Life): boolean {
    return this.#held.has(life)
  }

  /** A delay between two bounds, most of them short, as those of networks and disks are. */
  delay(leastMs: number, mostMs: number): number {
    const share = this.random.below(1 << 20) / (1 << 20)
    return leastMs + (mostMs - leastMs) * share ** 3
  }

  /**
   * Lets things happen until the condition holds, which is looked at between events.
   * @throws SimulationError where it doesn't within so much simulated time, or nothing is left to happen
   */
  async until(condition: () => boolean, limitMs: number, what: string): Promise<void> {
    const deadline = this.now + limitMs
    // What the caller has just begun may only be on its way to the queue.
    await macrotask()
    while (!condition()) {
      const next = this.#next()
      if (next === undefined) throw new SimulationError(`Nothing is left to happen before ${what}`)
      if (next.tick / TICKS_PER_MS > deadline) {
        throw new SimulationError(`Within ${limitMs} ms there was no ${what}`)
      }
      await this.#run(next)
    }
  }

  /** Lets so much time pass. */
  async pass(durationMs: number): Promise<void> {
    let isOver = false
    this.after(durationMs, 'pass', () => {
      isOver = true
    })
    await this.until(() => isOver, durationMs + 1, 'end of the time')
  }

  /** The result of something that the simulation has to bring about. */
  async resolve<Result>(promise: Promise<Result>, limitMs: number, what: string): Promise<Result> {
    let outcome: { readonly result: Result } | { readonly error: unknown } | null = null
    promise.then(
      (result) => void (outcome = { result }),
      (error: unknown) => void (outcome = { error }),
    )
    await this.until(() => outcome !== null, limitMs, what)
    const settled = outcome! as { readonly result: Result } | { readonly error: unknown }
    if ('error' in settled) throw settled.error
    return settled.result
  }

  #add(tick: number, phase: number, label: string, run: () => void, life: Life | null): SimEvent {
    const due: Due = { tick, phase, order: this.#order++, life, label, run }
    push(this.#queue, due)
    return {
      cancel: () => {
        due.run = null
      },
    }
  }

  /** The next event that still has somebody to happen to. */
  #next(): Due | undefined {
    for (;;) {
      const next = this.#queue[0]
      if (next === undefined) return next
      const isDue = next.run !== null && next.life?.isOver !== true
      const held = isDue && next.life !== null ? this.#held.get(next.life) : undefined
      if (isDue && held === undefined) return next
      pop(this.#queue)
      held?.push(next)
    }
  }

  async #run(due: Due): Promise<void> {
    pop(this.#queue)
    this.#tick = Math.max(this.#tick, due.tick)
    this.trace.add(this.#tick, due.life?.name ?? '', due.label)
    const { run } = due
    due.run = null
    run!()
    await macrotask()
  }
}

/** What a simulation came to is not what it should be. */
export class SimulationError extends Error {
  override readonly name = 'SimulationError'
}

const NEVER = Number.MAX_SAFE_INTEGER / 2

/** All microtasks run before it resolves. */
function macrotask(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

function isBefore(left: Due, right: Due): boolean {
  if (left.tick !== right.tick) return left.tick < right.tick
  if (left.phase !== right.phase) return left.phase < right.phase
  return left.order < right.order
}

/** A binary heap. */
function push(heap: Due[], due: Due): void {
  let at = heap.push(due) - 1
  while (at > 0) {
    const parent = (at - 1) >> 1
    if (!isBefore(due, heap[parent]!)) break
    heap[at] = heap[parent]!
    at = parent
  }
  heap[at] = due
}

function pop(heap: Due[]): void {
  const last = heap.pop()
  if (last === undefined || heap.length === 0) return
  let at = 0
  for (;;) {
    let child = 2 * at + 1
    if (child >= heap.length) break
    if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++
    if (!isBefore(heap[child]!, last)) break
    heap[at] = heap[child]!
    at = child
  }
  heap[at] = last
}
