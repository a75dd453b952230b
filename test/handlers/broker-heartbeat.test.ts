import { BrokerHeartbeat } from '../../protocol/messages/broker-heartbeat.ts'
import { TestNode } from './test-node.ts'

const DIRECTORY = 'D'.repeat(21) + 'A'
const heartbeat = {
  brokerId: 7,
  brokerEpoch: 12,
  currentMetadataOffset: 30,
  wantFence: false,
  wantShutDown: true,
}

describe('BrokerHeartbeat', () => {
  test('tells the controller all that the broker says, and the broker what becomes of it', async () => {
    const node = new TestNode()
    const reply = { errorCode: 'NONE', isCaughtUp: true, isFenced: false, shouldShutDown: true }
    node.controller = () => ({ ...reply, errorMessage: null })
    const directories = { offlineLogDirs: [DIRECTORY], cordonedLogDirs: [] }
    const answer = await node.ask(BrokerHeartbeat, 2, { ...heartbeat, ...directories })
    expect(answer).toEqual({ throttleTimeMs: 0, ...reply })
    expect(node.commands).toEqual([{ type: 'brokerHeartbeat', ...heartbeat, ...directories }])
  })

  test.each([
    [0, [], null],
    [1, [DIRECTORY], null],
    [2, [DIRECTORY], [DIRECTORY]],
  ])('v%i tells of directories what it can', async (version, offlineLogDirs, cordonedLogDirs) => {
    const node = new TestNode()
    node.controller = () => ({
      errorCode: 'NONE',
      isCaughtUp: false,
      isFenced: true,
      shouldShutDown: false,
    })
    const all = { offlineLogDirs: [DIRECTORY], cordonedLogDirs: [DIRECTORY] }
    await node.ask(BrokerHeartbeat, version, { ...heartbeat, ...all })
    expect(node.commands).toMatchObject([{ offlineLogDirs, cordonedLogDirs }])
  })

  test('tells why the controller refuses, and that there is none', async () => {
    const node = new TestNode()
    const refused = { isCaughtUp: false, isFenced: true, shouldShutDown: false }
    node.controller = () => ({ errorCode: 'STALE_BROKER_EPOCH', errorMessage: 'why', ...refused })
    expect(await node.ask(BrokerHeartbeat, 2, heartbeat)).toMatchObject({
      errorCode: 'STALE_BROKER_EPOCH',
      ...refused,
    })
    node.controller = () => {
      throw Object.assign(new Error('lost'), { code: 'ERR_SHARD_LOST' })
    }
    expect(await node.ask(BrokerHeartbeat, 2, heartbeat)).toMatchObject({
      errorCode: 'NOT_CONTROLLER',
      ...refused,
    })
  })
})
