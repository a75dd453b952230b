import { FindCoordinator } from '../../protocol/messages/find-coordinator.ts'
import { TestNode } from './test-node.ts'

const TRANSACTION = 1
const SHARE = 2

describe('FindCoordinator', () => {
  test('sends a transactional id to this broker, where InitProducerId refuses it for good', async () => {
    const node = new TestNode()
    node.addBroker({ id: 2 })
    const asked = { keyType: TRANSACTION, coordinatorKeys: ['payments'] }
    const answer = await node.ask(FindCoordinator, 6, asked)
    expect(answer.coordinators).toMatchObject([
      { key: 'payments', errorCode: 'NONE', nodeId: 1, host: 'host1', port: 9001 },
    ])
  })

  test('answers the old form with the error’s text, too', async () => {
    const node = new TestNode()
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

test('a group is coordinated by the leader of its own partition of __consumer_offsets', async () => {
  const node = new TestNode()
  node.addBroker({ id: 2 })
  const other = { leader: 2, replicas: [2], isr: [2] }
  await node.addTopic('__consumer_offsets', { partitions: [{}, other] })
  const groups = ['a', 'b', 'c', 'd', 'e']
  const { coordinators } = await node.ask(FindCoordinator, 4, {
    keyType: 0,
    coordinatorKeys: groups,
  })
  const leaders = groups.map((group) => node.groups.partitionOf(group) + 1)
  expect(new Set(leaders)).toEqual(new Set([1, 2]))
  expect(coordinators.map(({ nodeId }) => nodeId)).toEqual(leaders)
})
