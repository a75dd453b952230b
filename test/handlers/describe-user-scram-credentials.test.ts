import { DescribeUserScramCredentials } from '../../protocol/messages/describe-user-scram-credentials.ts'
import { TestNode } from './test-node.ts'

describe('DescribeUserScramCredentials', () => {
  test('tells who is unknown, and who was asked for twice', async () => {
    const users = ['a', 'b', 'a'].map((name) => ({ name }))
    const { results } = await new TestNode().ask(DescribeUserScramCredentials, 0, { users })
    expect(results.map(({ user, errorCode }) => [user, errorCode])).toEqual([
      ['a', 'DUPLICATE_RESOURCE'],
      ['b', 'RESOURCE_NOT_FOUND'],
    ])
  })

  test.each([[null], [[]]])('tells of all where %j are asked for', async (users) => {
    const answer = await new TestNode().ask(DescribeUserScramCredentials, 0, { users })
    expect(answer).toMatchObject({ errorCode: 'NONE', results: [] })
  })
})
