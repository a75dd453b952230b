import type { ErrorName } from '../../protocol/errors.ts'
import { BrokerHeartbeat } from '../../protocol/messages/broker-heartbeat.ts'
import { cluster } from './access.ts'
import { askController } from './ask-controller.ts'
import { handle } from './handler.ts'

/** BrokerHeartbeat: v0-2 (KIP-631). A broker is alive, how far it has followed the metadata, and what it wishes. */
export const brokerHeartbeat = handle(BrokerHeartbeat, {
  access: cluster('CLUSTER_ACTION', (_request, { errorCode }) => refused(errorCode)),
  at: 'controller',
}).by(async (request, context) => {
  const asked = await askController(context, { type: 'brokerHeartbeat', ...request })
  if (asked.failed !== null) return refused(asked.failed.errorCode)
  const { errorCode, isCaughtUp, isFenced, shouldShutDown } = asked.reply
  return { errorCode, isCaughtUp, isFenced, shouldShutDown }
})

function refused(errorCode: ErrorName) {
  return { errorCode, shouldShutDown: false }
}
