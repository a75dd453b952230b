/** Java's String.hashCode: over UTF-16 units, in 32 bits. Which broker coordinates a key follows from it. */
export function javaHash(text: string): number {
  let hash = 0
  for (let index = 0; index < text.length; index++) {
    hash = (Math.imul(hash, 31) + text.charCodeAt(index)) | 0
  }
  return hash
}

/** The partition of an internal topic that a key's state is in. */
export function partitionFor(key: string, partitionCount: number): number {
  const hash = javaHash(key)
  // The least int32 has no absolute value in 32 bits; Kafka takes 0.
  return (hash === -0x8000_0000 ? 0 : Math.abs(hash)) % partitionCount
}
