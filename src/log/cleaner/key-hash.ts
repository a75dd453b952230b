/** Words of a hash. */
export const HASH_WORDS = 4
export const SECRET_BYTES = 16

/**
 * SipHash-2-4 with 128 bits: stands for a key in the table of a clean. Two keys of one hash would be one to the cleaner,
 * and a record would be lost. Kafka takes MD5, for which such keys can be made; this hash has a secret that is new for
 * every clean, and needs no call out of the engine.
 */
export class KeyHash {
  /** Of the bytes hashed last. */
  readonly words = new Int32Array(HASH_WORDS)
  /** v0 to v3 of the specification, each with its lower half first. */
  readonly #state = new Int32Array(8)
  readonly #secret: readonly number[]

  /** @param secret of SECRET_BYTES */
  constructor(secret: Uint8Array) {
    const bytes = Buffer.from(secret.buffer, secret.byteOffset, SECRET_BYTES)
    this.#secret = [0, 4, 8, 12].map((at) => bytes.readInt32LE(at))
  }

  /** Hashes the bytes from `start` up to `end`. */
  update(bytes: Buffer, start: number, end: number): void {
    const state = this.#state
    this.#begin()
    let at = start
    for (; end - at >= 8; at += 8) absorb(state, readWord(bytes, at), readWord(bytes, at + 4))
    let low = 0
    let high = (end - start) << 24
    for (let index = 0; at + index < end; index++) {
      const byte = bytes[at + index]!
      if (index < 4) low |= byte << (8 * index)
      else high |= byte << (8 * (index - 4))
    }
    absorb(state, low, high)
    state[4]! ^= 0xee
    this.#squeeze(0)
    state[2]! ^= 0xdd
    this.#squeeze(2)
  }

  #begin(): void {
    const [k0 = 0, k1 = 0, k2 = 0, k3 = 0] = this.#secret
    const state = this.#state
    state[0] = k0 ^ 0x70736575
    state[1] = k1 ^ 0x736f6d65
    state[2] = k2 ^ 0x6e646f6d ^ 0xee
    state[3] = k3 ^ 0x646f7261
    state[4] = k0 ^ 0x6e657261
    state[5] = k1 ^ 0x6c796765
    state[6] = k2 ^ 0x79746573
    state[7] = k3 ^ 0x74656462
  }

  #squeeze(word: number): void {
    const state = this.#state
    for (let count = 0; count < 4; count++) mix(state)
    this.words[word] = state[0]! ^ state[2]! ^ state[4]! ^ state[6]!
    this.words[word + 1] = state[1]! ^ state[3]! ^ state[5]! ^ state[7]!
  }
}

function readWord(bytes: Buffer, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
}

function absorb(state: Int32Array, low: number, high: number): void {
  state[6]! ^= low
  state[7]! ^= high
  mix(state)
  mix(state)
  state[0]! ^= low
  state[1]! ^= high
}

/** SipRound, on halves of 32 bits. */
function mix(state: Int32Array): void {
  let a = state[0]!
  let b = state[1]!
  let c = state[2]!
  let d = state[3]!
  let e = state[4]!
  let f = state[5]!
  let g = state[6]!
  let h = state[7]!
  let kept = 0

  a = (a + c) | 0
  b = (b + d + (a >>> 0 < c >>> 0 ? 1 : 0)) | 0
  kept = c
  c = ((c << 13) | (d >>> 19)) ^ a
  d = ((d << 13) | (kept >>> 19)) ^ b
  kept = a
  a = b
  b = kept

  e = (e + g) | 0
  f = (f + h + (e >>> 0 < g >>> 0 ? 1 : 0)) | 0
  kept = g
  g = ((g << 16) | (h >>> 16)) ^ e
  h = ((h << 16) | (kept >>> 16)) ^ f

  a = (a + g) | 0
  b = (b + h + (a >>> 0 < g >>> 0 ? 1 : 0)) | 0
  kept = g
  g = ((g << 21) | (h >>> 11)) ^ a
  h = ((h << 21) | (kept >>> 11)) ^ b

  e = (e + c) | 0
  f = (f + d + (e >>> 0 < c >>> 0 ? 1 : 0)) | 0
  kept = c
  c = ((c << 17) | (d >>> 15)) ^ e
  d = ((d << 17) | (kept >>> 15)) ^ f

  state[0] = a
  state[1] = b
  state[2] = c
  state[3] = d
  state[4] = f
  state[5] = e
  state[6] = g
  state[7] = h
}
