import { isControl, batchAttributes, type LogRecord } from '../../protocol/records/batch.ts'
import { decodeAssignment, decodeSubscription } from '../../protocol/state/consumer-protocol.ts'
import { decodeControlRecord } from '../../protocol/state/control-records.ts'
import { groupRecords } from '../../protocol/state/group-records.ts'
import { decodeMetadataRecord } from '../../protocol/state/metadata-records.ts'
import { shareRecords } from '../../protocol/state/share-records.ts'
import { transactionRecords } from '../../protocol/state/transaction-records.ts'

/** Whose records they are: `metadata` the quorum's log, the others of the internal topics, `none` anybody's. */
export const DECODERS = ['none', 'metadata', 'groups', 'transactions', 'shares'] as const
export type Decoder = (typeof DECODERS)[number]

/** The decoder for a partition's directory, by its topic. */
export function decoderFor(directory: string): Decoder {
  const topic = directory.replace(/-\d+(?:\.[0-9a-f]{32}-(?:delete|stray|future))?$/, '')
  switch (topic) {
    case '__cluster_metadata':
      return 'metadata'
    case '__consumer_offsets':
      return 'groups'
    case '__transaction_state':
      return 'transactions'
    case '__share_group_state':
      return 'shares'
    default:
      return 'none'
  }
}

/** What a record means. `problem` says why nothing can be said. */
export type Meaning =
  | {
      readonly type: string
      readonly version?: number
      readonly key?: unknown
      readonly value: unknown
    }
  | { readonly problem: string }
  | null

/** The meaning of a record in its batch; null for data, which means something only to its owner. */
export function meaningOf(
  record: LogRecord,
  batch: Buffer,
  magic: number,
  decoder: Decoder,
): Meaning {
  try {
    if (magic === 2 && isControl(batchAttributes(batch, 0))) return controlMeaning(record)
    switch (decoder) {
      case 'none':
        return null
      case 'metadata':
        return decodeMetadataRecord(required(record.value, 'value'))
      case 'groups':
        return withMembers(groupRecords.decode(required(record.key, 'key'), record.value))
      case 'transactions':
        return withStatus(transactionRecords.decode(required(record.key, 'key'), record.value))
      case 'shares':
        return known(shareRecords.decode(required(record.key, 'key'), record.value))
    }
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error
    return { problem: error.message }
  }
}

class MissingPart extends Error {
  readonly code = 'MISSING'
}

function required(bytes: Buffer | null, part: string): Buffer {
  if (bytes === null) throw new MissingPart(`there is no ${part}`)
  return bytes
}

function known<T>(meaning: T | null): T | { problem: string } {
  return meaning ?? { problem: 'the type of the key is unknown' }
}

function controlMeaning({ key, value }: LogRecord): Meaning {
  const control = decodeControlRecord(required(key, 'key'), required(value, 'value'))
  return known(control as { type: string; value: unknown } | null)
}

const TRANSACTION_STATES = [
  'Empty',
  'Ongoing',
  'PrepareCommit',
  'PrepareAbort',
  'CompleteCommit',
  'CompleteAbort',
  'Dead',
] as const

/** A transaction's state by its name, as Apache's tool shows it from 4.4 on; a number that means nothing stays one. */
function withStatus(record: ReturnType<typeof transactionRecords.decode>): Meaning {
  if (record?.type !== 'TransactionLog' || record.value === null) return known(record)
  const { transactionStatus } = record.value
  const value = {
    ...record.value,
    transactionStatus: TRANSACTION_STATES[transactionStatus] ?? transactionStatus,
  }
  return { ...record, value }
}

/** What members of classic groups with consumers said is in a language that we know, too. */
function withMembers(record: ReturnType<typeof groupRecords.decode>): Meaning {
  if (record?.type !== 'GroupMetadata' || record.value?.protocolType !== 'consumer') {
    return known(record)
  }
  const members = record.value.members.map((member) => ({
    ...member,
    subscription: member.subscription.length === 0 ? null : decodeSubscription(member.subscription),
    assignment: member.assignment.length === 0 ? null : decodeAssignment(member.assignment),
  }))
  return { ...record, value: { ...record.value, members } }
}
