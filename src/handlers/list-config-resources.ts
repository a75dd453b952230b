import { ListConfigResources } from '../../protocol/messages/list-config-resources.ts'
import { ResourceType } from './config-resources.ts'
import type { RequestContext } from './context.ts'
import { handle } from './handler.ts'

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

/** ListConfigResources: v0-1. v0 lists subscriptions to client metrics (KIP-714), v1 what is asked for (KIP-1142). */
export const listConfigResources = handle(ListConfigResources).by((request, context) => {
  const asked: readonly number[] =
    context.version < FIRST_VERSION_WITH_TYPES
      ? [ResourceType.CLIENT_METRICS]
      : request.resourceTypes
  if (asked.some((type) => !(LISTED as readonly number[]).includes(type))) {
    return { errorCode: 'UNSUPPORTED_VERSION', configResources: [] }
  }
  return {
    errorCode: 'NONE',
    configResources: LISTED.filter((type) => asked.length === 0 || asked.includes(type)).flatMap(
      (resourceType) =>
        namesOf(resourceType, context).map((resourceName) => ({ resourceName, resourceType })),
    ),
  }
})

/** Topics and brokers always have settings, the others only where some were set. */
function namesOf(
  resourceType: Listed,
  { services: { cluster }, connection }: RequestContext,
): string[] {
  switch (resourceType) {
    case ResourceType.TOPIC:
      return Array.from(cluster().topics(), ({ name }) => name)
    case ResourceType.BROKER:
    case ResourceType.BROKER_LOGGER:
      return cluster()
        .brokers(connection.listener.name)
        .map(({ id }) => String(id))
    default:
      return cluster().configured(resourceType)
  }
}
