import { CreateAcls } from '../../protocol/messages/create-acls.ts'
import { TestNode } from './test-node.ts'

const creation = (principal: string) => ({
  resourceType: 2,
  resourceName: 'orders',
  resourcePatternType: 3,
  principal,
  host: '*',
  operation: 3,
  permissionType: 3,
})

test.each([1, 2, 3])('CreateAcls v%d refuses each rule: no authorizer', async (version) => {
  const creations = [creation('User:a'), creation('User:b')]
  const { results } = await new TestNode().ask(CreateAcls, version, { creations })
  const refused = {
    errorCode: 'SECURITY_DISABLED',
    errorMessage: 'No Authorizer is configured.',
  }
  expect(results).toEqual([refused, refused])
})
