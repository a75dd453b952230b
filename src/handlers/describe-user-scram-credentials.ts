import { DescribeUserScramCredentials } from '../../protocol/messages/describe-user-scram-credentials.ts'
import { cluster } from './access.ts'
import { handle } from './handler.ts'

/** DescribeUserScramCredentials: v0 (KIP-554). Who can authenticate by which mechanism, and in how many rounds; no secrets. */
export const describeUserScramCredentials = handle(DescribeUserScramCredentials, {
  // As in Kafka, for each user that was asked for an answer that doesn't name it.
  access: cluster('DESCRIBE', ({ users }, refusal) => ({
    ...refusal,
    results: (users ?? []).map(() => ({ user: '', ...refusal, credentialInfos: [] })),
  })),
}).by(({ users }, { services }) => {
  const known = services.scramUsers()
  const asked = users === null || users.length === 0 ? [...known.keys()] : namesOf(users)
  const duplicates = new Set(asked.filter((name, at) => asked.indexOf(name) < at))
  const results = [...new Set(asked)].map((user) => {
    const credentialInfos = known.get(user) ?? []
    if (duplicates.has(user)) {
      const errorMessage = `Cannot describe SCRAM credentials for the same user twice in a single request: ${user}`
      return { user, errorCode: 'DUPLICATE_RESOURCE', errorMessage, credentialInfos: [] } as const
    }
    if (credentialInfos.length > 0) {
      return { user, errorCode: 'NONE', errorMessage: null, credentialInfos } as const
    }
    const errorMessage = `Attempt to describe a user credential that does not exist: ${user}`
    return { user, errorCode: 'RESOURCE_NOT_FOUND', errorMessage, credentialInfos: [] } as const
  })
  return { errorCode: 'NONE', errorMessage: null, results }
})

const namesOf = (users: readonly { readonly name: string }[]): string[] =>
  users.map(({ name }) => name)
