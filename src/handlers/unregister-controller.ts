import { UnregisterController } from '../../protocol/messages/unregister-controller.ts'
import { cluster } from './access.ts'
import { askController } from './ask-controller.ts'
import { handle } from './handler.ts'

/** UnregisterController: v0 (KIP-1312). Forgets a controller that is gone for good. */
export const unregisterController = handle(UnregisterController, {
  access: cluster('ALTER', (_request, refusal) => refusal),
  at: 'controller',
}).by(async ({ controllerId }, context) => {
  const asked = await askController(context, { type: 'unregisterController', controllerId })
  const { errorCode, errorMessage } = asked.failed ?? asked.reply
  return { errorCode, errorMessage }
})
