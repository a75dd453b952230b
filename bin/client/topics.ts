import type { Client, ClusterMetadata, PartitionMetadata, TopicMetadata } from './client.ts'
import { BrokerError, ClientError, isRetriable, throwUnlessNone } from './errors.ts'
import { nearest } from './nearest.ts'

/** A topic that certainly exists: `metadata` was without an error. */
export type Topic = TopicMetadata & { readonly name: string }

export interface TopicPartition {
  readonly topic: string
  readonly partition: number
}

/** The metadata of topics by name; throws BrokerError for the first that isn't there or may not be seen. */
export async function describeTopics(
  client: Client,
  names: readonly string[],
  options: { allowAutoTopicCreation?: boolean } = {},
): Promise<Topic[]> {
  const answer = await client.metadata(names, options)
  const topics: Topic[] = []
  for (const name of names) {
    const topic = answer.topics.find((candidate) => candidate.name === name)
    const error = topic?.errorCode ?? 'UNKNOWN_TOPIC_OR_PARTITION'
    if (error === 'UNKNOWN_TOPIC_OR_PARTITION') throw await unknownTopic(client, name)
    throwUnlessNone(error, `Topic ${name}`)
    topics.push(topic as Topic)
  }
  return topics
}

/**
 * The error for a topic that doesn't exist, with the name that may have been meant.
 * @param otherwise what else to do, as an imperative sentence without its full stop
 */
export async function unknownTopic(
  client: Client,
  name: string,
  otherwise = `Create it with: ottla topics create ${name}`,
): Promise<BrokerError> {
  const all: ClusterMetadata = await client.metadata(null)
  const meant = nearest(
    name,
    all.topics.flatMap((topic) => topic.name ?? []),
  )
  return new BrokerError('UNKNOWN_TOPIC_OR_PARTITION', `Topic ${name}`, 'there is no such topic', {
    remedy:
      meant === null
        ? otherwise
        : `Did you mean ${meant}? Or ${otherwise[0]!.toLowerCase()}${otherwise.slice(1)}`,
  })
}

/**
 * Topics whose wanted partitions all have leaders: waits for elections, and, where auto-creation is allowed, for the
 * topic. Throws BrokerError after the client's request time-out.
 */
export function topicsWithLeaders(
  client: Client,
  names: readonly string[],
  options: {
    allowAutoTopicCreation?: boolean
    wanted?: (partition: TopicPartition) => boolean
  } = {},
): Promise<Topic[]> {
  const { allowAutoTopicCreation = false, wanted = () => true } = options
  const attempt = async (): Promise<Topic[]> => {
    const topics = await describeTopics(client, names, { allowAutoTopicCreation })
    for (const topic of topics) {
      for (const { partitionIndex, errorCode, leaderId } of topic.partitions) {
        if (!wanted({ topic: topic.name, partition: partitionIndex })) continue
        const error = leaderId < 0 && errorCode === 'NONE' ? 'LEADER_NOT_AVAILABLE' : errorCode
        // A replica that is down doesn't keep clients from the leader.
        if (error === 'REPLICA_NOT_AVAILABLE') continue
        throwUnlessNone(error, `Partition ${topic.name}-${partitionIndex}`)
      }
    }
    return topics
  }
  return client.retry(attempt, {
    isRetriable: (error) =>
      isRetriable(error) &&
      (allowAutoTopicCreation ||
        !(error instanceof BrokerError && error.error === 'UNKNOWN_TOPIC_OR_PARTITION')),
  })
}

/** A topic's partition; throws ClientError NO_SUCH_PARTITION when it hasn't got so many. */
export function partitionOf(topic: Topic, partition: number): PartitionMetadata {
  const found = topic.partitions.find(({ partitionIndex }) => partitionIndex === partition)
  if (found !== undefined) return found
  throw new ClientError(
    'NO_SUCH_PARTITION',
    `There is no partition ${partition} of topic ${topic.name}`,
    { remedy: `It has ${topic.partitions.length} partitions, numbered from 0.` },
  )
}
