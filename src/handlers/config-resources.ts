import type { ErrorName } from '../../protocol/errors.ts'
import { ResourceType as StoredResourceType } from '../metadata/image.ts'
import { CLUSTER_NAME } from '../security/authorizer.ts'
import type { AclResource } from '../security/authorizer.ts'

/** What settings can belong to; the levels of a broker's loggers are in no metadata. */
export const ResourceType = { ...StoredResourceType, BROKER_LOGGER: 8 } as const

/** What ACLs guard the settings of a resource by; null for a type that nobody knows. */
export function aclResourceOf({
  resourceType,
  resourceName: name,
}: {
  readonly resourceType: number
  readonly resourceName: string
}): AclResource | null {
  switch (resourceType) {
    case ResourceType.TOPIC:
      return { type: 'TOPIC', name }
    case ResourceType.GROUP:
      return { type: 'GROUP', name }
    case ResourceType.BROKER:
    case ResourceType.BROKER_LOGGER:
    case ResourceType.CLIENT_METRICS:
      return { type: 'CLUSTER', name: CLUSTER_NAME }
    default:
      return null
  }
}

/** What both ways of altering settings demand, for `eachResource`. */
export const ALTERED_RESOURCES = {
  items: 'resources',
  answers: 'responses',
  resourceOf: aclResourceOf,
  refuse: (
    {
      resourceType,
      resourceName,
    }: { readonly resourceType: number; readonly resourceName: string },
    refusal: ResourceError,
  ) => ({ ...refusal, resourceType, resourceName }),
} as const

/** An error of one resource, in Kafka's words. */
export interface ResourceError {
  readonly errorCode: ErrorName
  readonly errorMessage: string
}

export const invalidRequest = (errorMessage: string): ResourceError => ({
  errorCode: 'INVALID_REQUEST',
  errorMessage,
})

/** A name as Java's Integer.parseInt takes it; null when that refuses it. */
export function parseNodeId(name: string): number | null {
  if (!/^[+-]?\d+$/.test(name)) return null
  const id = Number(name)
  return id >= -0x8000_0000 && id <= 0x7fff_ffff ? id : null
}

export const twice = (keys: readonly string[]): ReadonlySet<string> => {
  const seen = new Set<string>()
  return new Set(keys.filter((key) => seen.has(key) || !seen.add(key)))
}
