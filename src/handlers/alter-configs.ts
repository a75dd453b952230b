import { AlterConfigs } from '../../protocol/messages/alter-configs.ts'
import { eachResource } from './access.ts'
import { alterResources, judgingNode } from './alter-resources.ts'
import { askController } from './ask-controller.ts'
import { ALTERED_RESOURCES } from './config-resources.ts'
import { MAX_CHANGES_COST_BYTES, handle } from './handler.ts'

/** AlterConfigs: v0-2. The settings of a resource become exactly these: what isn't named is removed. */
export const alterConfigs = handle(AlterConfigs, {
  access: eachResource(['TOPIC', 'CLUSTER', 'GROUP'], 'ALTER_CONFIGS', ALTERED_RESOURCES),
  at: 'both',
  maxCostBytes: MAX_CHANGES_COST_BYTES,
}).by(async (request, context) => ({
  responses: await alterResources(request.resources, {
    clock: context.services.clock,
    nodeId: judgingNode(context.services),
    removes: () => false,
    alterLoggers: null,
    submit: async (resources) => {
      const { validateOnly } = request
      const asked = await askController(context, {
        type: 'alterConfigs',
        resources,
        validateOnly,
      })
      if (asked.failed === null) return asked.reply
      return resources.map((resource) => ({ ...resource, ...asked.failed }))
    },
  }),
}))
