import { AlterUserScramCredentials } from '../../protocol/messages/alter-user-scram-credentials.ts'
import { TestNode } from './test-node.ts'

const bytes = Buffer.from('bytes')
const upsertion = (name: string) => ({
  name,
  mechanism: 1,
  iterations: 4096,
  salt: bytes,
  saltedPassword: bytes,
})

describe('AlterUserScramCredentials', () => {
  test('has the controller keep what shows a password, and not what it is made of', async () => {
    const node = new TestNode()
    node.controller = () => [{ user: 'a', errorCode: 'NONE', errorMessage: null }]
    const request = { deletions: [{ name: 'b', mechanism: 2 }], upsertions: [upsertion('a')] }
    const { results } = await node.ask(AlterUserScramCredentials, 0, request)
    expect(results).toEqual([{ user: 'a', errorCode: 'NONE', errorMessage: null }])
    const [command] = node.commands as { upsertions?: readonly object[] }[]
    expect(command).toMatchObject({
      type: 'alterUserScramCredentials',
      deletions: [{ name: 'b', mechanism: 2 }],
      upsertions: [{ name: 'a', mechanism: 1, iterations: 4096, salt: bytes }],
    })
    expect(Object.keys(command!.upsertions![0]!).sort()).toEqual(
      ['iterations', 'mechanism', 'name', 'salt', 'serverKey', 'storedKey'].sort(),
    )
  })
})
