/** The most that a batch may have (Kafka's MAX_BATCH_SIZE_BYTES); room for the header is left to the log's setting. */
export const MAX_BATCH_BYTES = 8 << 20

/** What has so many gets no further group: followers read so much at once, and have their turns between batches. */
const FULL_BATCH_BYTES = 1 << 20

/** Few batches, none of which cuts a group. */
export function packGroups(groups: readonly (readonly Buffer[])[]): Buffer[][] {
  const parts: Buffer[][] = []
  let sizeBytes = Infinity
  for (const group of groups) {
    const groupBytes = recordsBytes(group)
    if (sizeBytes >= FULL_BATCH_BYTES || sizeBytes + groupBytes > MAX_BATCH_BYTES) {
      parts.push([])
      sizeBytes = 0
    }
    const part = parts.at(-1)!
    for (const value of group) part.push(value)
    sizeBytes += groupBytes
  }
  return parts
}

/** What values take in a batch at most. */
export function recordsBytes(values: readonly Buffer[]): number {
  const overheadBytes = 24
  return values.reduce((sum, value) => sum + value.length + overheadBytes, 0)
}
