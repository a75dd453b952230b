import type { Codecs } from '../../protocol/records/codecs.ts'
import { buildBatch, readRecords } from '../../protocol/records/batch.ts'
import type { ControlRecord, ControlRecordToWrite } from '../../protocol/state/control-records.ts'
import { decodeControlRecord, encodeControlRecord } from '../../protocol/state/control-records.ts'
import { ZERO_UUID } from '../../protocol/schema.ts'
import type { KraftVersions, Voter } from './types.ts'

/** What the nodes of this version offer of the feature kraft.version. */
export const KRAFT_VERSIONS = { minSupportedVersion: 0, maxSupportedVersion: 1 }

const OWN_VERSIONS: KraftVersions = {
  min: KRAFT_VERSIONS.minSupportedVersion,
  max: KRAFT_VERSIONS.maxSupportedVersion,
}

/** A batch of control records. */
export function controlBatch(
  records: readonly ControlRecordToWrite[],
  timestampMs: number,
  codecs: Codecs,
  at: { baseOffset?: number; leaderEpoch?: number } = {},
): Buffer {
  const written = records.map((record) => ({
    ...encodeControlRecord(record),
    timestamp: timestampMs,
  }))
  return buildBatch({ ...at, isControl: true, records: written }, codecs)
}

/** The control records of a batch that has no others; those of unknown types are left out. */
export function readControlRecords(batch: Buffer, codecs: Codecs): ControlRecord[] {
  const records: ControlRecord[] = []
  for (const { key, value } of readRecords(batch, codecs)) {
    if (key === null || value === null) continue
    const record = decodeControlRecord(key, value)
    if (record !== null) records.push(record)
  }
  return records
}

/**
 * The records that say of a dynamic quorum (KIP-853) who its voters are.
 * @param voters null where only the quorum that the node is to join knows them
 */
export function quorumRecords(kraftVersion: number, voters: readonly Voter[] | null) {
  const records: ControlRecordToWrite[] = []
  if (kraftVersion < 1) return records
  records.push({ type: 'KRAFT_VERSION', value: { kRaftVersion: kraftVersion } })
  if (voters !== null) records.push(votersRecord(voters))
  return records
}

export function votersRecord(voters: readonly Voter[]): ControlRecordToWrite {
  return {
    type: 'KRAFT_VOTERS',
    value: {
      voters: voters.map(({ id, directoryId, endpoints, kraftVersions = OWN_VERSIONS }) => ({
        voterId: id,
        voterDirectoryId: directoryId,
        endpoints,
        kRaftVersionFeature: {
          minSupportedVersion: kraftVersions.min,
          maxSupportedVersion: kraftVersions.max,
        },
      })),
    },
  }
}

/** The first record of an epoch. As Apache Kafka, in version 0, which names voters by their ids alone. */
export function leaderChange(
  leaderId: number,
  voters: readonly Voter[],
  grantedBy: readonly number[],
): ControlRecordToWrite {
  const named = (voterId: number) => ({ voterId, voterDirectoryId: ZERO_UUID })
  return {
    type: 'LEADER_CHANGE',
    value: {
      leaderId,
      voters: voters.map(({ id }) => named(id)),
      grantingVoters: grantedBy.map(named),
    },
  }
}

/** What control records say of the quorum itself. */
export interface QuorumFacts {
  readonly kraftVersion: number
  readonly voters: readonly Voter[] | null
}

export const NOTHING_KNOWN: QuorumFacts = { kraftVersion: 0, voters: null }

/** Folds control records into what is known of the quorum; the same object where they say nothing new. */
export function withControlRecords(
  facts: QuorumFacts,
  records: readonly ControlRecord[],
): QuorumFacts {
  let { kraftVersion, voters } = facts
  for (const record of records) {
    if (record.type === 'KRAFT_VERSION') kraftVersion = record.value.kRaftVersion
    else if (record.type === 'KRAFT_VOTERS') {
      voters = record.value.voters.map((voter) => ({
        id: voter.voterId,
        directoryId: voter.voterDirectoryId,
        endpoints: voter.endpoints,
        kraftVersions: {
          min: voter.kRaftVersionFeature.minSupportedVersion,
          max: voter.kRaftVersionFeature.maxSupportedVersion,
        },
      }))
    }
  }
  const isNew = kraftVersion !== facts.kraftVersion || voters !== facts.voters
  return isNew ? { kraftVersion, voters } : facts
}
