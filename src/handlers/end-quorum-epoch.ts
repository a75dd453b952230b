import { EndQuorumEpoch } from '../../protocol/messages/end-quorum-epoch.ts'
import { cluster } from './access.ts'
import { hangUp } from './answer.ts'
import { handle } from './handler.ts'

/** EndQuorumEpoch: v0-1. A leader of the quorum tells that it leads no longer, and who should stand next (KIP-595). */
export const endQuorumEpoch = handle(EndQuorumEpoch, {
  access: cluster('CLUSTER_ACTION', (_request, { errorCode }) => ({ errorCode, topics: [] })),
  listeners: ['controller'],
}).by(async (request, { services: { raft } }) => (await raft.endQuorumEpoch(request)) ?? hangUp)
