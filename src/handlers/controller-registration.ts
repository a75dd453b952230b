import { ControllerRegistration } from '../../protocol/messages/controller-registration.ts'
import { cluster } from './access.ts'
import { askController } from './ask-controller.ts'
import { handle } from './handler.ts'

/** ControllerRegistration: v0 (KIP-919). Where a controller listens, and the features that it knows. */
export const controllerRegistration = handle(ControllerRegistration, {
  access: cluster('CLUSTER_ACTION', (_request, refusal) => refusal),
  at: 'controller',
}).by(async ({ controllerId, incarnationId, listeners, features }, context) => {
  const asked = await askController(context, {
    type: 'registerController',
    controllerId,
    incarnationId,
    endPoints: listeners,
    features,
  })
  const { errorCode, errorMessage } = asked.failed ?? asked.reply
  return { errorCode, errorMessage }
})
