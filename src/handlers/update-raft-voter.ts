import { UpdateRaftVoter } from '../../protocol/messages/update-raft-voter.ts'
import { cluster } from './access.ts'
import { handle } from './handler.ts'

/** UpdateRaftVoter: v0 (KIP-853). A voter of the quorum tells its leader where it listens now. */
export const updateRaftVoter = handle(UpdateRaftVoter, {
  access: cluster('CLUSTER_ACTION', (_request, { errorCode }) => ({ errorCode })),
  listeners: ['controller'],
}).by((request, { services: { raft } }) => raft.updateVoter(request))
