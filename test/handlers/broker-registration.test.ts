import { BrokerRegistration } from '../../protocol/messages/broker-registration.ts'
import { ZERO_UUID } from '../../protocol/schema.ts'
import { CLUSTER_ID, TestNode } from './test-node.ts'

const DIRECTORY = 'D'.repeat(21) + 'A'
const listeners = [{ name: 'PLAINTEXT', host: 'h', port: 65535, securityProtocol: 0 }]
const features = [{ name: 'metadata.version', minSupportedVersion: 7, maxSupportedVersion: 33 }]
const registration = {
  brokerId: 7,
  clusterId: CLUSTER_ID,
  incarnationId: 'I'.repeat(21) + 'A',
  listeners,
  features,
  rack: 'r',
}

describe('BrokerRegistration', () => {
  test('has the controller take note of all that the broker says, and gives its epoch', async () => {
    const node = new TestNode()
    node.controller = () => ({ errorCode: 'NONE', errorMessage: null, brokerEpoch: 12 })
    const known = { ...registration, logDirs: [DIRECTORY], previousBrokerEpoch: 5 }
    const body = { ...known, lacksLock: true }
    expect(await node.ask(BrokerRegistration, 4, body)).toEqual({
      throttleTimeMs: 0,
      errorCode: 'NONE',
      brokerEpoch: 12,
    })
    expect(node.commands).toEqual([
      {
        type: 'registerBroker',
        brokerId: 7,
        clusterId: CLUSTER_ID,
        incarnationId: registration.incarnationId,
        endPoints: listeners,
        features,
        rack: 'r',
        logDirs: [DIRECTORY],
        previousBrokerEpoch: 5,
        lacksLock: true,
      },
    ])
  })

  test.each([0, 1, 2, 3])('v%i leaves out what came later', async (version) => {
    const node = new TestNode()
    node.controller = () => ({ errorCode: 'NONE', errorMessage: null, brokerEpoch: 1 })
    const body = { ...registration, logDirs: [ZERO_UUID], previousBrokerEpoch: 5 }
    await node.ask(BrokerRegistration, version, body)
    expect(node.commands).toMatchObject([
      {
        logDirs: version < 2 ? [] : [ZERO_UUID],
        previousBrokerEpoch: version < 3 ? null : 5,
      },
    ])
  })

  test('tells why the controller refuses, and that there is none', async () => {
    const node = new TestNode()
    const errorCode = 'DUPLICATE_BROKER_REGISTRATION'
    node.controller = () => ({ errorCode, errorMessage: 'why', brokerEpoch: -1 })
    const answer = await node.ask(BrokerRegistration, 4, registration)
    expect(answer).toMatchObject({ errorCode, brokerEpoch: -1 })
    node.controller = () => {
      throw Object.assign(new Error('lost'), { code: 'ERR_SHARD_LOST' })
    }
    expect(await node.ask(BrokerRegistration, 4, registration)).toMatchObject({
      errorCode: 'NOT_CONTROLLER',
      brokerEpoch: -1,
    })
  })

  test('refuses a broker that comes from ZooKeeper', async () => {
    const node = new TestNode()
    const body = { ...registration, isMigratingZkBroker: true }
    expect(await node.ask(BrokerRegistration, 4, body)).toMatchObject({
      errorCode: 'BROKER_ID_NOT_REGISTERED',
    })
  })
})
