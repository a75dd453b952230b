import { FindCoordinator } from '../../protocol/messages/find-coordinator.ts'
import { TestNode } from './test-node.ts'

const TRANSACTION = 1
const SHARE = 2

describe('FindCoordinator', () => {
  test('refuses a transactional id with the one error that all clients take for final, and says why', async () => {
    const answer = await new TestNode().ask(FindCoordinator, 6, {
      keyType: TRANSACTION,
      coordinatorKeys: ['payments'],
    })
    expect(answer.coordinators).toMatchObject([
      { key: 'payments', errorCode: 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED', nodeId: -1 },
    ])
    expect(answer.coordinators[0]!.errorMessage).toContain('no transactions yet')
  })

  test('answers the old form with the error’s text, too', async () => {
    const answer = await new TestNode().ask(FindCoordinator, 2, {
      keyType: TRANSACTION,
      key: 'payments',
    })
    expect(answer).toMatchObject({ errorCode: 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED', nodeId: -1 })
  })

  test('has no coordinator for share groups', async () => {
    const answer = await new TestNode().ask(FindCoordinator, 6, {
      keyType: SHARE,
      coordinatorKeys: ['g:t:0'],
    })
    expect(answer.coordinators).toMatchObject([{ errorCode: 'INVALID_REQUEST' }])
  })
})
