import { BrokerRegistration } from '../../protocol/messages/broker-registration.ts'
import { cluster } from './access.ts'
import { askController } from './ask-controller.ts'
import { handle } from './handler.ts'

/** BrokerRegistration: v0-4 (KIP-631). A broker that starts; it serves when its heartbeats have had it unfenced. */
export const brokerRegistration = handle(BrokerRegistration, {
  access: cluster('CLUSTER_ACTION', (_request, { errorCode }) => ({ errorCode })),
  at: 'controller',
}).by(async (request, context) => {
  const { brokerId, clusterId, incarnationId, rack, logDirs, previousBrokerEpoch } = request
  const { lacksLock } = request
  if (request.isMigratingZkBroker) return { errorCode: 'BROKER_ID_NOT_REGISTERED' }
  const asked = await askController(context, {
    type: 'registerBroker',
    brokerId,
    clusterId,
    incarnationId,
    endPoints: request.listeners,
    features: request.features,
    rack,
    logDirs,
    previousBrokerEpoch: previousBrokerEpoch < 0 ? null : previousBrokerEpoch,
    lacksLock,
  })
  if (asked.failed !== null) return { errorCode: asked.failed.errorCode }
  return { errorCode: asked.reply.errorCode, brokerEpoch: asked.reply.brokerEpoch }
})
