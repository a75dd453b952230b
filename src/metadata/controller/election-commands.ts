import { ITEMS_IN_STEP } from '../../machine/steps.ts'
import type { Steps } from '../../machine/steps.ts'
import type { ControllerCommands } from './commands.ts'
import { ElectionType } from './commands.ts'
import type { ControllerView } from './view.ts'
import type { MetadataFact } from '../facts.ts'
import { NO_LEADER } from '../image.ts'
import type { PartitionImage, TopicImage } from '../image.ts'
import type { PartitionChange } from '../partition-change.ts'
import { partitionChangeFact } from '../partition-change.ts'
import { outcomeOf, Refusal, SUCCESS } from './outcome.ts'
import { changeOf } from './partition/change.ts'
import { rulesOf } from './partition/rules.ts'

type Command = ControllerCommands['electLeaders']['command']
type Reply = ControllerCommands['electLeaders']['reply']
type PartitionResult = Reply[number]['partitionResult'][number]

/** ElectLeaders: each partition by itself has its leader elected or is told why not. */
export function* electLeaders(
  view: ControllerView,
  { electionType, topicPartitions }: Command,
): Steps<{ facts: MetadataFact[]; reply: Reply }> {
  const facts: MetadataFact[] = []
  if (topicPartitions === null) {
    return { facts, reply: yield* electAll(view, electionType, facts) }
  }
  const decided = new Map<string, PartitionResult>()
  const reply = topicPartitions.map(({ topic, partitions }) => ({
    topic,
    partitionResult: partitions.map((index) => {
      const key = `${index}/${topic}`
      // What is named twice is elected once.
      const again = decided.get(key)
      const result = again ?? elect(view, topic, index, electionType, facts)
      decided.set(key, result)
      return result
    }),
  }))
  return { facts, reply }
}

/** The answer leaves out whose leader is the one that is wanted. */
function* electAll(
  view: ControllerView,
  electionType: number,
  facts: MetadataFact[],
): Steps<Reply> {
  const reply: { topic: string; partitionResult: PartitionResult[] }[] = []
  let items = 0
  for (const { name: topic, partitions } of view.image.topics.byName.values()) {
    const partitionResult: PartitionResult[] = []
    for (let index = 0; index < partitions.length; index++) {
      const result = elect(view, topic, index, electionType, facts)
      if (result.errorCode !== 'ELECTION_NOT_NEEDED') partitionResult.push(result)
      if (++items % ITEMS_IN_STEP === 0) yield
    }
    reply.push({ topic, partitionResult })
  }
  return reply
}

function elect(
  view: ControllerView,
  name: string,
  partitionId: number,
  electionType: number,
  facts: MetadataFact[],
): PartitionResult {
  const topic = view.image.topics.byName.get(name)
  const partition = topic?.partitions[partitionId]
  if (topic === undefined || partition === undefined) {
    const what = topic === undefined ? `topic as ${name}` : `partition as ${name}-${partitionId}`
    const errorMessage = `No such ${what}`
    return { partitionId, errorCode: 'UNKNOWN_TOPIC_OR_PARTITION', errorMessage }
  }
  const outcome = outcomeOf(() => {
    const change = elected(view, topic, partition, electionType)
    if (change instanceof Refusal) return change
    facts.push(partitionChangeFact(topic.id, partitionId, change))
    return SUCCESS
  })
  return { partitionId, ...outcome }
}

/**
 * `PREFERRED`: the first of the replicas, or, where nobody leads, whoever else can without loss. `UNCLEAN`: only where nobody
 * leads, whoever can without loss, and where nobody can, one that may have lost records.
 */
function elected(
  view: ControllerView,
  topic: TopicImage,
  partition: PartitionImage,
  electionType: number,
): PartitionChange | Refusal {
  const { leader, replicas } = partition
  const isPreferred = electionType === ElectionType.PREFERRED
  if (isPreferred ? leader === replicas[0] : leader !== NO_LEADER) {
    const what = 'Leader election not needed for topic partition.'
    return new Refusal('ELECTION_NOT_NEEDED', what)
  }
  const election = isPreferred ? 'preferred' : 'unclean'
  // Who asks for an unclean one knows better than to wait for somebody.
  const rules = { ...rulesOf(view, topic), awaited: new Set<number>() }
  const context = { rules, brokers: view.image.brokers }
  const change = changeOf(partition, { election }, context)
  // Nobody is better off with nobody.
  const isElected = ![undefined, NO_LEADER, leader].includes(change?.leader)
  if (change !== null && isElected) return change
  if (isPreferred) {
    const what = 'The preferred leader was not available.'
    return new Refusal('PREFERRED_LEADER_NOT_AVAILABLE', what)
  }
  const what = 'Eligible topic partition leaders are not available.'
  return new Refusal('ELIGIBLE_LEADERS_NOT_AVAILABLE', what)
}
