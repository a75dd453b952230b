/** The most that a batch may have (Kafka's MAX_BATCH_SIZE_BYTES); room for the header is left to the log's setting. */
export const MAX_BATCH_BYTES = 8 << 20

/** As few batches as their size allows, none of which cuts a group. */
export function packGroups(groups: readonly (readonly Buffer[])[]): Buffer[][] {
  const parts: Buffer[][] = []
  let sizeBytes = Infinity
  for (const group of groups) {
    const groupBytes = recordsBytes(group)
    if (sizeBytes + groupBytes > MAX_BATCH_BYTES) {
      parts.push([])
      sizeBytes = 0
    }
    parts.at(-1)!.push(...group)
    sizeBytes += groupBytes
  }
  return parts
}

/** What values take in a batch at most. */
export function recordsBytes(values: readonly Buffer[]): number {
  const overheadBytes = 24
  return values.reduce((sum, value) => sum + value.length + overheadBytes, 0)
}
