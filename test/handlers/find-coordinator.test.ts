import { FindCoordinator } from '../../protocol/messages/find-coordinator.ts'
import { TestNode } from './test-node.ts'

const GROUP = 0
const TRANSACTION = 1
const SHARE = 2

describe('FindCoordinator', () => {
  test('answers the old form with the error’s text, too', async () => {
    const node = new TestNode()
    await node.addTopic('__transaction_state')
    const found = await node.ask(FindCoordinator, 2, { keyType: TRANSACTION, key: 'payments' })
    expect(found).toMatchObject({ errorCode: 'NONE', errorMessage: 'NONE', nodeId: 1 })
    const none = await node.ask(FindCoordinator, 2, { keyType: SHARE, key: 'payments' })
    expect(none).toMatchObject({ errorCode: 'INVALID_REQUEST', nodeId: -1 })
    expect(none.errorMessage).toContain('no coordinator of type 2')
  })

  test('has no coordinator for share groups', async () => {
    const answer = await new TestNode().ask(FindCoordinator, 6, {
      keyType: SHARE,
      coordinatorKeys: ['g:t:0'],
    })
    expect(answer.coordinators).toMatchObject([{ errorCode: 'INVALID_REQUEST' }])
  })
})

describe.each([
  ['a group', GROUP, '__consumer_offsets'],
  ['a transactional id', TRANSACTION, '__transaction_state'],
] as const)('%s', (_of, keyType, topic) => {
  const coordinatorKeys = ['a', 'b', 'c', 'd', 'e']

  test('is coordinated by the leader of its own partition', async () => {
    const node = new TestNode()
    node.addBroker({ id: 2 })
    const other = { leader: 2, replicas: [2], isr: [2] }
    await node.addTopic(topic, { partitions: [{}, other] })
    const { coordinators } = await node.ask(FindCoordinator, 4, { keyType, coordinatorKeys })
    const coordinator = keyType === GROUP ? node.groups : node.transactions
    const leaders = coordinatorKeys.map((key) => coordinator.partitionOf(key) + 1)
    expect(new Set(leaders)).toEqual(new Set([1, 2]))
    expect(coordinators.map(({ nodeId }) => nodeId)).toEqual(leaders)
  })

  test('has no coordinator for as long as that may have ended', async () => {
    const node = new TestNode()
    node.addBroker({ id: 2 })
    await node.addTopic(topic, { partitions: [{ leader: 2, replicas: [2], isr: [2] }] })
    node.inDoubt.add(2)
    const { coordinators } = await node.ask(FindCoordinator, 4, { keyType, coordinatorKeys })
    expect(coordinators[0]).toMatchObject({ errorCode: 'COORDINATOR_NOT_AVAILABLE', nodeId: -1 })
  })

  test('is heard of before a client is sent to it, for it may have ended since', async () => {
    const node = new TestNode()
    for (const id of [2, 3]) node.addBroker({ id })
    const led = (leader: number) => ({ leader, replicas: [leader], isr: [leader] })
    await node.addTopic(topic, { partitions: [led(2), led(3)] })
    const place = keyType === 0 ? node.groups : node.transactions
    const [of2, of3] = [0, 1].map((partition) => {
      let number = 0
      while (place.partitionOf(`key-${number}`) !== partition) number++
      return `key-${number}`
    })
    const heard: (readonly number[])[] = []
    node.hear = async (brokerIds) => {
      heard.push(brokerIds)
      await Promise.resolve()
      node.inDoubt.add(2)
    }
    const keys = [of3!, of2!]
    const several = await node.ask(FindCoordinator, 4, { keyType, coordinatorKeys: keys })
    expect(several.coordinators.map(({ nodeId }) => nodeId)).toEqual([3, -1])
    const one = await node.ask(FindCoordinator, 3, { keyType, key: of2! })
    expect([one.errorCode, heard]).toEqual(['COORDINATOR_NOT_AVAILABLE', [[3, 2], [2]]])
  })

  test('has its topic made where it is missing', async () => {
    const node = new TestNode()
    const asked: string[] = []
    node.automatic = async (names, client) => {
      asked.push(...names)
      // It is the broker that needs it.
      expect(client).toBeNull()
      for (const name of names) await node.addTopic(name)
      return new Map()
    }
    const { coordinators } = await node.ask(FindCoordinator, 4, { keyType, coordinatorKeys })
    expect(new Set(asked)).toEqual(new Set([topic]))
    expect(coordinators[0]).toMatchObject({ errorCode: 'NONE', nodeId: 1 })
  })

  test('has no coordinator where its topic cannot be made', async () => {
    const node = new TestNode()
    node.automatic = () => Promise.resolve(new Map([[topic, 'INVALID_REPLICATION_FACTOR']]))
    const { coordinators } = await node.ask(FindCoordinator, 4, { keyType, coordinatorKeys })
    expect(coordinators[0]).toMatchObject({
      errorCode: 'COORDINATOR_NOT_AVAILABLE',
      errorMessage: expect.stringContaining('INVALID_REPLICATION_FACTOR'),
    })
  })
})
