import { decodeMetadataRecord } from '../../protocol/state/metadata-records.ts'
import type { BrokerConfig } from '../../src/config/broker-config.ts'
import { nodeCodecs } from '../../src/host/codecs.ts'
import type { Disk } from '../../src/host/host.ts'
import {
  parseMetaProperties,
  type MetaProperties,
} from '../../src/log/directory/meta-properties.ts'
import { bootstrapPath } from '../../src/metadata/bootstrap.ts'
import { withControlRecords } from '../../src/quorum/control.ts'
import { readSnapshot } from '../../src/quorum/snapshot.ts'
import type { Voter } from '../../src/quorum/types.ts'

export interface DirectoryInfo {
  readonly path: string
  readonly hasMetadata: boolean
  /** Null where it isn't formatted, or can't be read. */
  readonly metaProperties: MetaProperties | null
  readonly problem: string | null
}

/** What a controller's metadata log began with. */
export interface BootstrapInfo {
  readonly kraftVersion: number
  readonly voters: readonly Voter[] | null
  readonly features: Readonly<Record<string, number>>
}

export interface StorageInfo {
  readonly directories: readonly DirectoryInfo[]
  /** Null where there is none: before the format, on a broker, and where Kafka before 4.4 formatted a static quorum. */
  readonly bootstrap: BootstrapInfo | null
  readonly problems: readonly string[]
}

/** Looks into the directories of the node that has these settings. Changes nothing, and takes no lock. */
export function storageInfo(disk: Disk, config: BrokerConfig): StorageInfo {
  const paths = config.logDirectories.map((path) => disk.absolutePath(path))
  const metadata = disk.absolutePath(config.get('metadata.log.dir') ?? paths[0]!)
  const all = [...new Set([...paths, metadata])].sort()
  const directories = all.map((path) => directoryInfo(disk, path, path === metadata))
  const problems = directories.flatMap(({ problem }) => problem ?? [])
  problems.push(...contradictions(directories, config.get('node.id')))
  let bootstrap: BootstrapInfo | null = null
  try {
    bootstrap = bootstrapInfo(disk, metadata)
  } catch (error) {
    problems.push((error as Error).message)
  }
  return { directories, bootstrap, problems }
}

function directoryInfo(disk: Disk, path: string, hasMetadata: boolean): DirectoryInfo {
  const found = (metaProperties: MetaProperties | null, problem: string | null) => ({
    path,
    hasMetadata,
    metaProperties,
    problem,
  })
  if (!disk.exists(path)) return found(null, `${path} does not exist`)
  if (!disk.stat(path).isDirectory) return found(null, `${path} is not a directory`)
  const file = `${path}/meta.properties`
  if (!disk.exists(file)) return found(null, `${path} is not formatted`)
  const properties = parseMetaProperties(disk.readFile(file).toString())
  if (properties === null) return found(null, `${file} is damaged or of an unknown version`)
  const hasId = properties.directoryId !== null
  return found(
    properties,
    hasId ? null : `${path} has no directory.id: the next start gives it one`,
  )
}

/** What can't be true of the directories of one node. */
function contradictions(directories: readonly DirectoryInfo[], nodeId: number): string[] {
  const problems: string[] = []
  const known = directories.flatMap(({ path, metaProperties }) =>
    metaProperties === null ? [] : [{ path, ...metaProperties }],
  )
  for (const [index, one] of known.entries()) {
    if (one.nodeId !== nodeId) {
      problems.push(`${one.path} belongs to node ${one.nodeId}, and node.id is ${nodeId}`)
    }
    if (one.clusterId !== known[0]!.clusterId) {
      problems.push(
        `${one.path} belongs to the cluster ${one.clusterId}, and ${known[0]!.path} to ${known[0]!.clusterId}`,
      )
    }
    const same = known.slice(0, index).find(({ directoryId }) => directoryId === one.directoryId)
    if (one.directoryId !== null && same !== undefined) {
      problems.push(
        `${one.path} and ${same.path} have one directory.id: one of them is a copy of the other`,
      )
    }
  }
  return problems
}

/** @throws SnapshotError, DecodeError, and what the disk refuses */
function bootstrapInfo(disk: Disk, metadataDirectory: string): BootstrapInfo | null {
  const path = bootstrapPath(metadataDirectory)
  if (!disk.exists(path)) return null
  const { control, records } = readSnapshot({ disk }, path, nodeCodecs())
  const features = records.map(decodeMetadataRecord).flatMap((record) => {
    return record.type === 'FeatureLevelRecord' ? [record.value] : []
  })
  return {
    ...withControlRecords({ kraftVersion: 0, voters: null }, control),
    features: Object.fromEntries(features.map(({ name, featureLevel }) => [name, featureLevel])),
  }
}
