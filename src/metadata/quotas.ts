import type { MetadataRecord } from '../../protocol/state/metadata-records.ts'
import type { MetadataImage } from './image.ts'

export type QuotaRecord = Extract<MetadataRecord, { type: 'ClientQuotaRecord' }>['value']

/** Whom a quota is for; a null name is the default of its type. */
export type QuotaEntity = QuotaRecord['entity']

/** The types that an entity may have a name of. */
export const EntityType = { USER: 'user', CLIENT_ID: 'client-id', IP: 'ip' } as const

/** What may be limited, by the names that records and requests have for it. */
export const QuotaKey = {
  PRODUCE: 'producer_byte_rate',
  FETCH: 'consumer_byte_rate',
  REQUEST: 'request_percentage',
  MUTATION: 'controller_mutation_rate',
  CONNECTION: 'connection_creation_rate',
} as const

const KEY_PREFIX = 'quota '

/** The same for the same entity, in whatever order its names stand. */
export function entityKey(entity: QuotaEntity): string {
  return entity
    .map(({ entityType, entityName }) => JSON.stringify([entityType, entityName]))
    .sort()
    .join()
}

/** Where the image keeps a quota among what else it keeps. */
export function quotaKey(entity: QuotaEntity, key: string): string {
  return `${KEY_PREFIX}${entityKey(entity)} ${key}`
}

/** Those of quotas among these keys. */
export function quotaKeys(keys: Iterable<string>): string[] {
  const quotas: string[] = []
  for (const key of keys) if (key.startsWith(KEY_PREFIX)) quotas.push(key)
  return quotas
}

/** The quota at a key, if there is one. */
export function quotaAt(image: MetadataImage, key: string): QuotaRecord | undefined {
  const record = image.others.get(key)
  return record?.type === 'ClientQuotaRecord' ? record.value : undefined
}

/** All quotas of an image. */
export function* quotasOf(image: MetadataImage): IterableIterator<QuotaRecord> {
  for (const record of image.others.values()) {
    if (record.type === 'ClientQuotaRecord') yield record.value
  }
}
