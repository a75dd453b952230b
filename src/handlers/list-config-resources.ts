import { ListConfigResources } from '../../protocol/messages/list-config-resources.ts'
import { cluster } from './access.ts'
import { ResourceType } from './config-resources.ts'
import type { RequestContext } from './context.ts'
import { handle } from './handler.ts'
import { inTurnsOfStored } from './turns.ts'

/** In Kafka's order. */
const LISTED = [
  ResourceType.GROUP,
  ResourceType.CLIENT_METRICS,
  ResourceType.BROKER_LOGGER,
  ResourceType.BROKER,
  ResourceType.TOPIC,
] as const
type Listed = (typeof LISTED)[number]

const FIRST_VERSION_WITH_TYPES = 1

/** What a resource takes in an answer, about. */
const RESOURCE_BYTES = 50

/** ListConfigResources: v0-1. v0 lists subscriptions to client metrics (KIP-714), v1 what is asked for (KIP-1142). */
export const listConfigResources = handle(ListConfigResources, {
  access: cluster('DESCRIBE_CONFIGS', (_request, { errorCode }) => ({
    errorCode,
    configResources: [],
  })),
}).by(async (request, context) => {
  const asked: readonly number[] =
    context.version < FIRST_VERSION_WITH_TYPES
      ? [ResourceType.CLIENT_METRICS]
      : request.resourceTypes
  if (asked.some((type) => !(LISTED as readonly number[]).includes(type))) {
    return { errorCode: 'UNSUPPORTED_VERSION', configResources: [] }
  }
  const types = LISTED.filter((type) => asked.length === 0 || asked.includes(type))
  const configResources = await inTurnsOfStored(
    context.services,
    resourcesOf(types, context),
    (resource) => {
      if (resource !== null) context.spend(RESOURCE_BYTES + resource.resourceName.length)
      return resource
    },
  )
  return { errorCode: 'NONE', configResources }
})

/** Topics and brokers always have settings, the others only where some were set. Null for what only had to be looked at. */
function* resourcesOf(
  types: readonly Listed[],
  { services: { cluster }, connection }: RequestContext,
): Iterable<{ resourceName: string; resourceType: number } | null> {
  const view = cluster()
  for (const resourceType of types) {
    switch (resourceType) {
      case ResourceType.TOPIC:
        for (const { name } of view.topics()) yield { resourceName: name, resourceType }
        break
      case ResourceType.BROKER:
      case ResourceType.BROKER_LOGGER:
        for (const { id } of view.brokers(connection.listener.name)) {
          yield { resourceName: String(id), resourceType }
        }
        break
      default:
        for (const resource of view.configured()) {
          yield resource.resourceType === resourceType ? resource : null
        }
    }
  }
}
