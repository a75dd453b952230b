import { AddRaftVoter } from '../../protocol/messages/add-raft-voter.ts'
import { cluster } from './access.ts'
import { askController } from './ask-controller.ts'
import { handle } from './handler.ts'

/** AddRaftVoter: v0-1 (KIP-853, KIP-1186). Has a controller that follows the quorum vote in it. */
export const addRaftVoter = handle(AddRaftVoter, {
  access: cluster('ALTER', (_request, refusal) => refusal),
  at: 'controller',
}).by(async (request, context) => {
  const { clusterId, timeoutMs, voterId: id, voterDirectoryId: directoryId } = request
  if (clusterId !== null && clusterId !== context.services.cluster().clusterId) {
    return { errorCode: 'INCONSISTENT_CLUSTER_ID', errorMessage: null }
  }
  const asked = await askController(
    context,
    {
      type: 'changeVoters',
      change: {
        kind: 'add',
        voter: { id, directoryId, endpoints: request.listeners },
        ackWhenCommitted: request.ackWhenCommitted,
      },
    },
    timeoutMs,
  )
  const { errorCode, errorMessage } = asked.failed ?? asked.reply
  return { errorCode, errorMessage }
})
