import { AlterUserScramCredentials } from '../../protocol/messages/alter-user-scram-credentials.ts'
import { SCRAM_MECHANISMS, scramCredential } from '../security/sasl/scram.ts'
import { cluster } from './access.ts'
import { askController } from './ask-controller.ts'
import { MAX_CHANGES_COST_BYTES, handle } from './handler.ts'

/** AlterUserScramCredentials: v0 (KIP-554). Clients send salted passwords: working them out is none of the broker's work. */
export const alterUserScramCredentials = handle(AlterUserScramCredentials, {
  access: cluster('ALTER', (request, { errorCode, errorMessage }) => ({
    results: usersOf(request).map((user) => ({ user, errorCode, errorMessage })),
  })),
  at: 'controller',
  maxCostBytes: MAX_CHANGES_COST_BYTES,
}).by(async (request, context) => {
  const { deletions, upsertions } = request
  const credentials = upsertions.map(({ name, mechanism, iterations, salt, saltedPassword }) => ({
    name,
    mechanism,
    ...scramCredential(
      SCRAM_MECHANISMS.get(mechanism) ?? 'SCRAM-SHA-256',
      saltedPassword,
      Buffer.from(salt),
      iterations,
    ),
  }))
  const command = {
    type: 'alterUserScramCredentials',
    deletions,
    upsertions: credentials,
  } as const
  const asked = await askController(context, command)
  if (asked.failed === null) return { results: asked.reply }
  const { failed } = asked
  return { results: usersOf(request).map((user) => ({ user, ...failed })) }
})

interface Named {
  readonly name: string
}

function usersOf(request: {
  readonly deletions: readonly Named[]
  readonly upsertions: readonly Named[]
}): string[] {
  return [...new Set([...request.deletions, ...request.upsertions].map(({ name }) => name))]
}
