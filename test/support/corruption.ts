import { randomIntegers } from '../soak.ts'

/** Lengths and counts at the edges of their types, as they stand on the wire. */
const LENGTHS = [
  '7fffffff',
  'ffffffff',
  'fffffffe',
  '80000000',
  '00ffffff',
  '7fff',
  'ffff',
  'fffe',
  '8000',
  'ffffffff0f',
  'ffffffff1f',
  'ffffffffff',
  '8080808000',
  'ffffff7f',
  'ff7f',
  '7f',
  '00',
].map((text) => Buffer.from(text, 'hex'))

/** What becomes of good bytes on their way to somebody who is to refuse them; all of it follows from the seed. */
export class Corruption {
  readonly random: (bound: number) => number
  readonly #ways: Readonly<Record<string, (bytes: Buffer) => Buffer>> = {
    truncated: (bytes) => bytes.subarray(0, this.random(bytes.length + 1)),
    'length overwritten': (bytes) => {
      const copy = Buffer.from(bytes)
      for (let count = 1 + this.random(3); count > 0; count--) {
        this.pick(LENGTHS).copy(copy, this.random(copy.length + 1))
      }
      return copy
    },
    'length inserted': (bytes) => {
      const at = this.random(bytes.length + 1)
      return Buffer.concat([bytes.subarray(0, at), this.pick(LENGTHS), bytes.subarray(at)])
    },
    'bytes changed': (bytes) => {
      const copy = Buffer.from(bytes)
      for (let count = 1 + this.random(8); count > 0 && copy.length > 0; count--) {
        copy[this.random(copy.length)] = this.random(256)
      }
      return copy
    },
    'piece taken out': (bytes) => {
      const at = this.random(bytes.length + 1)
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + this.random(16))])
    },
    'tail of noise': (bytes) =>
      Buffer.concat([
        bytes.subarray(0, this.random(bytes.length + 1)),
        this.noise(this.random(64)),
      ]),
    noise: () => this.noise(this.random(256)),
    'one byte all over': () =>
      Buffer.alloc(this.random(2_000), this.random(4) === 0 ? this.random(256) : this.random(3)),
  }

  constructor(seed: number) {
    this.random = randomIntegers(seed)
  }

  readonly pick = <T>(items: readonly T[]): T => items[this.random(items.length)]!

  /** Bytes of nobody's. */
  readonly noise = (size: number): Buffer =>
    Buffer.from(Array.from({ length: size }, () => this.random(256)))

  /** A length of the wire, at the edge of its type. */
  length(): Buffer {
    return this.pick(LENGTHS)
  }

  /** Chooses one of the ways; says in words which. */
  choose(): readonly [way: string, corrupt: (bytes: Buffer) => Buffer] {
    return this.pick(Object.entries(this.#ways))
  }
}
