import { BeginQuorumEpoch } from '../../protocol/messages/begin-quorum-epoch.ts'
import { cluster } from './access.ts'
import { hangUp } from './answer.ts'
import { handle } from './handler.ts'

/** BeginQuorumEpoch: v0-1. A leader of the quorum tells that it leads, and where it is (KIP-595, KIP-853). */
export const beginQuorumEpoch = handle(BeginQuorumEpoch, {
  access: cluster('CLUSTER_ACTION', (_request, { errorCode }) => ({ errorCode, topics: [] })),
  listeners: ['controller'],
}).by(async (request, { services: { raft } }) => (await raft.beginQuorumEpoch(request)) ?? hangUp)
