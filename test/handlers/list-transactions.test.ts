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
    expect(await ids(node, { ...isOpen, durationFilter: 30_000n })).toEqual([])
    node.clock.skip(30_001)
    expect(await ids(node, { ...isOpen, durationFilter: 30_000n })).toEqual(['open'])
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

  test.each([
    ['is long', 'a|'.repeat(501)],
    ['repeats what is long', `(?:${'a?'.repeat(20)}){1000}`],
    ['repeats in what is repeated', '((a?b?){40}){25}'],
    ['repeats a character very often', 'a{999}'],
  ])('refuses an expression that %s: nobody else is served while it is compiled', async (...of) => {
    const node = await nodeWithTransactions()
    await initProducer(node)
    const answer = await list(node, { transactionalIdPattern: of[1] })
    expect(answer.errorCode).toBe('INVALID_REGULAR_EXPRESSION')
  })

  test('refuses a large expression where an id is very long', async () => {
    const node = await nodeWithTransactions()
    await initProducer(node, 'a'.repeat(1000))
    const pattern = { transactionalIdPattern: 'a*'.repeat(128) }
    expect((await list(node, pattern)).errorCode).toBe('INVALID_REGULAR_EXPRESSION')
    expect(await ids(node, { transactionalIdPattern: 'a*' })).toHaveLength(1)
  })

  test('takes counts of usual size', async () => {
    const node = await nodeWithTransactions()
    const uuid = '01234567-89ab-cdef-0123-456789abcdef'
    await initProducer(node, uuid)
    const hex = '[0-9a-f]'
    const pattern = `${hex}{8}(-${hex}{4}){3}-${hex}{12}`
    expect(await ids(node, { transactionalIdPattern: pattern })).toEqual([uuid])
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
