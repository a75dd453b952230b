/**
 * Tests that grow: small in `npm test`, large in `npm run soak`, which sets OTTLA_SOAK and runs those whose name has
 * the word soak. What they do follows from a seed; their name says it, and OTTLA_SEED repeats it.
 */
export const soaking = process.env['OTTLA_SOAK'] === '1'

/** A new seed for each run, unless OTTLA_SEED gives one. */
export const seed = Number(process.env['OTTLA_SEED'] ?? Math.floor(Math.random() * 2 ** 31))

/** A number for `npm test` and one for the soak. */
export function scale(normal: number, soak: number): number {
  return soaking ? soak : normal
}

/** A seed for one of several that are run from the same one. It stays within 32 bits: a longer sum would forget where it began. */
export function seedOf(name: string, from: number): number {
  let sum = from
  for (const letter of name) sum = (Math.imul(31, sum) + letter.charCodeAt(0)) >>> 0
  return sum
}

/** Pseudo-random integers from 0 up to, but without, the bound (mulberry32). */
export function randomIntegers(from: number): (bound: number) => number {
  let state = from >>> 0
  return (bound) => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * bound)
  }
}
