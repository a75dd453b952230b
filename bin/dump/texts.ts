import { parseProperties } from '../../src/config/properties.ts'
import {
  parseEpochCheckpoint,
  parseOffsetCheckpoint,
  parsePartitionMetadata,
} from '../../src/log/state/checkpoints.ts'
import type { DumpItem } from './log.ts'

/** The files of text: checkpoints, properties and JSON, each as entries. */
export function* dumpText(name: string, content: string): Generator<DumpItem> {
  const entries = entriesOf(name, content)
  if (entries === null) yield { kind: 'problem', problem: 'It is damaged' }
  else for (const entry of entries) yield { kind: 'entry', entry }
}

function entriesOf(name: string, content: string): object[] | null {
  if (name === 'leader-epoch-checkpoint') return parseEpochCheckpoint(content)
  if (name.endsWith('-offset-checkpoint')) {
    const offsets = parseOffsetCheckpoint(content)
    return offsets && [...offsets].map(([partition, offset]) => ({ partition, offset }))
  }
  if (name === 'partition.metadata') {
    const topicId = parsePartitionMetadata(content)
    return topicId === null ? null : [{ version: 0, topicId }]
  }
  if (name.endsWith('.properties')) return [Object.fromEntries(parseProperties(content))]
  try {
    return [JSON.parse(content) as object]
  } catch {
    return null
  }
}
