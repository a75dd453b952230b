/** The names of the files in a partition's directory. */
export const LEADER_EPOCH_CHECKPOINT = 'leader-epoch-checkpoint'
export const PARTITION_METADATA = 'partition.metadata'

export type SegmentFile = 'log' | 'index' | 'timeindex' | 'txnindex' | 'snapshot'

/** What belongs to a segment alone, the `.log` first. */
export const SEGMENT_KINDS = ['log', 'index', 'timeindex', 'txnindex'] as const

/** Behind the names of a segment's files: it is going, being made by the cleaner, or about to take others' place. */
export type SegmentSuffix = '' | '.deleted' | '.cleaned' | '.swap'

const OFFSET_DIGITS = 20

/** `00000000000000000042.index` */
export function segmentFileName(offset: number, kind: SegmentFile): string {
  return `${String(offset).padStart(OFFSET_DIGITS, '0')}.${kind}`
}

/** The offset that a segment file's name begins with; null where it is no such name. */
export function parseSegmentFileName(name: string): { offset: number; suffix: string } | null {
  const match = /^(\d{20})\.(.+)$/.exec(name)
  if (match === null) return null
  const offset = Number(match[1])
  return Number.isSafeInteger(offset) ? { offset, suffix: match[2]! } : null
}

const GREATEST_NAME = 255

export type DirectorySuffix = 'delete' | 'stray' | 'future'

/** `topic-0`; a topic may have dashes, so its partition is what follows the last one. */
export function partitionDirectoryName(topic: string, partition: number): string {
  return `${topic}-${partition}`
}

/** Null for names that aren't a partition's, or are one's that is on its way out or in. */
export function parsePartitionDirectoryName(
  name: string,
): { topic: string; partition: number } | null {
  const match = /^(.+)-(\d{1,10})$/.exec(name)
  if (match === null) return null
  const partition = Number(match[2])
  return partition <= 0x7fffffff ? { topic: match[1]!, partition } : null
}

export function directorySuffix(name: string): DirectorySuffix | null {
  const match = /^.+\.[0-9a-f]{32}-(delete|stray|future)$/.exec(name)
  return match === null ? null : (match[1] as DirectorySuffix)
}

/** `topic-0.<32 hexadecimal digits>-delete`, the topic cut so that a file system takes the name. */
export function suffixedDirectoryName(name: string, id: Buffer, suffix: DirectorySuffix): string {
  const tail = `.${id.toString('hex')}-${suffix}`
  const dash = name.lastIndexOf('-')
  const room = GREATEST_NAME - tail.length - (name.length - dash)
  return `${name.slice(0, Math.min(dash, room))}${name.slice(dash)}${tail}`
}
