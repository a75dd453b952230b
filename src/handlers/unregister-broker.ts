import { UnregisterBroker } from '../../protocol/messages/unregister-broker.ts'
import { cluster } from './access.ts'
import { askController } from './ask-controller.ts'
import { handle } from './handler.ts'

/** UnregisterBroker: v0. Forgets a broker that is gone for good. As Kafka's controllers do, it tells the error without a text. */
export const unregisterBroker = handle(UnregisterBroker, {
  access: cluster('ALTER', (_request, { errorCode }) => ({ errorCode, errorMessage: '' })),
  at: 'controller',
}).by(async ({ brokerId }, context) => {
  const asked = await askController(context, { type: 'unregisterBroker', brokerId })
  const { errorCode } = asked.failed ?? asked.reply
  return { errorCode, errorMessage: '' }
})
