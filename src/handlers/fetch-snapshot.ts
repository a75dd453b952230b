import { FetchSnapshot } from '../../protocol/messages/fetch-snapshot.ts'
import { cluster } from './access.ts'
import { askerOf } from './asker.ts'
import { handle } from './handler.ts'

/** FetchSnapshot: v0-1. A follower whose records are gone here reads the snapshot that has them (KIP-630). */
export const fetchSnapshot = handle(FetchSnapshot, {
  access: cluster('CLUSTER_ACTION', (_request, { errorCode }) => ({ errorCode, topics: [] })),
  listeners: ['controller'],
}).by((request, context) => context.services.raft.fetchSnapshot(request, askerOf(context)))
