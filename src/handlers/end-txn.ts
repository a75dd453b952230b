import { EndTxn } from '../../protocol/messages/end-txn.ts'
import type { EndTxnResponse } from '../../protocol/messages/end-txn.ts'
import { EPOCH_BUMP_VERSION, NO_PRODUCER } from '../coordinators/transaction/transaction.ts'
import { one } from './access.ts'
import { coordinated } from './coordinated.ts'
import { fencedAs } from './fenced.ts'
import { handle } from './handler.ts'

const FIRST_VERSION_WITH_FENCED = 2
/** [KIP-890] Whose client goes on with the epoch that the answer tells. */
const FIRST_VERSION_WITH_BUMP = 5

/** EndTxn: v0-5. A transaction is committed or aborted. */
export const endTxn = handle(EndTxn, {
  access: one(
    'TRANSACTIONAL_ID',
    'WRITE',
    ({ transactionalId }) => transactionalId,
    (_request, { errorCode }) => ({ errorCode }),
  ),
}).by(async ({ committed, ...producer }, { services: { transactions }, version }) => {
  const asked = transactions.end({
    ...producer,
    result: committed ? 'COMMIT' : 'ABORT',
    clientVersion: version >= FIRST_VERSION_WITH_BUMP ? EPOCH_BUMP_VERSION : 0,
  })
  const reply = await coordinated<EndTxnResponse>(asked, (errorCode) => ({
    errorCode,
    ...NO_PRODUCER,
  }))
  return { ...reply, errorCode: fencedAs(reply.errorCode, version < FIRST_VERSION_WITH_FENCED) }
})
