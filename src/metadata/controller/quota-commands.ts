import { addressBytes } from '../../host/ip-address.ts'
import type { MetadataFact } from '../facts.ts'
import { MAX_RECORDS_PER_OPERATION } from '../facts.ts'
import { EntityType, QuotaKey, entityKey, quotaAt, quotaKey } from '../quotas.ts'
import type { QuotaEntity } from '../quotas.ts'
import type { ControllerCommands, QuotaAlteration, QuotaOutcome } from './commands.ts'
import type { Decided } from './outcome.ts'
import { outcomeOf, Refusal, SUCCESS } from './outcome.ts'
import type { ControllerView } from './view.ts'

type Command = ControllerCommands['alterClientQuotas']['command']

/** How the values of a quota are written: as in Kafka's definitions of these keys. */
type Kind = 'double' | 'long' | 'int'

const OF_CLIENTS: ReadonlyMap<string, Kind> = new Map<string, Kind>([
  [QuotaKey.PRODUCE, 'long'],
  [QuotaKey.FETCH, 'long'],
  [QuotaKey.REQUEST, 'double'],
  [QuotaKey.MUTATION, 'double'],
])
const OF_ADDRESSES: ReadonlyMap<string, Kind> = new Map<string, Kind>([
  [QuotaKey.CONNECTION, 'int'],
])
const MOST = { double: Infinity, long: 2 ** 63, int: 0x7fff_ffff } as const
/** What is nearer to a whole number than this is meant to be one. */
const ROUNDING = 1e-6

/**
 * AlterClientQuotas (KIP-546): each entity by itself is altered or refused, and one that is named twice as it was named first.
 * What doesn't change makes no record.
 */
export function alterClientQuotas(
  view: ControllerView,
  { entries, validateOnly }: Command,
): Decided<readonly QuotaOutcome[]> {
  const facts: MetadataFact[] = []
  const told = new Map<string, QuotaOutcome>()
  for (const entry of entries) {
    // Of names of one type the last one counts.
    const entity = Array.from(
      new Map(entry.entity.map(({ entityType, entityName }) => [entityType, entityName])),
      ([entityType, entityName]) => ({ entityType, entityName }),
    )
    const key = entityKey(entity)
    const isTwice = told.has(key) || hasTwice(entry)
    const outcome = outcomeOf(() => {
      if (isTwice) throw invalid(`Ignoring duplicate entity ${inWords(entity)}`)
      const altered = alterations(view, entity, entry)
      if (facts.length + altered.length > MAX_RECORDS_PER_OPERATION) {
        const what = 'Unable to perform excessively large batch operation.'
        throw new Refusal('POLICY_VIOLATION', what)
      }
      facts.push(...altered)
      return SUCCESS
    })
    told.set(key, { entity, ...outcome })
  }
  return { facts: validateOnly ? [] : facts, reply: [...told.values()] }
}

function hasTwice({ ops }: QuotaAlteration): boolean {
  return new Set(ops.map(({ key }) => key)).size < ops.length
}

function alterations(
  { image }: ControllerView,
  entity: QuotaEntity,
  { ops }: QuotaAlteration,
): MetadataFact[] {
  const kinds = kindsOf(entity)
  const facts: MetadataFact[] = []
  for (const { key, value, remove } of ops) {
    const before = quotaAt(image, quotaKey(entity, key))
    if (!remove) checkValue(kinds, key, value)
    if (remove ? before === undefined : before?.value === value) continue
    const change = { entity, key, value: remove ? 0 : value, remove }
    facts.push({ type: 'ClientQuotaRecord', version: 0, value: change })
  }
  return facts
}

/** What may be limited for an entity. */
function kindsOf(entity: QuotaEntity): ReadonlyMap<string, Kind> {
  if (entity.length === 0) throw invalid('Invalid empty client quota entity')
  for (const { entityType, entityName } of entity) {
    if (!Object.values<string>(EntityType).includes(entityType)) {
      throw invalid(`Unhandled client quota entity type: ${entityType}`)
    }
    if (entityName === '') throw invalid(`Empty ${entityType} not supported`)
  }
  const address = entity.find(({ entityType }) => entityType === EntityType.IP)
  if (address === undefined) return OF_CLIENTS
  if (entity.length > 1) {
    throw invalid(
      'Invalid quota entity combination, IP entity shouldnot be combined with User or ClientId',
    )
  }
  const { entityName } = address
  // A name would stand for other addresses tomorrow, and for others on each broker.
  if (entityName !== null && addressBytes(entityName) === null) {
    throw invalid(`${entityName} is not a valid IP or resolvable host.`)
  }
  return OF_ADDRESSES
}

function checkValue(kinds: ReadonlyMap<string, Kind>, key: string, value: number): void {
  const kind = kinds.get(key)
  if (kind === undefined) throw invalid(`Invalid configuration key ${key}`)
  if (!Number.isFinite(value)) throw invalid(`Quota ${key} must be a finite number`)
  if (value <= 0) throw invalid(`Quota ${key} must be greater than 0`)
  if (kind === 'double') return
  if (value > MOST[kind]) {
    const type = kind === 'int' ? 'an INT' : 'a LONG'
    throw invalid(`Proposed value for ${key} is too large for ${type}.`)
  }
  if (Math.abs(value % 1) > ROUNDING) throw invalid(`${key} cannot be a fractional value.`)
}

const invalid = (message: string): Refusal => new Refusal('INVALID_REQUEST', message)

/** As Kafka writes an entity. */
function inWords(entity: QuotaEntity): string {
  const names = entity.map(({ entityType, entityName }) => `${entityType}=${entityName}`)
  return `ClientQuotaEntity(entries={${names.join(', ')}})`
}
