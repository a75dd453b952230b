import { Fetch } from '../../protocol/messages/fetch.ts'
import { cluster } from './access.ts'
import { hangUp } from './answer.ts'
import { askerOf } from './asker.ts'
import { handle } from './handler.ts'

/**
 * Fetch: v4-18, on controllers' listeners, where it is the quorum's: voters and observers follow the metadata log, whose
 * leader learns from their offsets what most have (KIP-595). There are no sessions.
 */
export const fetchMetadata = handle(Fetch, {
  access: cluster('CLUSTER_ACTION', (_request, { errorCode }) => ({ errorCode, responses: [] })),
  listeners: ['controller'],
}).by(async (request, context) => {
  const { raft } = context.services
  return (await raft.fetch(request, askerOf(context))) ?? hangUp
})
