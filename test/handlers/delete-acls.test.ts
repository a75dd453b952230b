import { DeleteAcls } from '../../protocol/messages/delete-acls.ts'
import { TestNode } from './test-node.ts'

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
