import { UpdateFeatures } from '../../protocol/messages/update-features.ts'
import { TestNode } from './test-node.ts'

const done = { errorCode: 'NONE', errorMessage: null }

describe('UpdateFeatures', () => {
  test.each([1, 2])('v%i asks the controller for the levels that the request names', async (v) => {
    const node = new TestNode()
    node.controller = () => done
    await node.ask(UpdateFeatures, v, {
      featureUpdates: [
        { feature: 'metadata.version', maxVersionLevel: 33, upgradeType: 2 },
        { feature: 'kraft.version', maxVersionLevel: 1 },
      ],
      validateOnly: true,
    })
    expect(node.commands).toMatchObject([
      {
        type: 'updateFeatures',
        featureUpdates: [
          { feature: 'metadata.version', maxVersionLevel: 33, upgradeType: 2 },
          { feature: 'kraft.version', maxVersionLevel: 1, upgradeType: 1 },
        ],
        validateOnly: true,
      },
    ])
  })

  test('v0 upgrades in earnest, whatever it allows', async () => {
    const node = new TestNode()
    node.controller = () => done
    await node.ask(UpdateFeatures, 0, {
      featureUpdates: [{ feature: 'metadata.version', maxVersionLevel: 33, allowDowngrade: true }],
    })
    expect(node.commands).toMatchObject([
      { featureUpdates: [{ maxVersionLevel: 33, upgradeType: 1 }], validateOnly: false },
    ])
  })

  test.each([
    [0, true],
    [1, true],
    [2, false],
  ])('v%i tells of each feature by itself: %s', async (version, tells) => {
    const node = new TestNode()
    node.controller = () => done
    const featureUpdates = [{ feature: 'metadata.version', maxVersionLevel: 33 }]
    const answer = await node.ask(UpdateFeatures, version, { featureUpdates })
    expect(answer).toEqual({
      throttleTimeMs: 0,
      ...done,
      results: tells
        ? [{ feature: 'metadata.version', errorCode: 'NONE', errorMessage: 'NONE' }]
        : [],
    })
  })

  test.each([0, 1, 2])('v%i tells a failure once, for the whole', async (version) => {
    const node = new TestNode()
    const refusal = { errorCode: 'INVALID_UPDATE_VERSION', errorMessage: 'why' }
    node.controller = () => refusal
    const featureUpdates = [{ feature: 'metadata.version', maxVersionLevel: 99 }]
    const answer = await node.ask(UpdateFeatures, version, { featureUpdates })
    expect(answer).toEqual({ throttleTimeMs: 0, ...refusal, results: [] })
  })

  test('has no deadline of the client’s, and tells when there is no controller', async () => {
    const node = new TestNode()
    node.controller = () => {
      throw Object.assign(new Error('lost'), { code: 'ERR_SHARD_LOST' })
    }
    const answer = await node.ask(UpdateFeatures, 2, { timeoutMs: 0, featureUpdates: [] })
    expect(answer).toMatchObject({ errorCode: 'NOT_CONTROLLER', errorMessage: 'lost', results: [] })
  })
})
