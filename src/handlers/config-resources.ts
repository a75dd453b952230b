import type { ErrorName } from '../../protocol/errors.ts'
import { ResourceType as StoredResourceType } from '../metadata/image.ts'

/** What settings can belong to; the levels of a broker's loggers are in no metadata. */
export const ResourceType = { ...StoredResourceType, BROKER_LOGGER: 8 } as const

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
