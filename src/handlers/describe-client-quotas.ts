import { DescribeClientQuotas } from '../../protocol/messages/describe-client-quotas.ts'
import type {
  DescribeClientQuotasRequest,
  DescribeClientQuotasResponse,
} from '../../protocol/messages/describe-client-quotas.ts'
import type { ErrorName } from '../../protocol/errors.ts'
import { EntityType, entityKey } from '../metadata/quotas.ts'
import type { QuotaEntity } from '../metadata/quotas.ts'
import { cluster } from './access.ts'
import { handle } from './handler.ts'
import { inTurnsOfStored } from './turns.ts'

type Entry = NonNullable<DescribeClientQuotasResponse['entries']>[number]

const MatchType = { EXACT: 0, DEFAULT: 1, SPECIFIED: 2 } as const
/** The memory that a quota takes in an answer, about. */
const QUOTA_COST_BYTES = 200

/** DescribeClientQuotas: v0-1 (KIP-546). The quotas that a filter means, by entity, as this broker knows them. */
export const describeClientQuotas = handle(DescribeClientQuotas, {
  access: cluster('DESCRIBE_CONFIGS', (_request, refusal) => ({ ...refusal, entries: null })),
}).by(async (request, context) => {
  const problem = problemOf(request)
  if (problem !== null) return { ...problem, entries: null }
  const { services } = context
  const meant = await inTurnsOfStored(services, services.quotas(), (quota) => {
    if (!isMeant(quota.entity, request)) return null
    context.spend(QUOTA_COST_BYTES)
    return quota
  })
  const entries = new Map<string, Entry & { values: { key: string; value: number }[] }>()
  for (const { entity, key, value } of meant) {
    const name = entityKey(entity)
    let entry = entries.get(name)
    if (entry === undefined) entries.set(name, (entry = { entity, values: [] }))
    entry.values.push({ key, value })
  }
  for (const { values } of entries.values()) values.sort((a, b) => (a.key < b.key ? -1 : 1))
  return { errorCode: 'NONE', errorMessage: null, entries: [...entries.values()] }
})

interface Problem {
  readonly errorCode: ErrorName
  readonly errorMessage: string
}

const invalid = (errorMessage: string): Problem => ({ errorCode: 'INVALID_REQUEST', errorMessage })

/** What is wrong with a filter, in Kafka's words. */
function problemOf({ components }: DescribeClientQuotasRequest): Problem | null {
  const types = new Set<string>()
  for (const { entityType, matchType, match } of components) {
    if (entityType === '') return invalid('Invalid empty entity type.')
    if (types.has(entityType)) {
      return invalid(`Entity type ${entityType} cannot appear more than once in the filter.`)
    }
    if (!Object.values<string>(EntityType).includes(entityType)) {
      const errorMessage = `Unsupported entity type ${entityType}`
      return { errorCode: 'UNSUPPORTED_VERSION', errorMessage }
    }
    const wrong = wrongMatch(matchType, match)
    if (wrong !== null) return invalid(wrong)
    types.add(entityType)
  }
  if (!types.has(EntityType.IP) || types.size === 1) return null
  return invalid(
    'Invalid entity filter component combination. IP filter component should not be used with user or clientId filter component.',
  )
}

function wrongMatch(matchType: number, match: string | null): string | null {
  switch (matchType) {
    case MatchType.EXACT:
      if (match !== null) return null
      return 'Request specified MATCH_TYPE_EXACT, but set match string to null.'
    case MatchType.DEFAULT:
      if (match === null) return null
      return 'Request specified MATCH_TYPE_DEFAULT, but also specified a match string.'
    case MatchType.SPECIFIED:
      if (match === null) return null
      return 'Request specified MATCH_TYPE_SPECIFIED, but also specified a match string.'
    default:
      return `Unknown match type ${matchType}`
  }
}

function isMeant(
  entity: QuotaEntity,
  { components, strict }: DescribeClientQuotasRequest,
): boolean {
  if (strict && entity.length !== components.length) return false
  return components.every(({ entityType, matchType, match }) => {
    const part = entity.find((each) => each.entityType === entityType)
    if (part === undefined) return false
    // The default of a type has no name, and neither has a filter that means it.
    return matchType === MatchType.SPECIFIED || part.entityName === match
  })
}
