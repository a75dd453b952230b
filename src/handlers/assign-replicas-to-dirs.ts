import { AssignReplicasToDirs } from '../../protocol/messages/assign-replicas-to-dirs.ts'
import { cluster } from './access.ts'
import { askController } from './ask-controller.ts'
import { MAX_CHANGES_COST_BYTES, handle } from './handler.ts'

/** AssignReplicasToDirs: v0 (KIP-858). Where a broker has put its replicas; each by itself is taken note of, or refused. */
export const assignReplicasToDirs = handle(AssignReplicasToDirs, {
  access: cluster('CLUSTER_ACTION', (_request, { errorCode }) => ({ errorCode, directories: [] })),
  at: 'controller',
  maxCostBytes: MAX_CHANGES_COST_BYTES,
}).by(async ({ brokerId, brokerEpoch, directories }, context) => {
  const command = { type: 'assignReplicasToDirs', brokerId, brokerEpoch, directories } as const
  const asked = await askController(context, command)
  if (asked.failed !== null) return { errorCode: asked.failed.errorCode, directories: [] }
  return { errorCode: asked.reply.errorCode, directories: asked.reply.directories }
})
