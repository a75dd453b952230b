import type { Host, Random } from '../../src/host/host.ts'
import { SimDisk, type SimDiskOptions } from '../../src/host/sim-disk.ts'
import { realHost } from './support.ts'

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

export function simulatedHost(disk: SimDisk, random: Random = seeded(1)): Host {
  return { ...realHost(), disk, random }
}

export function simulatedDisk(options: Partial<SimDiskOptions> = {}): SimDisk {
  return new SimDisk({ random: seeded(1), ...options })
}
