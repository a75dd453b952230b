import type { Codecs } from '../../protocol/records/codecs.ts'
import {
  decodeMetadataRecord,
  encodeMetadataRecord,
} from '../../protocol/state/metadata-records.ts'
import type { Host } from '../host/host.ts'
import type { LogDirectory } from '../log/directory/directory.ts'
import type { MetaProperties } from '../log/directory/meta-properties.ts'
import { readSnapshot, snapshotBytes, snapshotPath } from '../quorum/snapshot.ts'
import type { LogPosition, Voter, VoterEndpoint } from '../quorum/types.ts'
import type { MetadataFact } from './facts.ts'
import { featureFact } from './facts.ts'
import { INITIAL_FEATURES } from './features.ts'
import { randomId } from './ids.ts'

/** Where Kafka kept what the cluster begins with until 4.3. */
const OLD_BOOTSTRAP = 'bootstrap.checkpoint'
const METADATA_LOG = '__cluster_metadata-0'
const KRAFT_VERSION = 1

/** A log directory is another node's or another cluster's. */
class FormatError extends Error {
  override readonly name = 'FormatError'
  readonly code = 'ERR_LOG_DIRECTORY_MISMATCH'
}

export interface FormatOptions {
  readonly host: Pick<Host, 'clock' | 'disk' | 'log' | 'random'>
  readonly codecs: Codecs
  /** All of `log.dirs`, taken; some may be offline. */
  readonly directories: readonly LogDirectory[]
  /** The one of them with the metadata log (`metadata.log.dir`). */
  readonly metadataDirectory: LogDirectory
  readonly nodeId: number
  /** Random on the first start where it isn't given. */
  readonly clusterId?: string | undefined
  /** Where this node's controller listener is; none for a node that needs none. */
  readonly controllerEndpoints?: readonly VoterEndpoint[]
}

/** Whose directories these are. */
export interface Identity {
  readonly clusterId: string
  readonly nodeId: number
  /** Of the metadata directory. */
  readonly directoryId: string
  /** Of `log.dirs`, in their order; those that are offline are left out. */
  readonly directoryIds: readonly string[]
  /** This start made the cluster. */
  readonly formatted: boolean
}

/**
 * Reads whose the directories are, and on the first start makes them this node's: a dynamic quorum of one (KIP-853), as
 * `kafka-storage format --standalone` does it. `meta.properties` comes last, so an interrupted first start begins anew.
 * @throws FormatError when a directory belongs to somebody else, or the one with the metadata is empty while another has
 *   been used; on the first start also when one can't be used
 */
export function formatIfNeeded(options: FormatOptions): Identity {
  const { host, metadataDirectory, nodeId } = options
  const online = options.directories.filter(({ failure }) => failure === null)
  // The one with the metadata comes first: where it is formatted, the first start has come so far.
  const directories = [...new Set([metadataDirectory, ...online])]
  checkOwners(directories, options)
  const known = directories.find(({ metaProperties }) => metaProperties !== null)
  const clusterId = known?.metaProperties?.clusterId ?? (options.clusterId || randomId(host.random))
  const formatted = metadataDirectory.metaProperties === null
  if (formatted) {
    checkUsable(options.directories)
    checkNew(directories, metadataDirectory)
  }
  const ids = new Map<LogDirectory, string>()
  for (const directory of directories) {
    ids.set(directory, directory.metaProperties?.directoryId ?? randomId(host.random))
  }
  const directoryId = ids.get(metadataDirectory)!
  if (formatted) writeBootstrap(options, directoryId)
  for (const directory of directories) {
    const properties = { clusterId, nodeId, directoryId: ids.get(directory)! }
    if (directory.metaProperties === null && !formatted) {
      const what =
        'A log directory was empty and is used as a new one; what was in another one of this name is not here'
      host.log.warn({ path: directory.path, directoryId: properties.directoryId }, what)
    }
    if (directory.metaProperties?.directoryId == null) write(directory, properties, options)
  }
  const directoryIds = online.flatMap(({ failure, id }) => (failure === null ? [id!] : []))
  return { clusterId, nodeId, directoryId, directoryIds, formatted }
}

function write(
  directory: LogDirectory,
  properties: MetaProperties,
  { metadataDirectory }: FormatOptions,
): void {
  try {
    directory.writeMetaProperties(properties)
  } catch (error) {
    if (directory === metadataDirectory) throw error
    directory.fail('write its meta.properties', error)
  }
}

/** A broken disk is to be lived with; a wrong name in log.dirs is better told at once, as Kafka's format does. */
function checkUsable(directories: readonly LogDirectory[]): void {
  for (const { failure } of directories) if (failure !== null) throw failure
}

/** An empty disk where the metadata was must not begin a new cluster, to which all partitions found would be strangers. */
function checkNew(directories: readonly LogDirectory[], metadata: LogDirectory): void {
  const used = directories.find(({ metaProperties }) => metaProperties !== null)
  if (used === undefined) return
  throw new FormatError(
    `The log directory ${metadata.path}, which has the cluster's metadata, is empty, but ${used.path} belongs to the cluster ${used.metaProperties!.clusterId}. Is its disk mounted? Bring it back. To begin anew, without the records there are, move the other log directories away`,
  )
}

function checkOwners(
  directories: readonly LogDirectory[],
  { nodeId, clusterId }: FormatOptions,
): void {
  for (const { path, metaProperties } of directories) {
    if (metaProperties === null) continue
    if (metaProperties.nodeId !== nodeId) {
      throw new FormatError(
        `${path} belongs to node ${metaProperties.nodeId}, and this is node ${nodeId}: set node.id=${metaProperties.nodeId}, or give this node another directory in log.dirs`,
      )
    }
    const expected = clusterId || directories[0]!.metaProperties?.clusterId
    if (expected !== undefined && expected !== metaProperties.clusterId) {
      throw new FormatError(
        `${path} belongs to the cluster ${metaProperties.clusterId}, not to ${expected}: use that cluster id, or give this node another directory in log.dirs`,
      )
    }
  }
}

/** Where the records that a cluster begins with are, and its voters: no part of the log (KIP-1170). */
const BOOTSTRAP_ID: LogPosition = { offset: 0, epoch: 0 }

/** Whether a snapshot is the one of the format, not of the log. */
export function isBootstrap({ offset, epoch }: LogPosition): boolean {
  return offset === BOOTSTRAP_ID.offset && epoch === BOOTSTRAP_ID.epoch
}

const firstRecords = (): MetadataFact[] =>
  [...INITIAL_FEATURES].map(([name, level]) => featureFact(name, level))

function writeBootstrap(options: FormatOptions, directoryId: string): void {
  const { host, codecs, metadataDirectory, nodeId } = options
  const now = host.clock.now()
  const log = `${metadataDirectory.path}/${METADATA_LOG}`
  host.disk.makeDirectory(log)
  const self: Voter = { id: nodeId, directoryId, endpoints: options.controllerEndpoints ?? [] }
  const bootstrap = snapshotBytes(
    {
      id: BOOTSTRAP_ID,
      timestampMs: now,
      kraftVersion: KRAFT_VERSION,
      voters: [self],
      records: firstRecords().map(encodeMetadataRecord),
    },
    now,
    codecs,
  )
  host.disk.replaceFile(snapshotPath(log, BOOTSTRAP_ID), bootstrap)
  host.disk.syncDirectory(metadataDirectory.path)
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
  const places = [
    snapshotPath(`${metadataDirectory}/${METADATA_LOG}`, BOOTSTRAP_ID),
    `${metadataDirectory}/${OLD_BOOTSTRAP}`,
  ]
  for (const path of places) {
    if (!host.disk.exists(path)) continue
    const { records } = readSnapshot(host, path, codecs)
    if (records.length > 0) return records.map(decodeMetadataRecord)
  }
  return firstRecords()
}
