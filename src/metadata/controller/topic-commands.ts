import { ZERO_UUID } from '../../../protocol/schema.ts'
import type {
  ControllerCommands,
  CreatedTopic,
  DeletedTopic,
  ErrorOutcome,
  MutationAllowance,
  PartitionsToCreate,
  TopicToCreate,
  TopicToDelete,
} from './commands.ts'
import type { ControllerView } from './view.ts'
import { clearedEligible } from './config-commands.ts'
import type { MetadataFact } from '../facts.ts'
import {
  configFact,
  MAX_PARTITIONS_PER_OPERATION,
  MAX_RECORDS_PER_OPERATION,
  partitionFact,
  removeTopicFact,
  topicFact,
} from '../facts.ts'
import { ResourceType } from '../image.ts'
import { duplicates, outcomeOf, Refusal, SUCCESS, told as refusedAs } from './outcome.ts'
import type { Decided } from './outcome.ts'
import { assigned, checkAssignment, partitionsOf, place } from './placement/new-partitions.ts'
import { collisionKey, topicNameProblem } from '../topic-names.ts'

const METADATA_TOPIC = '__cluster_metadata'
/** [KIP-599] */
const OVER_QUOTA = new Refusal(
  'THROTTLING_QUOTA_EXCEEDED',
  'The throttling quota has been exceeded.',
)

/** CreateTopics: each topic by itself succeeds or fails; those that succeed are created as one. */
export function createTopics(
  view: ControllerView,
  { topics, validateOnly, allowance }: ControllerCommands['createTopics']['command'],
): Decided<readonly CreatedTopic[]> {
  allowance?.begin()
  const facts: MetadataFact[] = []
  const twice = duplicates(topics.map(({ name }) => name))
  const failed = { topicId: ZERO_UUID, numPartitions: -1, replicationFactor: -1 }
  const tooMuch = isTooMuch(view, topics)
  const told = new Set<string>()
  const reply: CreatedTopic[] = []
  for (const topic of topics) {
    const { name } = topic
    if (told.has(name)) continue
    told.add(name)
    const outcome = outcomeOf(() => {
      if (twice.has(name)) return new Refusal('INVALID_REQUEST', 'Duplicate topic name.')
      if (tooMuch) {
        const what = 'Excessively large number of partitions per request.'
        return new Refusal('POLICY_VIOLATION', what)
      }
      if (name === METADATA_TOPIC) {
        const what = `Creation of internal topic ${METADATA_TOPIC} is prohibited.`
        return new Refusal('INVALID_REQUEST', what)
      }
      return createTopic(view, topic, facts, allowance)
    })
    reply.push('topicId' in outcome ? { name, ...outcome } : { name, ...failed, ...outcome })
  }
  return { facts: validateOnly ? [] : facts, reply }
}

function createTopic(
  view: ControllerView,
  topic: TopicToCreate,
  facts: MetadataFact[],
  allowance: MutationAllowance | undefined,
) {
  const { name } = topic
  const problem = topicNameProblem(name)
  if (problem !== null) throw new Refusal('INVALID_TOPIC_EXCEPTION', problem)
  if (view.image.topics.byName.has(name)) {
    throw new Refusal('TOPIC_ALREADY_EXISTS', `Topic '${name}' already exists.`)
  }
  const key = collisionKey(name)
  const other = key === null ? undefined : view.topicLike(key)
  if (other !== undefined) {
    const what = `Topic '${name}' collides with existing topic: ${other}`
    throw new Refusal('INVALID_TOPIC_EXCEPTION', what)
  }
  const configs = checkedConfigs(view, topic)
  const partitions = partitionsOf(view, topic)
  checkSize(facts.length + 1 + configs.length + partitions.length)
  if (allowance?.take(partitions.length) === false) return OVER_QUOTA
  const topicId = view.newId()
  facts.push(topicFact(name, topicId), ...configs)
  partitions.forEach((partition, index) => facts.push(partitionFact(topicId, index, partition)))
  const replicationFactor = partitions[0]!.replicas.length
  return { ...SUCCESS, topicId, numPartitions: partitions.length, replicationFactor }
}

function isTooMuch(view: ControllerView, topics: readonly TopicToCreate[]): boolean {
  let total = 0
  for (const { assignments, numPartitions } of topics) {
    if (assignments.length > 0) total += assignments.length
    else total += numPartitions === -1 ? view.defaults.numPartitions : Math.max(0, numPartitions)
  }
  return total > MAX_PARTITIONS_PER_OPERATION
}

function checkSize(records: number): void {
  if (records > MAX_RECORDS_PER_OPERATION) {
    const what = 'Unable to perform excessively large batch operation.'
    throw new Refusal('POLICY_VIOLATION', what)
  }
}

function checkedConfigs(view: ControllerView, { name, configs }: TopicToCreate): MetadataFact[] {
  const empty = configs.filter(({ value }) => value === null).map((entry) => entry.name)
  if (empty.length > 0) {
    const what = `Null value not supported for topic configs: ${empty.join(',')}`
    throw new Refusal('INVALID_CONFIG', what)
  }
  // A name given twice counts as it was given last.
  const values = new Map(configs.map((entry) => [entry.name, entry.value]))
  if (values.size === 0) return []
  const alterations = [...values].map(([key, value]) => ({ name: key, configOperation: 0, value }))
  const resource = { kind: 'topic', name, current: new Map<string, string>() } as const
  const result = view.rules.incremental(resource, alterations)
  if (!result.ok) throw new Refusal(result.error, result.message)
  const facts = Array.from(result.changes, ([key, value]) =>
    configFact(ResourceType.TOPIC, name, key, value),
  )
  return [...facts, ...clearedEligible(view.image, facts)]
}

/**
 * DeleteTopics, by name or by id. Who gives a topic both ways is told so, once, and it stays.
 */
export function deleteTopics(
  view: ControllerView,
  { topics, allowance }: ControllerCommands['deleteTopics']['command'],
): Decided<readonly DeletedTopic[]> {
  allowance?.begin()
  const facts: MetadataFact[] = []
  const key = ({ name, topicId }: TopicToDelete): string => {
    if (name === null) return `#${topicId}`
    return topicId === ZERO_UUID ? name : `${name}#${topicId}`
  }
  const twice = duplicates(topics.map(key))
  const { byName } = view.image.topics
  const idOf = ({ name }: TopicToDelete) => (name === null ? undefined : byName.get(name)?.id)
  const suppliedIds = new Set(
    topics.flatMap(({ name, topicId }) => (name === null ? [topicId] : [])),
  )
  const idsOfNames = new Set(
    topics
      .filter((topic) => topic.topicId === ZERO_UUID && !twice.has(key(topic)))
      .map((topic) => idOf(topic)),
  )
  const told = new Set<string>()
  const reply: DeletedTopic[] = []
  for (const topic of topics) {
    if (told.has(key(topic))) continue
    told.add(key(topic))
    const isDuplicate = twice.has(key(topic))
    if (topic.name === null && !isDuplicate && idsOfNames.has(topic.topicId)) continue
    const outcome = outcomeOf(() => {
      const found = findTopic(view, topic, isDuplicate)
      if (found instanceof Refusal) return found
      if (topic.name !== null && suppliedIds.has(found.topicId)) {
        const what = 'The provided topic name maps to an ID that was already supplied.'
        return { ...found, errorCode: 'INVALID_REQUEST' as const, errorMessage: what }
      }
      checkSize(facts.length + 1)
      const partitions = view.image.topics.byId.get(found.topicId)?.partitions.length ?? 0
      if (allowance?.take(partitions) === false) return { ...found, ...refusedAs(OVER_QUOTA) }
      facts.push(removeTopicFact(found.topicId))
      return { ...found, ...SUCCESS }
    })
    reply.push({ name: topic.name, topicId: topic.topicId, ...outcome })
  }
  return { facts, reply }
}

function findTopic(view: ControllerView, { name, topicId }: TopicToDelete, isDuplicate: boolean) {
  const { byId, byName } = view.image.topics
  if (!view.deleteTopicEnable) {
    return new Refusal('TOPIC_DELETION_DISABLED', 'Topic deletion is disabled.')
  }
  if (name === null) {
    if (topicId === ZERO_UUID) {
      return new Refusal('INVALID_REQUEST', 'Neither topic name nor id were specified.')
    }
    if (isDuplicate) return new Refusal('INVALID_REQUEST', 'Duplicate topic id.')
    const topic = byId.get(topicId)
    if (topic === undefined) {
      return new Refusal('UNKNOWN_TOPIC_ID', 'This server does not host this topic ID.')
    }
    return { name: topic.name, topicId }
  }
  if (topicId !== ZERO_UUID) {
    return new Refusal('INVALID_REQUEST', 'You may not specify both topic name and topic id.')
  }
  if (isDuplicate) return new Refusal('INVALID_REQUEST', 'Duplicate topic name.')
  const topic = byName.get(name)
  if (topic !== undefined) return { name, topicId: topic.id }
  return new Refusal(
    'UNKNOWN_TOPIC_OR_PARTITION',
    'This server does not host this topic-partition.',
  )
}

/** CreatePartitions: partitions can only be added. */
export function createPartitions(
  view: ControllerView,
  { topics, validateOnly, allowance }: ControllerCommands['createPartitions']['command'],
): Decided<readonly ({ readonly name: string } & ErrorOutcome)[]> {
  allowance?.begin()
  const facts: MetadataFact[] = []
  const twice = duplicates(topics.map(({ name }) => name))
  const told = new Set<string>()
  const reply: ({ name: string } & ErrorOutcome)[] = []
  for (const topic of topics) {
    const { name } = topic
    if (told.has(name)) continue
    told.add(name)
    const outcome = outcomeOf(() => {
      if (twice.has(name)) throw new Refusal('INVALID_REQUEST', 'Duplicate topic name.')
      const added = addedPartitions(view, topic)
      checkSize(facts.length + added.length)
      if (allowance?.take(added.length) === false) return OVER_QUOTA
      facts.push(...added)
      return SUCCESS
    })
    reply.push({ name, ...outcome })
  }
  return { facts: validateOnly ? [] : facts, reply }
}

function addedPartitions(view: ControllerView, wanted: PartitionsToCreate): MetadataFact[] {
  const { name, count, assignments } = wanted
  const topic = view.image.topics.byName.get(name)
  if (topic === undefined) {
    throw new Refusal(
      'UNKNOWN_TOPIC_OR_PARTITION',
      'This server does not host this topic-partition.',
    )
  }
  const current = topic.partitions.length
  if (count === current) {
    throw new Refusal('INVALID_PARTITIONS', `Topic already has ${current} partition(s).`)
  }
  if (count < current) {
    const what = `The topic ${name} currently has ${current} partition(s); ${count} would not be an increase.`
    throw new Refusal('INVALID_PARTITIONS', what)
  }
  const additional = count - current
  if (assignments !== null && assignments.length !== additional) {
    const what = `Attempted to add ${additional} additional partition(s), but only ${assignments.length} assignment(s) were specified.`
    throw new Refusal('INVALID_REPLICA_ASSIGNMENT', what)
  }
  checkSize(additional)
  const factor = topic.partitions[0]!.replicas.length
  const partitions =
    assignments === null
      ? place(view, additional, factor, '')
      : assignments.map(({ brokerIds }, index) => {
          checkAssignment(view, brokerIds, factor)
          return assigned(view, brokerIds, current + index)
        })
  return partitions.map((partition, index) => partitionFact(topic.id, current + index, partition))
}
