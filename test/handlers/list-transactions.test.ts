import { ListTransactions } from '../../protocol/messages/list-transactions.ts'
import type { ListTransactionsRequest } from '../../protocol/messages/list-transactions.ts'
import { guardedNode } from './test-authorizer.ts'
import type { TestNode } from './test-node.ts'
import { addPartitions, initProducer, nodeWithTransactions } from './transactional-producer.ts'

async function list(node: TestNode, filters: Partial<ListTransactionsRequest> = {}) {
  const body = { stateFilters: [], producerIdFilters: [], ...filters }
  return node.ask(ListTransactions, 2, body)
}

async function ids(node: TestNode, filters: Partial<ListTransactionsRequest> = {}) {
  const { errorCode, transactionStates } = await list(node, filters)
  expect(errorCode).toBe('NONE')
  return transactionStates.map(({ transactionalId }) => transactionalId)
}

describe('ListTransactions', () => {
  test.each([0, 1, 2])('v%i tells all transactional ids of this broker', async (version) => {
    const node = await nodeWithTransactions()
    const { producerId } = await initProducer(node)
    const body = { stateFilters: [], producerIdFilters: [] }
    const { transactionStates } = await node.ask(ListTransactions, version, body)
    const transaction = { transactionalId: 'x', producerId, transactionState: 'Empty' }
    expect(transactionStates).toEqual([transaction])
  })

  test('filters by state, producer id, duration and pattern', async () => {
    const node = await nodeWithTransactions()
    const open = await initProducer(node, 'open')
    await addPartitions(node, open)
    const { producerId } = await initProducer(node, 'empty')
    expect(await ids(node, { stateFilters: ['Ongoing'] })).toEqual(['open'])
    expect(await ids(node, { stateFilters: ['Ongoing', 'Empty'] })).toEqual(['open', 'empty'])
    expect(await ids(node, { producerIdFilters: [producerId] })).toEqual(['empty'])
    const isOpen = { stateFilters: ['Ongoing'] }
    expect(await ids(node, { ...isOpen, durationFilter: 1000n })).toEqual([])
    node.clock.skip(1001)
    expect(await ids(node, { ...isOpen, durationFilter: 1000n })).toEqual(['open'])
    expect(await ids(node, { transactionalIdPattern: 'op.*' })).toEqual(['open'])
    // The whole id must match.
    expect(await ids(node, { transactionalIdPattern: 'op' })).toEqual([])
    expect(await ids(node, { transactionalIdPattern: '' })).toEqual(['open', 'empty'])
  })

  test('tells of states that there are none of', async () => {
    const node = await nodeWithTransactions()
    await initProducer(node)
    const answer = await list(node, { stateFilters: ['ongoing', 'Dead'] })
    expect(answer).toMatchObject({ unknownStateFilters: ['ongoing'], transactionStates: [] })
  })

  test('refuses what is no regular expression', async () => {
    const node = await nodeWithTransactions()
    await initProducer(node)
    const answer = await list(node, { transactionalIdPattern: '(' })
    expect(answer).toMatchObject({
      errorCode: 'INVALID_REGULAR_EXPRESSION',
      transactionStates: [],
    })
  })

  test('leaves out what the principal may not describe', async () => {
    const { node, authorizer } = await guardedNode()
    authorizer.allows = () => true
    await node.addTransactions()
    await initProducer(node, 'x')
    await initProducer(node, 'y')
    authorizer.allows = (_operation, _type, name) => name === 'y'
    expect(await ids(node)).toEqual(['y'])
  })
})
