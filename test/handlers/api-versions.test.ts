import { ApiVersions } from '../../protocol/messages/api-versions.ts'
import { handlersOn } from '../../src/handlers/index.ts'
import { CLUSTER_ID, NODE_ID, TestNode } from './test-node.ts'

const software = { clientSoftwareName: 'kcat', clientSoftwareVersion: '1.7.0' }

describe('ApiVersions', () => {
  test.each([0, 1, 2, 3, 4, 5])('v%i tells every API that has a handler', async (version) => {
    const answer = await new TestNode().ask(ApiVersions, version, software)
    expect(answer.errorCode).toBe('NONE')
    expect(answer.apiKeys.map(({ apiKey }) => apiKey).sort((a, b) => a - b)).toEqual(
      handlersOn('broker')
        .map(({ api }) => api.key)
        .sort((a, b) => a - b),
    )
  })

  test('tells what is served on the listener that it came by', async () => {
    const node = new TestNode()
    const apis = [{ apiKey: 18, minVersion: 0, maxVersion: 5 }]
    node.connection = { ...node.connection, listener: { ...node.connection.listener, apis } }
    expect((await node.ask(ApiVersions, 4, software)).apiKeys).toEqual(apis)
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

  describe('v5, which says whom the client means (KIP-1242)', () => {
    const ask = (node: TestNode, meant: { clusterId?: string; nodeId?: number }) =>
      node.ask(ApiVersions, 5, { ...software, ...meant })
    const here = { clusterId: CLUSTER_ID, nodeId: NODE_ID }

    test('answers as ever where it means this broker, or says nothing', async () => {
      const node = new TestNode()
      const answer = await ask(node, here)
      expect(answer.errorCode).toBe('NONE')
      expect(answer.apiKeys).toHaveLength(handlersOn('broker').length)
      expect(await ask(node, {})).toMatchObject({ errorCode: 'NONE' })
    })

    test.each([
      ['another node', { nodeId: 77 }],
      ['another cluster', { clusterId: 'another' }],
      ['a cluster without a name', { clusterId: '' }],
    ])('sends who means %s to look for the cluster again', async (_what, other) => {
      const node = new TestNode()
      expect(await ask(node, { ...here, ...other })).toEqual({
        errorCode: 'REBOOTSTRAP_REQUIRED',
        apiKeys: [],
        throttleTimeMs: 0,
        supportedFeatures: [],
        finalizedFeaturesEpoch: -1,
        finalizedFeatures: [],
        zkMigrationReady: false,
      })
    })

    test('refuses half of it before it is compared, and before that a software that is none', async () => {
      const node = new TestNode()
      const invalid = { errorCode: 'INVALID_REQUEST', apiKeys: [], supportedFeatures: [] }
      expect(await ask(node, { nodeId: 77 })).toMatchObject(invalid)
      expect(await ask(node, { clusterId: CLUSTER_ID })).toMatchObject(invalid)
      const other = { clusterId: 'another', nodeId: 77 }
      const wrong = { clientSoftwareName: '-', clientSoftwareVersion: '1' }
      expect(await node.ask(ApiVersions, 5, { ...wrong, ...other })).toMatchObject(invalid)
    })
  })
})
