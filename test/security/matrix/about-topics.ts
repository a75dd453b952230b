import { AlterPartitionReassignments } from '../../../protocol/messages/alter-partition-reassignments.ts'
import { CreatePartitions } from '../../../protocol/messages/create-partitions.ts'
import { CreateTopics } from '../../../protocol/messages/create-topics.ts'
import { DeleteRecords } from '../../../protocol/messages/delete-records.ts'
import { DeleteTopics } from '../../../protocol/messages/delete-topics.ts'
import { DescribeProducers } from '../../../protocol/messages/describe-producers.ts'
import { DescribeTopicPartitions } from '../../../protocol/messages/describe-topic-partitions.ts'
import { ElectLeaders } from '../../../protocol/messages/elect-leaders.ts'
import { ListOffsets } from '../../../protocol/messages/list-offsets.ts'
import { ListPartitionReassignments } from '../../../protocol/messages/list-partition-reassignments.ts'
import { Metadata } from '../../../protocol/messages/metadata.ts'
import { OffsetForLeaderEpoch } from '../../../protocol/messages/offset-for-leader-epoch.ts'
import { ZERO_UUID } from '../../../protocol/schema.ts'
import { asks } from './request.ts'
import type { MatrixRequest, Subject } from './request.ts'

const both = ({ topic, missing }: Subject) => [topic, missing]
const byName = (name: string) => ({ topicId: ZERO_UUID, name })
const metadata = (
  topics: { topicId: string; name: string | null }[] | null,
  allowAutoTopicCreation = false,
) => ({
  topics,
  allowAutoTopicCreation,
  includeClusterAuthorizedOperations: true,
  includeTopicAuthorizedOperations: true,
})
/** An id that no topic has. */
const NO_TOPIC = 'x'.repeat(21) + 'w'

/** Nothing comes of them. */
export const aboutTopics: readonly MatrixRequest[] = [
  asks(Metadata, 12, (own) => metadata(both(own).map(byName)), { of: 'by name' }),
  asks(Metadata, 13, ({ topicId }) => metadata([{ topicId, name: null }]), { of: 'by id' }),
  asks(Metadata, 12, () => metadata([{ topicId: NO_TOPIC, name: null }]), { of: 'by unknown id' }),
  asks(Metadata, 12, () => metadata(null), { of: 'of all' }),
  asks(Metadata, 10, () => metadata([]), { of: 'of the cluster' }),
  asks(
    DescribeTopicPartitions,
    0,
    (own) => ({
      topics: both(own).map((name) => ({ name })),
      responsePartitionLimit: 10,
      cursor: null,
    }),
    { of: 'by name' },
  ),
  asks(
    DescribeTopicPartitions,
    0,
    () => ({ topics: [], responsePartitionLimit: 2000, cursor: null }),
    { of: 'of all' },
  ),
  asks(ListOffsets, 11, (own) => ({
    replicaId: -1,
    isolationLevel: 0,
    topics: both(own).map((name) => ({
      name,
      partitions: [{ partitionIndex: 0, timestamp: -1n }],
    })),
    timeoutMs: 1000,
  })),
  asks(OffsetForLeaderEpoch, 4, (own) => ({
    replicaId: -2,
    topics: both(own).map((topic) => ({ topic, partitions: [{ partition: 0, leaderEpoch: 0 }] })),
  })),
  asks(DescribeProducers, 0, (own) => ({
    topics: both(own).map((name) => ({ name, partitionIndexes: [0] })),
  })),
  ...[
    { of: 'with the default of partitions', numPartitions: -1, replicationFactor: -1 },
    { of: 'of two partitions', numPartitions: 2, replicationFactor: 1 },
  ].map(({ of, ...topic }) =>
    asks(
      CreateTopics,
      7,
      (own) => ({
        topics: both(own).map((name) => ({ name, ...topic, assignments: [], configs: [] })),
        timeoutMs: 10_000,
        validateOnly: true,
      }),
      { of },
    ),
  ),
  asks(CreatePartitions, 3, (own) => ({
    topics: both(own).map((name) => ({ name, count: 2, assignments: null })),
    timeoutMs: 10_000,
    validateOnly: true,
  })),
  asks(DeleteRecords, 2, (own) => ({
    topics: both(own).map((name) => ({ name, partitions: [{ partitionIndex: 0, offset: 0 }] })),
    timeoutMs: 1000,
  })),
  asks(DeleteTopics, 6, ({ missing }) => ({ topics: [byName(missing)], timeoutMs: 10_000 }), {
    of: 'by a name that is not there',
  }),
  asks(DeleteTopics, 5, ({ missing }) => ({ topicNames: [missing], timeoutMs: 10_000 })),
  asks(
    DeleteTopics,
    6,
    () => ({ topics: [{ topicId: NO_TOPIC, name: null }], timeoutMs: 10_000 }),
    { of: 'by unknown id' },
  ),
  asks(AlterPartitionReassignments, 1, (own) => ({
    timeoutMs: 10_000,
    allowReplicationFactorChange: true,
    topics: both(own).map((name) => ({
      name,
      partitions: [{ partitionIndex: 0, replicas: null }],
    })),
  })),
  asks(
    ListPartitionReassignments,
    0,
    (own) => ({
      timeoutMs: 10_000,
      topics: both(own).map((name) => ({ name, partitionIndexes: [0] })),
    }),
    { of: 'by name' },
  ),
  asks(ListPartitionReassignments, 0, () => ({ timeoutMs: 10_000, topics: null }), {
    of: 'of all',
  }),
  asks(
    ElectLeaders,
    2,
    (own) => ({
      electionType: 0,
      topicPartitions: both(own).map((topic) => ({ topic, partitions: [0] })),
      timeoutMs: 10_000,
    }),
    { of: 'by name' },
  ),
  asks(ElectLeaders, 2, () => ({ electionType: 0, topicPartitions: null, timeoutMs: 10_000 }), {
    of: 'of all',
  }),
]

/** What makes and deletes topics; after all else. */
export const makingTopics: readonly MatrixRequest[] = [
  asks(Metadata, 12, ({ automatic }) => metadata([byName(automatic)], true), {
    of: 'that makes a topic',
  }),
  asks(
    DeleteTopics,
    6,
    ({ topicId }) => ({ topics: [{ name: null, topicId }], timeoutMs: 10_000 }),
    { of: 'by id', listeners: ['broker'] },
  ),
]
