import type { ControllerCommands } from './commands.ts'
import { ElectionType } from './commands.ts'
import type { ControllerView } from './view.ts'
import { canLead } from './leadership.ts'
import type { MetadataFact } from '../facts.ts'
import { leaderFact, uncleanLeaderFact } from '../facts.ts'
import { NO_LEADER } from '../image.ts'
import type { PartitionImage, TopicImage } from '../image.ts'
import { outcomeOf, Refusal, SUCCESS } from './outcome.ts'

type Command = ControllerCommands['electLeaders']['command']
type Reply = ControllerCommands['electLeaders']['reply']
type PartitionResult = Reply[number]['partitionResult'][number]

/** ElectLeaders: each partition by itself has its leader elected or is told why not. */
export function electLeaders(
  view: ControllerView,
  { electionType, topicPartitions }: Command,
): { facts: MetadataFact[]; reply: Reply } {
  const facts: MetadataFact[] = []
  if (topicPartitions === null) {
    const reply = Array.from(view.image.topics.byName.values(), (topic) => ({
      topic: topic.name,
      partitionResult: topic.partitions
        .map((_, index) => elect(view, topic.name, index, electionType, facts))
        .filter(({ errorCode }) => errorCode !== 'ELECTION_NOT_NEEDED'),
    }))
    return { facts, reply }
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
    facts.push(
      electionType === ElectionType.PREFERRED
        ? preferred(view, topic, partitionId, partition)
        : unclean(view, topic, partitionId, partition),
    )
    return SUCCESS
  })
  return { partitionId, ...outcome }
}

/** The first of the replicas; or, where nobody leads, whoever else is in sync. */
function preferred(
  { image }: ControllerView,
  topic: TopicImage,
  index: number,
  partition: PartitionImage,
): MetadataFact {
  const { leader, replicas } = partition
  if (leader === replicas[0]) throw notNeeded()
  const elected = replicas.find(
    (id, at) => (at === 0 || leader === NO_LEADER) && isInSync(partition, id, image),
  )
  if (elected === undefined) {
    throw new Refusal('PREFERRED_LEADER_NOT_AVAILABLE', 'The preferred leader was not available.')
  }
  return leaderFact(topic.id, index, elected)
}

/** Only where nobody leads: one in sync if there is any, else one that may have lost records. */
function unclean(
  { image }: ControllerView,
  topic: TopicImage,
  index: number,
  partition: PartitionImage,
): MetadataFact {
  const { leader, replicas } = partition
  if (leader !== NO_LEADER) throw notNeeded()
  const clean = replicas.find((id) => isInSync(partition, id, image))
  if (clean !== undefined) return leaderFact(topic.id, index, clean)
  const elected = replicas.find((id) => canLead(image, partition, id))
  if (elected === undefined) {
    const what = 'Eligible topic partition leaders are not available.'
    throw new Refusal('ELIGIBLE_LEADERS_NOT_AVAILABLE', what)
  }
  return uncleanLeaderFact(topic.id, index, elected)
}

const isInSync = (partition: PartitionImage, id: number, image: ControllerView['image']): boolean =>
  partition.isr.includes(id) && canLead(image, partition, id)

const notNeeded = (): Refusal =>
  new Refusal('ELECTION_NOT_NEEDED', 'Leader election not needed for topic partition.')
