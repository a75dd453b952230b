import { DescribeQuorum } from '../../protocol/messages/describe-quorum.ts'
import type { DescribeQuorumRequest } from '../../protocol/messages/describe-quorum.ts'
import { METADATA_TOPIC } from '../log/base/paths.ts'
import { cluster } from './access.ts'
import { handle } from './handler.ts'
import type { QuorumReplica } from './services.ts'

type TopicResponse = (typeof DescribeQuorum)['response']['encoded']['topics'][number]

/** In Kafka's words. */
const MESSAGES = {
  UNKNOWN_TOPIC_OR_PARTITION: 'This server does not host this topic-partition.',
  NOT_LEADER_OR_FOLLOWER:
    'For requests intended only for the leader, this error indicates that the broker is not the current leader. For requests intended for any replica, this error indicates that the broker is not a replica of the topic partition.',
} as const

/**
 * DescribeQuorum: v0-2. The voters of the metadata's log and how far each is, as their leader sees it (KIP-595). Only
 * that one partition can be asked for.
 */
export const describeQuorum = handle(DescribeQuorum, {
  access: cluster('DESCRIBE', (_request, refusal) => ({ ...refusal, topics: [], nodes: [] })),
  at: 'controller',
}).by((request, { services: { config, controller } }) => {
  const answer = { errorCode: 'NONE', errorMessage: '' } as const
  if (!isMetadataPartition(request)) {
    const topics = refused(request, 'UNKNOWN_TOPIC_OR_PARTITION')
    return { ...answer, topics, nodes: [] }
  }
  const quorum = controller.describeQuorum()
  if (quorum.leaderId !== config.get('node.id')) {
    return { ...answer, topics: refused(request, 'NOT_LEADER_OR_FOLLOWER'), nodes: [] }
  }
  return {
    ...answer,
    topics: [
      {
        topicName: METADATA_TOPIC,
        partitions: [
          {
            partitionIndex: 0,
            errorCode: 'NONE',
            errorMessage: '',
            leaderId: quorum.leaderId,
            leaderEpoch: quorum.leaderEpoch,
            highWatermark: quorum.highWatermark,
            currentVoters: quorum.currentVoters.map(stateOf),
            observers: quorum.observers.map(stateOf),
          },
        ],
      },
    ],
    nodes: quorum.voters.map(({ id, endpoints }) => ({ nodeId: id, listeners: endpoints })),
  }
})

function isMetadataPartition({ topics }: DescribeQuorumRequest): boolean {
  const [topic] = topics
  return (
    topics.length === 1 &&
    topic?.topicName === METADATA_TOPIC &&
    topic.partitions.length === 1 &&
    topic.partitions[0]?.partitionIndex === 0
  )
}

function refused(
  { topics }: DescribeQuorumRequest,
  errorCode: keyof typeof MESSAGES,
): TopicResponse[] {
  return topics.map(({ topicName, partitions }) => ({
    topicName,
    partitions: partitions.map(({ partitionIndex }) => ({
      partitionIndex,
      errorCode,
      errorMessage: MESSAGES[errorCode],
      leaderId: 0,
      leaderEpoch: 0,
      highWatermark: 0,
      currentVoters: [],
      observers: [],
    })),
  }))
}

function stateOf({ id, directoryId, ...state }: QuorumReplica) {
  return { replicaId: id, replicaDirectoryId: directoryId, ...state }
}
