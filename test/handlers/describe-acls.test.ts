import { DescribeAcls } from '../../protocol/messages/describe-acls.ts'
import { acl } from '../security/acls.ts'
import { guardedNode } from './test-authorizer.ts'
import { CLOSED, TestNode } from './test-node.ts'

test.each([1, 2, 3])('DescribeAcls v%d says that there is no authorizer', async (version) => {
  const answer = await new TestNode().ask(DescribeAcls, version, {
    resourceTypeFilter: 1,
    resourceNameFilter: null,
    patternTypeFilter: 1,
    principalFilter: null,
    hostFilter: null,
    operation: 1,
    permissionType: 1,
  })
  expect(answer).toMatchObject({
    errorCode: 'SECURITY_DISABLED',
    errorMessage: 'No Authorizer is configured on the broker',
    resources: [],
  })
})

describe('with an authorizer', () => {
  const all = {
    resourceTypeFilter: 1,
    resourceNameFilter: null,
    patternTypeFilter: 1,
    principalFilter: null,
    hostFilter: null,
    operation: 1,
    permissionType: 1,
  }

  test.each(['broker', 'controller'] as const)(
    'a %s tells the rules that are meant, by resource',
    async (kind) => {
      const { node, authorizer } = await guardedNode()
      authorizer.allows = () => true
      authorizer.rules = [
        acl('ALLOW User:a READ TOPIC:t'),
        acl('ALLOW User:a READ TOPIC:t...'),
        acl('DENY User:b WRITE TOPIC:t', '10.0.0.1'),
        acl('ALLOW User:a READ GROUP:t'),
      ]
      const filter = { ...all, resourceTypeFilter: 2 }
      const answer = await node.answer(DescribeAcls, 3, filter, 'test', kind)
      const read = { principal: 'User:a', host: '*', operation: 3, permissionType: 3 }
      const denied = { principal: 'User:b', host: '10.0.0.1', operation: 4, permissionType: 2 }
      const topic = { resourceType: 2, resourceName: 't' }
      expect(answer).toMatchObject({
        errorCode: 'NONE',
        errorMessage: null,
        resources: [
          { ...topic, patternType: 3, acls: [read, denied] },
          { ...topic, patternType: 4, acls: [read] },
        ],
      })
    },
  )

  test('numbers that mean nothing cost the connection', async () => {
    const { node, authorizer } = await guardedNode()
    authorizer.allows = () => true
    expect(await node.answer(DescribeAcls, 3, { ...all, permissionType: 9 })).toBe(CLOSED)
  })
})
