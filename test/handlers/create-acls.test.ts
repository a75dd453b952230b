import { CreateAcls } from '../../protocol/messages/create-acls.ts'
import { guardedNode } from './test-authorizer.ts'
import { CLOSED, TestNode } from './test-node.ts'

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

describe('with an authorizer', () => {
  test('the controller makes those that a broker has nothing against', async () => {
    const { node, authorizer } = await guardedNode()
    authorizer.allows = () => true
    node.controller = (command) =>
      (command as unknown as { acls: object[] }).acls.map(() => ({
        errorCode: 'NONE',
        errorMessage: null,
      }))
    const creations = [
      creation('User:a'),
      { ...creation('User:b'), resourceName: '' },
      { ...creation('User:c'), resourceType: 4, resourceName: 'my-cluster' },
      { ...creation('User:d'), resourceType: 4, resourceName: 'kafka-cluster' },
    ]
    const { results } = await node.ask(CreateAcls, 3, { creations })
    expect(results).toEqual([
      { errorCode: 'NONE', errorMessage: null },
      { errorCode: 'INVALID_REQUEST', errorMessage: 'Invalid empty resource name' },
      {
        errorCode: 'INVALID_REQUEST',
        errorMessage: 'The only valid name for the CLUSTER resource is kafka-cluster',
      },
      { errorCode: 'NONE', errorMessage: null },
    ])
    const { resourcePatternType: patternType, ...first } = creation('User:a')
    expect(node.commands).toMatchObject([
      { type: 'createAcls', acls: [{ ...first, patternType }, { principal: 'User:d' }] },
    ])
  })

  test.each(['resourceType', 'resourcePatternType', 'operation', 'permissionType'])(
    'a %s that means nothing costs the connection',
    async (field) => {
      const { node, authorizer } = await guardedNode()
      authorizer.allows = () => true
      const creations = [{ ...creation('User:a'), [field]: 77 }]
      expect(await node.answer(CreateAcls, 3, { creations })).toBe(CLOSED)
    },
  )
})
