import type { ErrorName } from '../../protocol/errors.ts'
import { BrokerHeartbeat } from '../../protocol/messages/broker-heartbeat.ts'
import { cluster } from './access.ts'
import { askController } from './ask-controller.ts'
import { handle } from './handler.ts'

/** BrokerHeartbeat: v0-2 (KIP-631). A broker is alive, how far it has followed the metadata, and what it wishes. */
export const brokerHeartbeat = handle(BrokerHeartbeat, {
  access: cluster('CLUSTER_ACTION', (_request, { errorCode }) => refused(errorCode)),
  listeners: ['controller'],
}).by(async (request, context) => {
  // It is decided in this turn: the end of the connection, if that comes, comes after it.
  const deciding = askController(context, { type: 'brokerHeartbeat', ...request })
  const { connection, services } = context
  services.heartbeats.heard(request.brokerId, request.brokerEpoch, connection.presence)
  const asked = await deciding
  if (asked.failed !== null) return refused(asked.failed.errorCode)
  const { errorCode, isCaughtUp, isFenced, shouldShutDown } = asked.reply
  return { errorCode, isCaughtUp, isFenced, shouldShutDown }
})

function refused(errorCode: ErrorName) {
  return { errorCode, shouldShutDown: false }
}
