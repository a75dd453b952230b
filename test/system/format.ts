import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { encodeMetadataRecord } from '../../protocol/state/metadata-records.ts'
import { nodeCodecs } from '../../src/host/codecs.ts'
import { nodeHost } from '../../src/host/node.ts'
import { LogManager } from '../../src/log/manager.ts'
import { featureFact } from '../../src/metadata/facts.ts'
import { formatIfNeeded } from '../../src/metadata/format.ts'
import { snapshotBytes, snapshotPath } from '../../src/quorum/snapshot.ts'

const codecs = nodeCodecs()

export type Layout = '4.3' | '4.4'

/** An empty directory becomes one as `kafka-storage format --standalone` of Kafka 4.3 or 4.4 leaves it, with features at these levels. */
export async function format(
  path: string,
  features: Readonly<Record<string, number>>,
  layout: Layout = '4.4',
): Promise<string> {
  const host = nodeHost({ log: { level: 'silent' } })
  const logs = LogManager.open({
    host,
    codecs,
    directories: [path],
    onDirectoryFailed: () => undefined,
  })
  const metadataDirectory = logs.directories[0]!
  const { directoryId } = formatIfNeeded({
    host,
    codecs,
    directories: logs.directories,
    metadataDirectory,
    nodeId: 1,
  })
  await logs.close(0)
  const records = Object.entries(features)
    .map(([name, level]) => featureFact(name, level))
    .map(encodeMetadataRecord)
  const first = { id: { offset: 0, epoch: 0 }, timestampMs: 0 }
  const voters = [{ id: 1, directoryId, endpoints: [] }]
  const inLog = { ...first, kraftVersion: 1, voters, records: layout === '4.4' ? records : [] }
  writeFileSync(
    snapshotPath(join(path, '__cluster_metadata-0'), first.id),
    snapshotBytes(inLog, 0, codecs),
  )
  if (layout === '4.3') {
    const beside = { ...first, kraftVersion: 0, voters: [], records }
    writeFileSync(join(path, 'bootstrap.checkpoint'), snapshotBytes(beside, 0, codecs))
  }
  return path
}
