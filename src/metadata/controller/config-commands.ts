import type { AlterResult, AlteredResource as Resource } from '../../config/alter.ts'
import type { AlteredResource, ConfigChange, ResourceToAlter } from './commands.ts'
import { MIN_INSYNC_REPLICAS } from './eligible-feature.ts'
import type { ControllerView } from './view.ts'
import type { MetadataFact } from '../facts.ts'
import { configFact } from '../facts.ts'
import { keepsEligibleLeaders } from '../features.ts'
import { configOf, ResourceType } from '../image.ts'
import type { MetadataImage } from '../image.ts'
import { partitionChangeFact } from '../partition-change.ts'
import { duplicates, outcomeOf, Refusal, SUCCESS } from './outcome.ts'
import type { Decided } from './outcome.ts'

const KINDS: ReadonlyMap<number, Resource['kind']> = new Map([
  [ResourceType.TOPIC, 'topic'],
  [ResourceType.BROKER, 'broker'],
  [ResourceType.CLIENT_METRICS, 'clientMetrics'],
  [ResourceType.GROUP, 'group'],
])

/** IncrementalAlterConfigs: all changes of a resource or none. */
export function incrementalAlterConfigs(
  view: ControllerView,
  resources: readonly ResourceToAlter<ConfigChange>[],
  validateOnly: boolean,
): Decided<readonly AlteredResource[]> {
  return alter(view, resources, validateOnly, view.rules.incremental)
}

/** AlterConfigs: the settings of a resource become exactly these. */
export function alterConfigs(
  view: ControllerView,
  resources: readonly ResourceToAlter<{ readonly name: string; readonly value: string | null }>[],
  validateOnly: boolean,
): Decided<readonly AlteredResource[]> {
  return alter(view, resources, validateOnly, view.rules.whole)
}

function alter<Entry>(
  view: ControllerView,
  resources: readonly ResourceToAlter<Entry>[],
  validateOnly: boolean,
  rule: (resource: Resource, entries: readonly Entry[]) => AlterResult,
): Decided<readonly AlteredResource[]> {
  const facts: MetadataFact[] = []
  const key = ({ resourceType, resourceName }: ResourceToAlter<Entry>): string =>
    `${resourceType} ${resourceName}`
  const twice = duplicates(resources.map(key))
  const told = new Set<string>()
  const reply: AlteredResource[] = []
  for (const wanted of resources) {
    const { resourceType, resourceName } = wanted
    if (told.has(key(wanted))) continue
    told.add(key(wanted))
    const outcome = outcomeOf(() => {
      if (twice.has(key(wanted))) return new Refusal('INVALID_REQUEST', 'Duplicate resource.')
      const kind = KINDS.get(resourceType)
      if (kind === undefined) {
        return new Refusal('INVALID_REQUEST', `Unexpected resource type ${resourceType}.`)
      }
      const current = configOf(view.image, resourceType, resourceName)
      const eligibleLeaderReplicas = keepsEligibleLeaders(view.image.features)
      const resource = { kind, name: resourceName, current, eligibleLeaderReplicas }
      const result = rule(resource, wanted.configs)
      if (!result.ok) return new Refusal(result.error, result.message)
      checkExists(view, kind, resourceName)
      for (const [name, value] of result.changes) {
        facts.push(configFact(resourceType, resourceName, name, value))
      }
      return SUCCESS
    })
    reply.push({ resourceType, resourceName, ...outcome })
  }
  facts.push(...clearedEligible(view.image, facts))
  return { facts: validateOnly ? [] : facts, reply }
}

/**
 * [KIP-966] Who is eligible to lead was so by another `min.insync.replicas`: where settings change it, nobody is any more, until
 * the ISR gets too small again.
 */
export function clearedEligible(
  image: MetadataImage,
  settings: readonly MetadataFact[],
): MetadataFact[] {
  if (!keepsEligibleLeaders(image.features)) return []
  const names = settings.flatMap((fact) => {
    if (fact.type !== 'ConfigRecord' || fact.value.name !== MIN_INSYNC_REPLICAS) return []
    return fact.value.resourceType === ResourceType.TOPIC ? [fact.value.resourceName] : ['']
  })
  return names.flatMap((topicName) => [
    { type: 'ClearElrRecord', version: 0, value: { topicName } },
    ...stillEligible(image, topicName),
  ])
}

/**
 * Where nobody is in sync nothing is written, and who was eligible still may lead. Kafka forgets that, too: such a partition has no
 * leader any more until an unclean election.
 */
function stillEligible({ topics }: MetadataImage, topicName: string): MetadataFact[] {
  const named = topics.byName.get(topicName)
  const meant = named === undefined ? [] : [named]
  return (topicName === '' ? [...topics.byId.values()] : meant).flatMap(({ id, partitions }) =>
    partitions.flatMap(({ isr, eligibleLeaderReplicas, lastKnownElr }, index) => {
      const isEligible = eligibleLeaderReplicas.length + lastKnownElr.length > 0
      if (isr.length > 0 || !isEligible) return []
      return partitionChangeFact(id, index, { eligibleLeaderReplicas, lastKnownElr })
    }),
  )
}

/** Groups and client metrics need not exist to have settings. */
function checkExists(view: ControllerView, kind: Resource['kind'], name: string): void {
  if (kind === 'topic' && !view.image.topics.byName.has(name)) {
    throw new Refusal('UNKNOWN_TOPIC_OR_PARTITION', `The topic '${name}' does not exist.`)
  }
  const { brokers, controllers } = view.image
  const isNode = brokers.has(Number(name)) || controllers.has(Number(name))
  if (kind === 'broker' && name !== '' && !isNode) {
    throw new Refusal('BROKER_ID_NOT_REGISTERED', `No node with id ${Number(name)} found.`)
  }
}
