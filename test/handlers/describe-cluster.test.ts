import { DescribeCluster } from '../../protocol/messages/describe-cluster.ts'
import { CLUSTER_ID, TestNode } from './test-node.ts'

function node(): TestNode {
  const made = new TestNode()
  made.addBroker({ id: 2, fenced: true, rack: 'r' })
  return made
}

const plainly = { includeClusterAuthorizedOperations: false }

describe('DescribeCluster', () => {
  test('tells the brokers that are there, and on request those that are fenced', async () => {
    const live = await node().ask(DescribeCluster, 2, { ...plainly, endpointType: 1 })
    expect(live).toMatchObject({ errorCode: 'NONE', clusterId: CLUSTER_ID, controllerId: 1 })
    expect(live.brokers).toEqual([
      { brokerId: 1, host: 'host1', port: 9001, rack: null, isFenced: false },
    ])
    const all = await node().ask(DescribeCluster, 2, {
      ...plainly,
      endpointType: 1,
      includeFencedBrokers: true,
    })
    expect(all.brokers.map(({ brokerId, isFenced }) => [brokerId, isFenced])).toEqual([
      [1, false],
      [2, true],
    ])
  })

  test('tells what the client may do only where it asks', async () => {
    const plain = await node().ask(DescribeCluster, 0, plainly)
    expect(plain.clusterAuthorizedOperations).toBe(-(2 ** 31))
    const full = await node().ask(DescribeCluster, 0, { includeClusterAuthorizedOperations: true })
    expect(full.clusterAuthorizedOperations).toBe(8096)
  })

  test.each([
    [
      2,
      'MISMATCHED_ENDPOINT_TYPE',
      'The request was sent to an endpoint of type BROKER, but we wanted an endpoint of type CONTROLLER',
    ],
    [3, 'UNSUPPORTED_ENDPOINT_TYPE', 'Unsupported endpoint type 3'],
  ])('refuses endpoint type %i', async (endpointType, errorCode, errorMessage) => {
    expect(await node().ask(DescribeCluster, 1, { ...plainly, endpointType })).toMatchObject({
      errorCode,
      errorMessage,
      brokers: [],
    })
  })

  test('tells the controllers on a controller’s listener, and there nothing else', async () => {
    const made = node()
    const endPoint = { name: 'PLAINTEXT', host: 'c2', port: 9093, securityProtocol: 0 }
    const parts = { incarnationId: 'A'.repeat(22), features: [] }
    made.image = {
      ...made.image,
      controllers: new Map([
        [2, { id: 2, ...parts, endPoints: [endPoint] }],
        [3, { id: 3, ...parts, endPoints: [{ ...endPoint, name: 'OTHER' }] }],
      ]),
    }
    const ask = (endpointType: number) =>
      made.ask(DescribeCluster, 2, { ...plainly, endpointType }, 'test', 'controller')
    expect(await ask(2)).toMatchObject({
      errorCode: 'NONE',
      endpointType: 2,
      clusterId: CLUSTER_ID,
      brokers: [{ brokerId: 2, host: 'c2', port: 9093, rack: null }],
    })
    expect(await ask(1)).toMatchObject({
      errorCode: 'MISMATCHED_ENDPOINT_TYPE',
      errorMessage:
        'The request was sent to an endpoint of type CONTROLLER, but we wanted an endpoint of type BROKER',
      brokers: [],
    })
  })
})
