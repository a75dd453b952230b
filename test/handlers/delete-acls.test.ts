import { DeleteAcls } from '../../protocol/messages/delete-acls.ts'
import { guardedNode } from './test-authorizer.ts'
import { CLOSED, TestNode } from './test-node.ts'

const filter = (resourceNameFilter: string | null) => ({
  resourceTypeFilter: 2,
  resourceNameFilter,
  patternTypeFilter: 1,
  principalFilter: null,
  hostFilter: null,
  operation: 1,
  permissionType: 1,
})

test.each([1, 2, 3])('DeleteAcls v%d refuses each filter: no authorizer', async (version) => {
  const filters = [filter('orders'), filter(null)]
  const { filterResults } = await new TestNode().ask(DeleteAcls, version, { filters })
  const refused = {
    errorCode: 'SECURITY_DISABLED',
    errorMessage: 'No Authorizer is configured.',
    matchingAcls: [],
  }
  expect(filterResults).toEqual([refused, refused])
})

describe('with an authorizer', () => {
  test('each filter is told what it meant', async () => {
    const { node, authorizer } = await guardedNode()
    authorizer.allows = () => true
    const acl = {
      resourceType: 2,
      resourceName: 'orders',
      patternType: 4,
      principal: 'User:a',
      host: '*',
      operation: 3,
      permissionType: 3,
    }
    node.controller = () => [
      { errorCode: 'NONE', errorMessage: null, acls: [acl] },
      { errorCode: 'INVALID_REQUEST', errorMessage: 'why', acls: [] },
    ]
    const filters = [filter('orders'), filter(null)]
    expect((await node.ask(DeleteAcls, 3, { filters })).filterResults).toEqual([
      {
        errorCode: 'NONE',
        errorMessage: null,
        matchingAcls: [{ errorCode: 'NONE', errorMessage: null, ...acl }],
      },
      { errorCode: 'INVALID_REQUEST', errorMessage: 'why', matchingAcls: [] },
    ])
    expect(node.commands).toEqual([{ type: 'deleteAcls', filters }])
  })

  test('many filters are one change, as they are in Kafka', async () => {
    const { node, authorizer } = await guardedNode()
    authorizer.allows = () => true
    const filters = Array.from({ length: 50 }, (_, index) => filter(`t${index}`))
    node.controller = () => filters.map(() => ({ errorCode: 'NONE', errorMessage: null, acls: [] }))
    expect((await node.ask(DeleteAcls, 3, { filters })).filterResults).toHaveLength(50)
    expect(node.commands).toEqual([{ type: 'deleteAcls', filters }])
  })

  test('numbers that mean nothing cost the connection', async () => {
    const { node, authorizer } = await guardedNode()
    authorizer.allows = () => true
    const filters = [{ ...filter(null), operation: 0 }]
    expect(await node.answer(DeleteAcls, 3, { filters })).toBe(CLOSED)
  })
})
