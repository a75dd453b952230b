import { Vote } from '../../protocol/messages/vote.ts'
import { cluster } from './access.ts'
import { hangUp } from './answer.ts'
import { handle } from './handler.ts'

/** Vote: v0-2. Another node asks this one for its vote, or from v2 on whether it would have it (KIP-595, KIP-996). */
export const vote = handle(Vote, {
  access: cluster('CLUSTER_ACTION', (_request, { errorCode }) => ({ errorCode, topics: [] })),
  listeners: ['controller'],
}).by(async (request, { services: { raft } }) => (await raft.vote(request)) ?? hangUp)
