/**
 * The partition that Java's producers choose for a key, so that the same key goes where theirs does: murmur2, made
 * positive, modulo the number of partitions.
 */
export function partitionForKey(key: Uint8Array, partitionCount: number): number {
  return (murmur2(key) & 0x7fffffff) % partitionCount
}

const SEED = 0x9747b28c
const MULTIPLIER = 0x5bd1e995

/** Austin Appleby's MurmurHash2, 32 bits, with the seed that Kafka's clients agreed on. */
export function murmur2(bytes: Uint8Array): number {
  const { length } = bytes
  let hash = SEED ^ length
  const mix = (word: number): number => {
    const product = Math.imul(word, MULTIPLIER)
    return Math.imul(product ^ (product >>> 24), MULTIPLIER)
  }
  let at = 0
  for (; at + 4 <= length; at += 4) {
    const word =
      bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
    hash = Math.imul(hash, MULTIPLIER) ^ mix(word)
  }
  if (at < length) {
    let rest = 0
    for (let index = length - 1; index >= at; index--) rest = (rest << 8) | bytes[index]!
    hash = Math.imul(hash ^ rest, MULTIPLIER)
  }
  hash = Math.imul(hash ^ (hash >>> 13), MULTIPLIER)
  return hash ^ (hash >>> 15)
}
