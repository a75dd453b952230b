import { connect } from '../../bin/client/index.ts'
import { ApiVersions } from '../../protocol/messages/api-versions.ts'
import { nodeHost } from '../../src/host/node.ts'
import { startBroker, type RunningBroker } from '../../src/index.ts'
import { temporaryDirectories } from '../support/temporary.ts'
import { format } from './format.ts'
import type { Layout } from './format.ts'

const directories = temporaryDirectories()
afterAll(() => directories.removeAll())

const formatted = (features: Readonly<Record<string, number>>, layout: Layout = '4.4') =>
  format(directories.make(), features, layout)

/** Starts on such a directory; what was logged as a warning, and what the broker tells of features. */
async function startWith(features: Readonly<Record<string, number>>, layout: Layout = '4.4') {
  const warnings: string[] = []
  const destination = { write: (line: string) => void warnings.push(line) }
  const host = nodeHost({ log: { level: 'warn', destination } })
  const directory = await formatted(features, layout)
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
    'metadata.version': 33,
    'eligible.leader.replicas.version': 1,
    'group.version': 1,
    'share.version': 2,
    'streams.version': 1,
    'transaction.version': 2,
  }
  const { directory, warnings, finalized, supported } = await startWith(features)
  expect(finalized.toSorted()).toEqual([
    'eligible.leader.replicas.version=1',
    'kraft.version=1',
    'metadata.version=33',
    'transaction.version=2',
  ])
  expect(supported).toEqual([
    'eligible.leader.replicas.version',
    'kraft.version',
    'metadata.version',
    'transaction.version',
  ])
  expect(warnings).toEqual([expect.stringContaining('"group.version=1","share.version=2"')])
  for (const ours of ['transaction.version', 'eligible.leader.replicas.version']) {
    expect(warnings[0]).not.toContain(ours)
  }
  const again = await startBroker({ directory, host: nodeHost({ log: { level: 'silent' } }) })
  await again.close()
})

test('a directory that Kafka 4.3 formatted is opened, and stays at its level over a restart', async () => {
  const { directory, finalized, warnings } = await startWith({ 'metadata.version': 30 }, '4.3')
  expect(finalized).toEqual(['metadata.version=30', 'kraft.version=1'])
  expect(warnings).toEqual([])
  const again = await startBroker({ directory, host: nodeHost({ log: { level: 'silent' } }) })
  try {
    const client = await connect(again.host, again.port)
    const { finalizedFeatures } = await client.request(ApiVersions, {
      clientSoftwareName: 'test',
      clientSoftwareVersion: '1',
    })
    await client.close()
    expect(finalizedFeatures).toContainEqual(
      expect.objectContaining({ name: 'metadata.version', maxVersionLevel: 30 }),
    )
  } finally {
    await again.close()
  }
})

test('metadata of Kafka 4.0 is gone on with at its level', async () => {
  const { finalized, warnings } = await startWith({ 'metadata.version': 25 })
  expect(finalized).toEqual(['metadata.version=25', 'kraft.version=1'])
  expect(warnings).toEqual([])
})

test.each([
  [{ 'metadata.version': 34 }, /metadata\.version=34.*25 to 33.*Use a version of Ottla/],
  [{ 'metadata.version': 21 }, /metadata\.version=21.*25 to 33.*Upgrade it/],
  [
    { 'metadata.version': 30, 'transaction.version': 3 },
    /transaction\.version=3.*0 to 2.*Use a version/,
  ],
  [{ 'metadata.version': 33, 'share.version': 3 }, /share\.version=3.*up to 2/],
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
