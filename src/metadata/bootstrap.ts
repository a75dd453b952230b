import type { Codecs } from '../../protocol/records/codecs.ts'
import {
  decodeMetadataRecord,
  encodeMetadataRecord,
} from '../../protocol/state/metadata-records.ts'
import type { Host } from '../host/host.ts'
import { METADATA_TOPIC, partitionDirectoryName } from '../log/base/paths.ts'
import { listSnapshots, readSnapshot, snapshotBytes, snapshotPath } from '../quorum/snapshot.ts'
import type { LogPosition, Voter } from '../quorum/types.ts'
import type { MetadataFact } from './facts.ts'
import { featureFact } from './facts.ts'
import { INITIAL_FEATURES } from './features.ts'

/** Where Kafka kept what the cluster begins with until 4.3. */
const OLD_BOOTSTRAP = 'bootstrap.checkpoint'
const METADATA_LOG = partitionDirectoryName(METADATA_TOPIC, 0)

/** Where the records that a cluster begins with are, and its voters: no part of the log (KIP-1170). */
const BOOTSTRAP_ID: LogPosition = { offset: 0, epoch: 0 }

/** Whether a snapshot is the one of the format, not of the log. */
export function isBootstrap({ offset, epoch }: LogPosition): boolean {
  return offset === BOOTSTRAP_ID.offset && epoch === BOOTSTRAP_ID.epoch
}

/** What the metadata log of a controller begins with. */
export interface Bootstrap {
  /** 0: the settings name the voters (controller.quorum.voters). 1: the log does (KIP-853). */
  readonly kraftVersion: 0 | 1
  /** Null: the log doesn't say, since the settings do, or since the node is to join voters that are there. */
  readonly voters: readonly Voter[] | null
  /** Levels by name, metadata.version first; none is 0. */
  readonly features: ReadonlyMap<string, number>
  /** What else there is from the first moment on: users of SCRAM. */
  readonly others?: readonly MetadataFact[]
}

const recordsOf = (features: ReadonlyMap<string, number>): MetadataFact[] =>
  [...features].map(([name, level]) => featureFact(name, level))

/** The snapshot that a metadata directory begins with, if it has one. */
export function bootstrapPath(metadataDirectory: string): string {
  return snapshotPath(`${metadataDirectory}/${METADATA_LOG}`, BOOTSTRAP_ID)
}

/** Whether somebody has formatted the metadata log of a directory: what a node makes by itself has no such file. */
export function hasBootstrap({ disk }: Pick<Host, 'disk'>, metadataDirectory: string): boolean {
  return placesIn(metadataDirectory).some((path) => disk.exists(path))
}

/**
 * Whether a node of a static quorum has formed it with the others, and is young: nobody has formatted its directory, and no
 * snapshot has taken the place of what somebody may have.
 */
export function hasFormedItself(host: Pick<Host, 'disk'>, metadataDirectory: string): boolean {
  const path = `${metadataDirectory}/${METADATA_LOG}`
  if (hasBootstrap(host, metadataDirectory)) return false
  return !host.disk.exists(path) || listSnapshots(host, path).length === 0
}

const placesIn = (metadataDirectory: string): string[] => [
  bootstrapPath(metadataDirectory),
  `${metadataDirectory}/${OLD_BOOTSTRAP}`,
]

/** Writes what the metadata log of a directory begins with; durable once `directory` is synced. */
export function writeBootstrap(
  host: Pick<Host, 'clock' | 'disk'>,
  codecs: Codecs,
  directory: string,
  { kraftVersion, voters, features, others = [] }: Bootstrap,
): void {
  const now = host.clock.now()
  host.disk.makeDirectory(`${directory}/${METADATA_LOG}`)
  const records = [...recordsOf(features), ...others].map(encodeMetadataRecord)
  const snapshot = { id: BOOTSTRAP_ID, timestampMs: now, kraftVersion, voters, records }
  host.disk.replaceFile(bootstrapPath(directory), snapshotBytes(snapshot, now, codecs))
}

/**
 * The records that an empty metadata log begins with: as Kafka 4.4 and Ottla format a directory, as Kafka 4.3 does
 * (`bootstrap.checkpoint`), or this version's own where there are none.
 * @throws SnapshotError, DecodeError
 */
export function readBootstrap(
  host: Pick<Host, 'disk'>,
  metadataDirectory: string,
  codecs: Codecs,
): MetadataFact[] {
  for (const path of placesIn(metadataDirectory)) {
    if (!host.disk.exists(path)) continue
    const { records } = readSnapshot(host, path, codecs)
    if (records.length > 0) return records.map(decodeMetadataRecord)
  }
  return recordsOf(INITIAL_FEATURES)
}
