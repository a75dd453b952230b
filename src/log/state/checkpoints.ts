import type { EpochEntry } from './epoch-cache.ts'

/** An offset of each of some partitions, keyed by the partition's directory (`topic-0`). */
export type OffsetCheckpoint = ReadonlyMap<string, number>

const CURRENT_VERSION = '0'

/** `0`, the number of lines, then `topic partition offset`. */
export function formatOffsetCheckpoint(offsets: OffsetCheckpoint): string {
  const lines = [CURRENT_VERSION, String(offsets.size)]
  for (const [name, offset] of offsets) {
    const dash = name.lastIndexOf('-')
    lines.push(`${name.slice(0, dash)} ${name.slice(dash + 1)} ${offset}`)
  }
  return `${lines.join('\n')}\n`
}

/** @returns null where the file is damaged; an empty one was never written */
export function parseOffsetCheckpoint(content: string): Map<string, number> | null {
  const rows = parseRows(content, 3)
  if (rows === null) return null
  const offsets = new Map<string, number>()
  for (const [topic, partition, offset] of rows) {
    if (!isNumber(partition!) || !isNumber(offset!)) return null
    offsets.set(`${topic}-${partition}`, Number(offset))
  }
  return offsets
}

/** `0`, the number of lines, then `epoch startOffset`. */
export function formatEpochCheckpoint(entries: readonly EpochEntry[]): string {
  const lines = [CURRENT_VERSION, String(entries.length)]
  for (const { epoch, startOffset } of entries) lines.push(`${epoch} ${startOffset}`)
  return `${lines.join('\n')}\n`
}

/** @returns null where the file is damaged; an empty one was never written */
export function parseEpochCheckpoint(content: string): EpochEntry[] | null {
  const rows = parseRows(content, 2)
  if (rows === null) return null
  const entries: EpochEntry[] = []
  for (const [epoch, startOffset] of rows) {
    if (!isNumber(epoch!) || !isNumber(startOffset!)) return null
    const entry = { epoch: Number(epoch), startOffset: Number(startOffset) }
    const last = entries.at(-1)
    const rises =
      last === undefined || (last.epoch < entry.epoch && last.startOffset <= entry.startOffset)
    if (!rises) return null
    entries.push(entry)
  }
  return entries
}

function isNumber(text: string): boolean {
  return /^\d+$/.test(text) && Number.isSafeInteger(Number(text))
}

function parseRows(content: string, columns: number): string[][] | null {
  if (content === '') return []
  const lines = content.split('\n')
  if (lines.at(-1) === '') lines.pop()
  const [version, count, ...rest] = lines
  if (version !== CURRENT_VERSION || count !== String(rest.length)) return null
  const rows = rest.map((line) => line.split(/\s+/))
  return rows.every((row) => row.length === columns) ? rows : null
}

/** The content of `partition.metadata`, which has no final newline. */
export function formatPartitionMetadata(topicId: string): string {
  return `version: 0\ntopic_id: ${topicId}`
}

/** The topic's id as 22 characters of base64url; null where the file is damaged. */
export function parsePartitionMetadata(content: string): string | null {
  const match = /^version: 0\r?\ntopic_id: ([A-Za-z0-9_-]{22})\s*$/.exec(content)
  return match === null ? null : match[1]!
}
