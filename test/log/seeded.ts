import type { Host, Random } from '../../src/host/host.ts'
import { inlineWorkers } from '../../src/host/sim/workers.ts'
import { SimDisk, type SimDiskOptions } from '../../src/host/sim/disk.ts'
import { codecs, realHost } from './support.ts'

/** The same numbers for the same seed. */
export function seeded(seed: number): Random {
  let state = seed * 2654435761 + 1
  const next = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 0x100000000
  }
  return {
    below: (limit) => Math.floor(next() * limit),
    bytes: (length) => Buffer.from(Array.from({ length }, () => Math.floor(next() * 256))),
  }
}

/**
 * A host with that disk. No time passes by its monotonic clock: on a busy machine writes would be slow, and left to threads that
 * a test has stopped.
 */
export function simulatedHost(disk: SimDisk, random: Random = seeded(1)): Host {
  const host = realHost()
  const clock = { ...host.clock, monotonic: () => 0 }
  const later = <Result>(work: () => Result): Promise<Result> => disk.later(work)
  const workers = inlineWorkers({ disk, codecs, clock, later })
  return { ...host, clock, disk, random, workers }
}

export function simulatedDisk(options: Partial<SimDiskOptions> = {}): SimDisk {
  return new SimDisk({ random: seeded(1), ...options })
}
