import { randomBytes, randomInt } from 'node:crypto'
import type { Random } from './host.ts'

/** Randomness that cannot be predicted, from the operating system. */
export function systemRandom(): Random {
  return {
    bytes: (length) => randomBytes(length),
    below: (limit) => randomInt(limit),
  }
}
