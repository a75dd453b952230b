import { ApiVersions } from '../../protocol/messages/api-versions.ts'
import { handlers } from '../../src/handlers/index.ts'
import { TestNode } from './test-node.ts'

const software = { clientSoftwareName: 'kcat', clientSoftwareVersion: '1.7.0' }

describe('ApiVersions', () => {
  test.each([0, 1, 2, 3, 4])('v%i tells every API that has a handler', async (version) => {
    const answer = await new TestNode().ask(ApiVersions, version, software)
    expect(answer.errorCode).toBe('NONE')
    expect(answer.apiKeys.map(({ apiKey }) => apiKey).sort((a, b) => a - b)).toEqual(
      handlers.map(({ api }) => api.key).sort((a, b) => a - b),
    )
  })

  test('tells Produce from v0 on, which librdkafka wants for compression', async () => {
    const { apiKeys } = await new TestNode().ask(ApiVersions, 0, {})
    expect(apiKeys).toContainEqual({ apiKey: 0, minVersion: 0, maxVersion: 13 })
  })

  test('tells no version that is not final', async () => {
    const { apiKeys } = await new TestNode().ask(ApiVersions, 0, {})
    expect(apiKeys).toContainEqual({ apiKey: 22, minVersion: 0, maxVersion: 5 })
  })

  test('says features whose lowest level is 0 only where that can be said', async () => {
    const node = new TestNode()
    node.features = {
      supported: [
        { name: 'kraft.version', minVersion: 0, maxVersion: 1 },
        { name: 'metadata.version', minVersion: 7, maxVersion: 30 },
      ],
      finalized: [{ name: 'metadata.version', minVersionLevel: 30, maxVersionLevel: 30 }],
      epoch: 12,
    }
    const names = async (version: number) =>
      (await node.ask(ApiVersions, version, software)).supportedFeatures.map(({ name }) => name)
    expect(await names(3)).toEqual(['metadata.version'])
    expect(await names(4)).toEqual(['kraft.version', 'metadata.version'])
    expect(await node.ask(ApiVersions, 3, software)).toMatchObject({
      finalizedFeaturesEpoch: 12,
      finalizedFeatures: node.features.finalized,
    })
  })

  test('remembers the software of a connection, and refuses names that are none', async () => {
    const node = new TestNode()
    await node.ask(ApiVersions, 3, software)
    expect(node.connection.software).toEqual({ name: 'kcat', version: '1.7.0' })
    const wrong = { clientSoftwareName: '-', clientSoftwareVersion: '1' }
    expect(await node.ask(ApiVersions, 3, wrong)).toMatchObject({ errorCode: 'INVALID_REQUEST' })
  })
})
