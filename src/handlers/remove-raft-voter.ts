import { RemoveRaftVoter } from '../../protocol/messages/remove-raft-voter.ts'
import { cluster } from './access.ts'
import { askController } from './ask-controller.ts'
import { handle } from './handler.ts'

/** RemoveRaftVoter: v0 (KIP-853). Has one of the quorum's voters vote no more; where that leads, it resigns. */
export const removeRaftVoter = handle(RemoveRaftVoter, {
  access: cluster('ALTER', (_request, refusal) => refusal),
  at: 'controller',
}).by(async ({ clusterId, voterId: id, voterDirectoryId: directoryId }, context) => {
  if (clusterId !== null && clusterId !== context.services.cluster().clusterId) {
    return { errorCode: 'INCONSISTENT_CLUSTER_ID', errorMessage: null }
  }
  const asked = await askController(context, {
    type: 'changeVoters',
    change: { kind: 'remove', voter: { id, directoryId } },
  })
  const { errorCode, errorMessage } = asked.failed ?? asked.reply
  return { errorCode, errorMessage }
})
