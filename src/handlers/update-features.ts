import { UpdateFeatures } from '../../protocol/messages/update-features.ts'
import { cluster } from './access.ts'
import { askController } from './ask-controller.ts'
import { MAX_CHANGES_COST_BYTES, handle } from './handler.ts'

const LAST_VERSION_WITH_RESULTS = 1

/**
 * UpdateFeatures: v0-2 (KIP-584). Raises or lowers the levels that the cluster has agreed on, all or none. As Kafka's
 * controllers do, it gives `allowDowngrade` of v0 no meaning, and has no deadline of the client's.
 */
export const updateFeatures = handle(UpdateFeatures, {
  access: cluster('ALTER', (_request, refusal) => ({ ...refusal, results: [] })),
  at: 'controller',
  maxCostBytes: MAX_CHANGES_COST_BYTES,
}).by(async (request, context) => {
  const { featureUpdates, validateOnly } = request
  const asked = await askController(context, {
    type: 'updateFeatures',
    featureUpdates,
    validateOnly,
  })
  const { errorCode, errorMessage } = asked.failed ?? asked.reply
  const hasResults = errorCode === 'NONE' && context.version <= LAST_VERSION_WITH_RESULTS
  const results = hasResults
    ? featureUpdates.map(({ feature }) => ({ feature, errorCode, errorMessage: 'NONE' }))
    : []
  return { errorCode, errorMessage, results }
})
