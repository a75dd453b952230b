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
const FUTURE_SUFFIX = '-future'
const ID_DIGITS = 32

export const METADATA_TOPIC = '__cluster_metadata'
/**
 * Directories that a log directory may have besides partitions: what Kafka's tiered storage keeps there, and what a file
 * system has in its root (Kafka, which takes it for a mistake, can't be given a whole disk).
 */
export const OTHER_DIRECTORIES: ReadonlySet<string> = new Set([
  'remote-log-index-cache',
  'lost+found',
])

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

/** `topic-0.<32 hexadecimal digits>-future`: a copy of a partition that will take its place in another log directory. */
export function futureDirectoryName(name: string, id: Buffer): string {
  return `${name}.${id.toString('hex')}${FUTURE_SUFFIX}`
}

/** Whether a file system takes the name of a partition's copy. */
export function canHaveFuture(topic: string, partition: number): boolean {
  const extra = ID_DIGITS + FUTURE_SUFFIX.length + 1
  return Buffer.byteLength(partitionDirectoryName(topic, partition)) + extra <= GREATEST_NAME
}

/** The partition's directory name (`topic-0`) in that of its copy. */
export function partitionOfFuture(name: string): string {
  return name.slice(0, -(ID_DIGITS + FUTURE_SUFFIX.length + 1))
}

export function isFuturePath(path: string): boolean {
  return path.endsWith(FUTURE_SUFFIX)
}
