import { IncrementalAlterConfigs } from '../../protocol/messages/incremental-alter-configs.ts'
import { ConfigOperation } from '../metadata/controller/commands.ts'
import type { ConfigChange } from '../metadata/controller/commands.ts'
import { eachResource } from './access.ts'
import { alterResources, judgingNode } from './alter-resources.ts'
import { askController } from './ask-controller.ts'
import { ALTERED_RESOURCES, ResourceType, invalidRequest } from './config-resources.ts'
import type { ResourceError } from './config-resources.ts'
import { MAX_CHANGES_COST_BYTES, handle } from './handler.ts'

/** IncrementalAlterConfigs: v0-1. Sets, removes, appends to and subtracts from single settings (KIP-339). */
export const incrementalAlterConfigs = handle(IncrementalAlterConfigs, {
  access: eachResource(['TOPIC', 'CLUSTER', 'GROUP'], 'ALTER_CONFIGS', {
    ...ALTERED_RESOURCES,
    except: {
      operation: 'CLUSTER_ACTION',
      isMeant: ({ resourceType }, { services }) =>
        resourceType === ResourceType.BROKER_LOGGER && services.kind === 'controller',
    },
  }),
  at: 'both',
  maxCostBytes: MAX_CHANGES_COST_BYTES,
}).by(async (request, context) => ({
  responses: await alterResources(request.resources, {
    clock: context.services.clock,
    nodeId: judgingNode(context.services),
    removes: ({ configOperation }) => configOperation === ConfigOperation.DELETE,
    alterLoggers: refuseLoggers,
    submit: async (resources) => {
      const { validateOnly } = request
      const asked = await askController(context, {
        type: 'incrementalAlterConfigs',
        resources,
        validateOnly,
      })
      if (asked.failed === null) return asked.reply
      return resources.map((resource) => ({ ...resource, ...asked.failed }))
    },
  }),
}))

/** [KIP-412] No logger of this broker has a level that can be altered at run time, so every name is unknown. */
function refuseLoggers(entries: readonly ConfigChange[]): ResourceError | null {
  for (const { name, configOperation } of entries) {
    switch (configOperation) {
      case ConfigOperation.APPEND:
      case ConfigOperation.SUBTRACT: {
        const operation = configOperation === ConfigOperation.APPEND ? 'APPEND' : 'SUBTRACT'
        return invalidRequest(
          `${operation} operation is not allowed for the BROKER_LOGGER resource`,
        )
      }
      case ConfigOperation.SET:
      case ConfigOperation.DELETE:
        return { errorCode: 'INVALID_CONFIG', errorMessage: `Logger ${name} does not exist!` }
      default:
        return invalidRequest(
          `Unknown operation type ${configOperation} is not allowed for the BROKER_LOGGER resource`,
        )
    }
  }
  return null
}
