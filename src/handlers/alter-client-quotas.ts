import { AlterClientQuotas } from '../../protocol/messages/alter-client-quotas.ts'
import { cluster } from './access.ts'
import { askController } from './ask-controller.ts'
import { MAX_CHANGES_COST_BYTES, handle } from './handler.ts'

/** AlterClientQuotas: v0-1 (KIP-546). What clients may use, by user, client id and address. */
export const alterClientQuotas = handle(AlterClientQuotas, {
  access: cluster('ALTER_CONFIGS', ({ entries }, refusal) => ({
    entries: entries.map(({ entity }) => ({ entity, ...refusal })),
  })),
  at: 'controller',
  maxCostBytes: MAX_CHANGES_COST_BYTES,
}).by(async ({ entries, validateOnly }, context) => {
  const command = { type: 'alterClientQuotas', entries, validateOnly } as const
  const asked = await askController(context, command)
  if (asked.failed === null) return { entries: asked.reply }
  const { failed } = asked
  return { entries: entries.map(({ entity }) => ({ entity, ...failed })) }
})
