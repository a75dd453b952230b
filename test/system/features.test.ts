import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { connect } from '../../bin/client/index.ts'
import { ApiVersions } from '../../protocol/messages/api-versions.ts'
import { encodeMetadataRecord } from '../../protocol/state/metadata-records.ts'
import { nodeCodecs } from '../../src/host/codecs.ts'
import { nodeHost } from '../../src/host/node.ts'
import { startBroker, type RunningBroker } from '../../src/index.ts'
import { LogManager } from '../../src/log/manager.ts'
import { featureFact } from '../../src/metadata/facts.ts'
import { formatIfNeeded } from '../../src/metadata/format.ts'
import { snapshotBytes } from '../../src/quorum/snapshot.ts'
import { temporaryDirectories } from '../support/temporary.ts'

const directories = temporaryDirectories()
afterAll(() => directories.removeAll())

const codecs = nodeCodecs()

/** A directory as `kafka-storage format` leaves it, with features at these levels. */
async function formatted(features: Readonly<Record<string, number>>): Promise<string> {
  const path = directories.make()
  const host = nodeHost({ log: { level: 'silent' } })
  const logs = LogManager.open({
    host,
    codecs,
    directories: [path],
    onDirectoryFailed: () => undefined,
  })
  const metadataDirectory = logs.directories[0]!
  formatIfNeeded({ host, codecs, directories: logs.directories, metadataDirectory, nodeId: 1 })
  await logs.close(0)
  const records = Object.entries(features).map(([name, level]) => featureFact(name, level))
  const snapshot = {
    id: { offset: 0, epoch: 0 },
    timestampMs: 0,
    kraftVersion: 0,
    voters: [],
    records: records.map(encodeMetadataRecord),
  }
  writeFileSync(join(path, 'bootstrap.checkpoint'), snapshotBytes(snapshot, 0, codecs))
  return path
}

/** Starts on such a directory; what was logged as a warning, and what the broker tells of features. */
async function startWith(features: Readonly<Record<string, number>>) {
  const warnings: string[] = []
  const destination = { write: (line: string) => void warnings.push(line) }
  const host = nodeHost({ log: { level: 'warn', destination } })
  const directory = await formatted(features)
  const broker: RunningBroker = await startBroker({ directory, host })
  try {
    const client = await connect(broker.host, broker.port)
    const { finalizedFeatures, supportedFeatures } = await client.request(ApiVersions, {
      clientSoftwareName: 'test',
      clientSoftwareVersion: '1',
    })
    await client.close()
    return {
      directory,
      warnings,
      finalized: finalizedFeatures.map(({ name, maxVersionLevel }) => `${name}=${maxVersionLevel}`),
      supported: supportedFeatures.map(({ name }) => name),
    }
  } finally {
    await broker.close()
  }
}

test('a feature that is finalized and not offered is kept, named in a warning, and not told to clients', async () => {
  const features = {
    'metadata.version': 30,
    'eligible.leader.replicas.version': 1,
    'group.version': 1,
    'share.version': 1,
    'streams.version': 1,
    'transaction.version': 2,
  }
  const { directory, warnings, finalized, supported } = await startWith(features)
  expect(finalized).toEqual(['metadata.version=30', 'kraft.version=1'])
  expect(supported).toEqual(['kraft.version', 'metadata.version'])
  expect(warnings).toEqual([expect.stringContaining('"group.version=1","share.version=1"')])
  expect(warnings[0]).toContain('transaction.version=2')
  const again = await startBroker({ directory, host: nodeHost({ log: { level: 'silent' } }) })
  await again.close()
})

test('metadata of Kafka 4.0 is gone on with at its level', async () => {
  const { finalized, warnings } = await startWith({ 'metadata.version': 25 })
  expect(finalized).toEqual(['metadata.version=25', 'kraft.version=1'])
  expect(warnings).toEqual([])
})

test.each([
  [{ 'metadata.version': 31 }, /metadata\.version=31.*25 to 30.*Use a version of Ottla/],
  [{ 'metadata.version': 21 }, /metadata\.version=21.*25 to 30.*Upgrade it/],
  [{ 'metadata.version': 30, 'transaction.version': 3 }, /transaction\.version=3.*up to 2/],
  [{ 'metadata.version': 30, 'future.version': 1 }, /future\.version=1.*does not know/],
])('refuses %j, because it could not tell what to write', async (features, message) => {
  const directory = await formatted(features)
  const host = nodeHost({ log: { level: 'silent' } })
  const refused = expect(startBroker({ directory, host })).rejects
  await refused.toMatchObject({
    code: 'ERR_UNSUPPORTED_FEATURE',
    message: expect.stringMatching(message),
  })
})
