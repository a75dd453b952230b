import { METADATA_TOPIC } from '../../log/base/paths.ts'

/** The one partition that the quorum replicates, as messages name it. */
export { METADATA_TOPIC }
export const METADATA_TOPIC_ID = 'AAAAAAAAAAAAAAAAAAAAAQ'
export const METADATA_PARTITION = 0

/** Where a node's controller listener is. */
export interface NodeEndpoint {
  readonly id: number
  readonly host: string
  readonly port: number
}

interface Topics<Topic, Partition> {
  readonly topics: readonly (Topic & { readonly partitions: readonly Partition[] })[]
}

/** What a message says of the quorum's partition; null where it is about anything else, or about more. */
export function onlyPartition<Topic, Partition>(
  { topics }: Topics<Topic, Partition>,
  isMetadata: (topic: Topic, partition: Partition) => boolean,
): Partition | null {
  const [topic] = topics
  if (topics.length !== 1 || topic?.partitions.length !== 1) return null
  const partition = topic.partitions[0]!
  return isMetadata(topic, partition) ? partition : null
}

/** For messages that name the topic, and its partition by `partitionIndex`. */
export const isMetadataIndex = (
  { topicName }: { readonly topicName: string },
  { partitionIndex }: { readonly partitionIndex: number },
): boolean => topicName === METADATA_TOPIC && partitionIndex === METADATA_PARTITION
