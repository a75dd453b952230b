import { DescribeAcls } from '../../protocol/messages/describe-acls.ts'
import { TestNode } from './test-node.ts'

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
