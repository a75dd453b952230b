import { AddOffsetsToTxn } from '../../protocol/messages/add-offsets-to-txn.ts'
import { OFFSETS_TOPIC } from '../coordinators/group/kind.ts'
import { all, one } from './access.ts'
import { coordinated } from './coordinated.ts'
import { fencedAs } from './fenced.ts'
import { handle } from './handler.ts'

const FIRST_VERSION_WITH_FENCED = 2
/** Clients of transaction.version 2 don't ask: TxnOffsetCommit itself adds the partition. */
const CLIENT_VERSION = 0

/** AddOffsetsToTxn: the partition of `__consumer_offsets` that has a group's offsets joins the transaction. */
export const addOffsetsToTxn = handle(AddOffsetsToTxn, {
  access: all(
    one(
      'TRANSACTIONAL_ID',
      'WRITE',
      ({ transactionalId }) => transactionalId,
      (_request, { errorCode }) => ({ errorCode }),
    ),
    one(
      'GROUP',
      'READ',
      ({ groupId }) => groupId,
      (_request, { errorCode }) => ({ errorCode }),
    ),
  ),
}).by(async ({ groupId, ...producer }, { services: { groups, transactions }, version }) => {
  const partitions = [{ topic: OFFSETS_TOPIC, partition: groups.partitionOf(groupId) }]
  const asked = transactions.addPartitions({
    ...producer,
    partitions,
    clientVersion: CLIENT_VERSION,
  })
  const error = await coordinated(asked, (errorCode) => errorCode)
  return { errorCode: fencedAs(error, version < FIRST_VERSION_WITH_FENCED) }
})
