import { AddRaftVoter } from '../../protocol/messages/add-raft-voter.ts'
import { RemoveRaftVoter } from '../../protocol/messages/remove-raft-voter.ts'
import { UpdateRaftVoter } from '../../protocol/messages/update-raft-voter.ts'
import { AllocateProducerIds } from '../../protocol/messages/allocate-producer-ids.ts'
import type { ErrorName } from '../../protocol/errors.ts'
import { AddOffsetsToTxn } from '../../protocol/messages/add-offsets-to-txn.ts'
import { AddPartitionsToTxn } from '../../protocol/messages/add-partitions-to-txn.ts'
import { AlterConfigs } from '../../protocol/messages/alter-configs.ts'
import { AlterPartitionReassignments } from '../../protocol/messages/alter-partition-reassignments.ts'
import { AlterReplicaLogDirs } from '../../protocol/messages/alter-replica-log-dirs.ts'
import { AlterClientQuotas } from '../../protocol/messages/alter-client-quotas.ts'
import { AlterUserScramCredentials } from '../../protocol/messages/alter-user-scram-credentials.ts'
import { DescribeClientQuotas } from '../../protocol/messages/describe-client-quotas.ts'
import { CreateDelegationToken } from '../../protocol/messages/create-delegation-token.ts'
import { DescribeDelegationToken } from '../../protocol/messages/describe-delegation-token.ts'
import { ExpireDelegationToken } from '../../protocol/messages/expire-delegation-token.ts'
import { RenewDelegationToken } from '../../protocol/messages/renew-delegation-token.ts'
import { DescribeUserScramCredentials } from '../../protocol/messages/describe-user-scram-credentials.ts'
import { SaslAuthenticate } from '../../protocol/messages/sasl-authenticate.ts'
import { SaslHandshake } from '../../protocol/messages/sasl-handshake.ts'
import { ApiVersions } from '../../protocol/messages/api-versions.ts'
import { AlterPartition } from '../../protocol/messages/alter-partition.ts'
import { AssignReplicasToDirs } from '../../protocol/messages/assign-replicas-to-dirs.ts'
import { BrokerHeartbeat } from '../../protocol/messages/broker-heartbeat.ts'
import { BrokerRegistration } from '../../protocol/messages/broker-registration.ts'
import { ControllerRegistration } from '../../protocol/messages/controller-registration.ts'
import { BeginQuorumEpoch } from '../../protocol/messages/begin-quorum-epoch.ts'
import { CreateAcls } from '../../protocol/messages/create-acls.ts'
import { CreatePartitions } from '../../protocol/messages/create-partitions.ts'
import { CreateTopics } from '../../protocol/messages/create-topics.ts'
import { DeleteAcls } from '../../protocol/messages/delete-acls.ts'
import { DeleteGroups } from '../../protocol/messages/delete-groups.ts'
import { DeleteRecords } from '../../protocol/messages/delete-records.ts'
import { DeleteTopics } from '../../protocol/messages/delete-topics.ts'
import { DescribeAcls } from '../../protocol/messages/describe-acls.ts'
import { DescribeCluster } from '../../protocol/messages/describe-cluster.ts'
import { DescribeConfigs } from '../../protocol/messages/describe-configs.ts'
import { DescribeGroups } from '../../protocol/messages/describe-groups.ts'
import { DescribeLogDirs } from '../../protocol/messages/describe-log-dirs.ts'
import { DescribeProducers } from '../../protocol/messages/describe-producers.ts'
import { DescribeQuorum } from '../../protocol/messages/describe-quorum.ts'
import { DescribeTopicPartitions } from '../../protocol/messages/describe-topic-partitions.ts'
import { DescribeTransactions } from '../../protocol/messages/describe-transactions.ts'
import { ElectLeaders } from '../../protocol/messages/elect-leaders.ts'
import { Envelope } from '../../protocol/messages/envelope.ts'
import { EndTxn } from '../../protocol/messages/end-txn.ts'
import { EndQuorumEpoch } from '../../protocol/messages/end-quorum-epoch.ts'
import { FetchSnapshot } from '../../protocol/messages/fetch-snapshot.ts'
import { Fetch } from '../../protocol/messages/fetch.ts'
import { FindCoordinator } from '../../protocol/messages/find-coordinator.ts'
import { Heartbeat } from '../../protocol/messages/heartbeat.ts'
import { IncrementalAlterConfigs } from '../../protocol/messages/incremental-alter-configs.ts'
import { InitProducerId } from '../../protocol/messages/init-producer-id.ts'
import { JoinGroup } from '../../protocol/messages/join-group.ts'
import { LeaveGroup } from '../../protocol/messages/leave-group.ts'
import { ListConfigResources } from '../../protocol/messages/list-config-resources.ts'
import { ListGroups } from '../../protocol/messages/list-groups.ts'
import { ListOffsets } from '../../protocol/messages/list-offsets.ts'
import { ListPartitionReassignments } from '../../protocol/messages/list-partition-reassignments.ts'
import { ListTransactions } from '../../protocol/messages/list-transactions.ts'
import { Metadata } from '../../protocol/messages/metadata.ts'
import { OffsetCommit } from '../../protocol/messages/offset-commit.ts'
import { OffsetDelete } from '../../protocol/messages/offset-delete.ts'
import { OffsetFetch } from '../../protocol/messages/offset-fetch.ts'
import { OffsetForLeaderEpoch } from '../../protocol/messages/offset-for-leader-epoch.ts'
import { Produce } from '../../protocol/messages/produce.ts'
import { SyncGroup } from '../../protocol/messages/sync-group.ts'
import { UnregisterBroker } from '../../protocol/messages/unregister-broker.ts'
import { UnregisterController } from '../../protocol/messages/unregister-controller.ts'
import { TxnOffsetCommit } from '../../protocol/messages/txn-offset-commit.ts'
import { UpdateFeatures } from '../../protocol/messages/update-features.ts'
import { Vote } from '../../protocol/messages/vote.ts'
import { WriteTxnMarkers } from '../../protocol/messages/write-txn-markers.ts'
import type { AnyApi, Api, Decoded, Encoded, ListenerKind, Shape } from '../../protocol/schema.ts'
import { ZERO_UUID } from '../../protocol/schema.ts'
import { batch } from './test-node.ts'

/** A request of somebody who may do nothing, and what matters of its answer. */
export interface Unauthorized {
  readonly api: AnyApi
  readonly version: number
  readonly body: Encoded<Shape>
  readonly answer: object
  /** Of the listener; unless given, a broker's where it serves the API. */
  readonly kind?: ListenerKind
}

type PartlyOf<T> = T extends (infer E)[]
  ? readonly PartlyOf<E>[]
  : T extends object
    ? { readonly [K in keyof T]?: PartlyOf<T[K]> }
    : T

function asking<Q extends Shape, R extends Shape>(
  api: Api<Q, R>,
  version: number,
  body: Encoded<Q>,
  answer: PartlyOf<Decoded<R>>,
): Unauthorized {
  return { api: api as unknown as AnyApi, version, body: body as Encoded<Shape>, answer }
}

const NOTHING = Buffer.alloc(0)
/** Of who has not proved who it is; whatever else it may do. */
const tokensError = { errorCode: 'DELEGATION_TOKEN_REQUEST_NOT_ALLOWED' } as const
const topicError = { errorCode: 'TOPIC_AUTHORIZATION_FAILED' } as const
const groupError = { errorCode: 'GROUP_AUTHORIZATION_FAILED' } as const
const clusterError = { errorCode: 'CLUSTER_AUTHORIZATION_FAILED' } as const
const transactionError = { errorCode: 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED' } as const
const filter = {
  resourceTypeFilter: 2,
  resourceNameFilter: 't',
  principalFilter: null,
  hostFilter: null,
  operation: 3,
  permissionType: 3,
}
/** A topic, a broker, a broker's loggers, client metrics, a group. */
const resources = [
  { resourceType: 2, resourceName: 't' },
  { resourceType: 4, resourceName: '1' },
  { resourceType: 8, resourceName: '1' },
  { resourceType: 16, resourceName: 'm' },
  { resourceType: 32, resourceName: 'g' },
]
const resourceErrors = [topicError, clusterError, clusterError, clusterError, groupError].map(
  ({ errorCode }, index) => ({ errorCode, ...resources[index]! }),
)
const partitions = [{ partitionIndex: 0 }]
const groupTopics = [
  { name: 't', partitions: [{ partitionIndex: 0, committedOffset: 1, committedMetadata: null }] },
]
const produced = (isTransactional: boolean) => ({
  acks: -1,
  timeoutMs: 1000,
  transactionalId: isTransactional ? 'x' : null,
  topicData: [
    { name: 't', partitionData: [{ index: 0, records: batch(['a'], { isTransactional }) }] },
  ],
})
const fetching = (topic: object, replicaId: number) => ({
  replicaId,
  maxWaitMs: 0,
  minBytes: 0,
  topics: [{ ...topic, partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1000 }] }],
})

const aboutTopics = (topicId: string): Unauthorized[] => [
  asking(
    CreatePartitions,
    3,
    { topics: [{ name: 't', count: 2, assignments: null }], timeoutMs: 1000, validateOnly: false },
    { results: [{ name: 't', ...topicError }] },
  ),
  asking(
    CreateTopics,
    7,
    {
      topics: [
        { name: 'new', numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] },
      ],
      timeoutMs: 1000,
    },
    { topics: [{ name: 'new', topicId: ZERO_UUID, ...topicError }] },
  ),
  asking(
    DeleteRecords,
    2,
    { topics: [{ name: 't', partitions: [{ partitionIndex: 0, offset: 0 }] }], timeoutMs: 1000 },
    {
      topics: [{ name: 't', partitions: [{ partitionIndex: 0, lowWatermark: -1, ...topicError }] }],
    },
  ),
  asking(
    DeleteTopics,
    6,
    { topics: [{ name: 't', topicId: ZERO_UUID }], timeoutMs: 1000 },
    { responses: [{ name: 't', topicId: ZERO_UUID, ...topicError }] },
  ),
  asking(
    DeleteTopics,
    6,
    { topics: [{ name: null, topicId }], timeoutMs: 1000 },
    { responses: [{ name: null, topicId, ...topicError }] },
  ),
  asking(
    DescribeProducers,
    0,
    { topics: [{ name: 't', partitionIndexes: [0] }] },
    { topics: [{ name: 't', partitions: [{ partitionIndex: 0, ...topicError }] }] },
  ),
  asking(
    DescribeTopicPartitions,
    0,
    { topics: [{ name: 't' }, { name: 'new' }], responsePartitionLimit: 10, cursor: null },
    {
      topics: [
        { name: 'new', topicId: ZERO_UUID, isInternal: false, partitions: [], ...topicError },
        { name: 't', topicId: ZERO_UUID, isInternal: false, partitions: [], ...topicError },
      ],
    },
  ),
  asking(
    DescribeTopicPartitions,
    0,
    { topics: [], responsePartitionLimit: 10, cursor: null },
    { topics: [], nextCursor: null },
  ),
  asking(
    ListOffsets,
    11,
    {
      replicaId: -1,
      isolationLevel: 0,
      topics: [{ name: 't', partitions: [{ partitionIndex: 0, timestamp: -1n }] }],
      timeoutMs: 1000,
    },
    { topics: [{ name: 't', partitions: [{ partitionIndex: 0, offset: -1, ...topicError }] }] },
  ),
  asking(
    Metadata,
    12,
    {
      topics: [{ topicId: ZERO_UUID, name: 't' }],
      allowAutoTopicCreation: false,
      includeTopicAuthorizedOperations: false,
    },
    { topics: [{ name: 't', topicId: ZERO_UUID, partitions: [], ...topicError }] },
  ),
  asking(
    Metadata,
    12,
    {
      topics: [{ topicId, name: null }],
      allowAutoTopicCreation: false,
      includeTopicAuthorizedOperations: false,
    },
    { topics: [{ name: null, topicId, partitions: [], ...topicError }] },
  ),
  asking(
    Metadata,
    10,
    {
      topics: null,
      allowAutoTopicCreation: false,
      includeClusterAuthorizedOperations: true,
      includeTopicAuthorizedOperations: false,
    },
    { topics: [], clusterAuthorizedOperations: 0 },
  ),
  asking(
    OffsetForLeaderEpoch,
    4,
    { topics: [{ topic: 't', partitions: [{ partition: 0, leaderEpoch: 0 }] }] },
    { topics: [{ topic: 't', partitions: [{ partition: 0, endOffset: -1, ...topicError }] }] },
  ),
]

const aboutRecords = (topicId: string): Unauthorized[] => [
  asking(Produce, 12, produced(false), {
    responses: [{ name: 't', partitionResponses: [{ index: 0, baseOffset: -1, ...topicError }] }],
  }),
  asking(
    Produce,
    13,
    { ...produced(false), topicData: [{ ...produced(false).topicData[0]!, name: '', topicId }] },
    { responses: [{ topicId, partitionResponses: [{ index: 0, ...topicError }] }] },
  ),
  asking(Produce, 12, produced(true), {
    responses: [{ name: 't', partitionResponses: [{ index: 0, ...transactionError }] }],
  }),
  asking(Fetch, 12, fetching({ topic: 't' }, -1), {
    responses: [{ topic: 't', partitions: [{ partitionIndex: 0, ...topicError }] }],
  }),
  asking(Fetch, 13, fetching({ topicId }, -1), {
    responses: [{ topicId, partitions: [{ partitionIndex: 0, ...topicError }] }],
  }),
  asking(Fetch, 12, fetching({ topic: 't' }, 2), {
    responses: [{ topic: 't', partitions: [{ partitionIndex: 0, ...topicError }] }],
  }),
  asking(
    InitProducerId,
    5,
    { transactionalId: null, transactionTimeoutMs: 1000 },
    { producerId: -1, producerEpoch: -1, ...clusterError },
  ),
  asking(
    InitProducerId,
    5,
    { transactionalId: 'x', transactionTimeoutMs: 1000 },
    { producerId: -1, producerEpoch: -1, ...transactionError },
  ),
]

const producer = { producerId: 1, producerEpoch: 0 }
const joining = (transactionalId: string) => ({
  v3AndBelowTransactionalId: transactionalId,
  v3AndBelowProducerId: 1,
  v3AndBelowProducerEpoch: 0,
  v3AndBelowTopics: [{ name: 't', partitions: [0] }],
})
const joined = (partitionErrorCode: ErrorName) => ({
  resultsByTopicV3AndBelow: [
    { name: 't', resultsByPartition: [{ partitionIndex: 0, partitionErrorCode }] },
  ],
})

const aboutTransactions = (): Unauthorized[] => [
  asking(
    AddOffsetsToTxn,
    4,
    { transactionalId: 'x', ...producer, groupId: 'mine' },
    transactionError,
  ),
  asking(AddOffsetsToTxn, 4, { transactionalId: 'mine', ...producer, groupId: 'g' }, groupError),
  asking(AddPartitionsToTxn, 3, joining('x'), joined(transactionError.errorCode)),
  asking(AddPartitionsToTxn, 3, joining('mine'), joined(topicError.errorCode)),
  asking(
    AddPartitionsToTxn,
    5,
    { transactions: [{ transactionalId: 'mine', ...producer, verifyOnly: false, topics: [] }] },
    { ...clusterError, resultsByTransaction: [] },
  ),
  asking(
    EndTxn,
    5,
    { transactionalId: 'x', ...producer, committed: true },
    { producerId: -1, producerEpoch: -1, ...transactionError },
  ),
  asking(
    DescribeTransactions,
    0,
    { transactionalIds: ['x', 'mine'] },
    {
      transactionStates: [
        { transactionalId: 'mine', errorCode: 'NOT_COORDINATOR' },
        { transactionalId: 'x', transactionState: '', topics: [], ...transactionError },
      ],
    },
  ),
  asking(
    ListTransactions,
    2,
    { stateFilters: [], producerIdFilters: [] },
    { errorCode: 'NONE', transactionStates: [] },
  ),
]

const aboutGroups = (topicId: string): Unauthorized[] => [
  asking(DeleteGroups, 2, { groupsNames: ['g'] }, { results: [{ groupId: 'g', ...groupError }] }),
  asking(
    DescribeGroups,
    5,
    { groups: ['g'], includeAuthorizedOperations: true },
    { groups: [{ groupId: 'g', groupState: '', members: [], ...groupError }] },
  ),
  asking(
    FindCoordinator,
    4,
    { coordinatorKeys: ['g'], keyType: 0 },
    { coordinators: [{ key: 'g', nodeId: -1, host: '', port: -1, ...groupError }] },
  ),
  asking(
    FindCoordinator,
    3,
    { key: 'x', keyType: 1 },
    { nodeId: -1, host: '', port: -1, ...transactionError },
  ),
  asking(
    Heartbeat,
    4,
    { groupId: 'g', generationId: 1, memberId: 'm', groupInstanceId: null },
    groupError,
  ),
  ...[6, 7].map((version) =>
    asking(
      JoinGroup,
      version,
      {
        groupId: 'g',
        sessionTimeoutMs: 10_000,
        rebalanceTimeoutMs: 10_000,
        memberId: '',
        groupInstanceId: null,
        protocolType: 'consumer',
        protocols: [{ name: 'range', metadata: Buffer.alloc(0) }],
      },
      {
        ...groupError,
        generationId: -1,
        protocolName: version < 7 ? '' : null,
        leader: '',
        memberId: '',
      },
    ),
  ),
  asking(
    LeaveGroup,
    5,
    { groupId: 'g', members: [{ memberId: 'm', groupInstanceId: null, reason: null }] },
    { ...groupError, members: [] },
  ),
  asking(ListGroups, 5, { statesFilter: [], typesFilter: [] }, { errorCode: 'NONE', groups: [] }),
  asking(
    OffsetCommit,
    9,
    {
      groupId: 'g',
      generationIdOrMemberEpoch: -1,
      memberId: '',
      groupInstanceId: null,
      topics: groupTopics,
    },
    { topics: [{ name: 't', partitions: [{ partitionIndex: 0, ...groupError }] }] },
  ),
  asking(
    OffsetCommit,
    10,
    {
      groupId: 'mine',
      generationIdOrMemberEpoch: -1,
      memberId: '',
      groupInstanceId: null,
      topics: [{ ...groupTopics[0]!, name: '', topicId }],
    },
    { topics: [{ topicId, partitions: [{ partitionIndex: 0, ...topicError }] }] },
  ),
  ...(
    [
      ['x', 'mine', 5, transactionError],
      ['mine', 'g', 5, groupError],
      ['mine', 'mine', 5, topicError],
      ['mine', 'mine', 6, topicError],
    ] as const
  ).map(([transactionalId, groupId, version, error]) =>
    asking(
      TxnOffsetCommit,
      version,
      {
        transactionalId,
        groupId,
        producerId: 1,
        producerEpoch: 0,
        topics: [{ ...groupTopics[0]!, topicId }],
      },
      {
        topics: [
          {
            ...(version < 6 ? { name: 't' } : { topicId }),
            partitions: [{ partitionIndex: 0, ...error }],
          },
        ],
      },
    ),
  ),
  asking(OffsetDelete, 0, { groupId: 'g', topics: [{ name: 't', partitions }] }, groupError),
  asking(
    OffsetDelete,
    0,
    { groupId: 'mine', topics: [{ name: 't', partitions }] },
    // There is no such group, which is all that is told.
    { errorCode: 'GROUP_ID_NOT_FOUND', topics: [] },
  ),
  asking(
    OffsetFetch,
    9,
    {
      groups: ['g', 'mine'].map((groupId) => ({
        groupId,
        memberId: null,
        topics: [{ name: 't', partitionIndexes: [0] }],
      })),
      requireStable: false,
    },
    {
      groups: [
        { groupId: 'g', topics: [], ...groupError },
        {
          groupId: 'mine',
          errorCode: 'NONE',
          topics: [
            { name: 't', partitions: [{ partitionIndex: 0, committedOffset: -1, ...topicError }] },
          ],
        },
      ],
    },
  ),
  asking(
    SyncGroup,
    5,
    {
      groupId: 'g',
      generationId: 1,
      memberId: 'm',
      groupInstanceId: null,
      protocolType: 'consumer',
      protocolName: 'range',
      assignments: [],
    },
    { ...groupError, assignment: Buffer.alloc(0) },
  ),
]

const USER_A = [{ entityType: 'user', entityName: 'a' }]

const aboutTheCluster = (): Unauthorized[] => [
  asking(
    AlterClientQuotas,
    1,
    { entries: [{ entity: USER_A, ops: [] }], validateOnly: false },
    { entries: [{ entity: USER_A, ...clusterError }] },
  ),
  asking(
    DescribeClientQuotas,
    1,
    { components: [], strict: false },
    { ...clusterError, entries: null },
  ),
  asking(
    AlterUserScramCredentials,
    0,
    { deletions: [{ name: 'a', mechanism: 1 }], upsertions: [] },
    { results: [{ user: 'a', ...clusterError }] },
  ),
  asking(DescribeUserScramCredentials, 0, { users: null }, { ...clusterError, results: [] }),
  asking(
    DescribeUserScramCredentials,
    0,
    { users: [{ name: 'a' }] },
    { ...clusterError, results: [{ user: '', ...clusterError }] },
  ),
  asking(
    CreateDelegationToken,
    3,
    { ownerPrincipalType: null, ownerPrincipalName: null, renewers: [], maxLifetimeMs: -1n },
    { ...tokensError, principalName: 'ANONYMOUS', tokenId: '', maxTimestampMs: -1 },
  ),
  asking(RenewDelegationToken, 2, { hmac: NOTHING, renewPeriodMs: -1n }, tokensError),
  asking(ExpireDelegationToken, 2, { hmac: NOTHING, expiryTimePeriodMs: -1n }, tokensError),
  asking(DescribeDelegationToken, 3, { owners: null }, { ...tokensError, tokens: [] }),
  asking(SaslHandshake, 1, { mechanism: 'PLAIN' }, { errorCode: 'ILLEGAL_SASL_STATE' }),
  asking(SaslAuthenticate, 2, { authBytes: Buffer.alloc(0) }, { errorCode: 'ILLEGAL_SASL_STATE' }),
  asking(
    ApiVersions,
    4,
    { clientSoftwareName: 'a', clientSoftwareVersion: '1' },
    { errorCode: 'NONE' },
  ),
  asking(
    AlterConfigs,
    2,
    {
      resources: resources
        .filter(({ resourceType }) => resourceType !== 8)
        .map((resource) => ({ ...resource, configs: [] })),
      validateOnly: true,
    },
    { responses: resourceErrors.filter(({ resourceType }) => resourceType !== 8) },
  ),
  asking(
    IncrementalAlterConfigs,
    1,
    {
      resources: resources.map((resource) => ({ ...resource, configs: [] })),
      validateOnly: true,
    },
    { responses: resourceErrors },
  ),
  {
    ...asking(
      IncrementalAlterConfigs,
      1,
      { resources: [{ ...resources[2]!, configs: [] }], validateOnly: true },
      { responses: [resourceErrors[2]!] },
    ),
    kind: 'controller',
  },
  asking(
    DescribeConfigs,
    4,
    { resources: resources.map((resource) => ({ ...resource, configurationKeys: null })) },
    { results: resourceErrors },
  ),
  asking(
    AlterPartitionReassignments,
    1,
    { topics: [{ name: 't', partitions: [{ partitionIndex: 0, replicas: [1] }] }] },
    {
      ...clusterError,
      responses: [{ name: 't', partitions: [{ partitionIndex: 0, ...clusterError }] }],
    },
  ),
  asking(
    AlterReplicaLogDirs,
    2,
    { dirs: [{ path: '/data', topics: [{ name: 't', partitions: [0] }] }] },
    { results: [{ topicName: 't', partitions: [{ partitionIndex: 0, ...clusterError }] }] },
  ),
  asking(
    CreateAcls,
    3,
    {
      creations: [
        {
          resourceType: 2,
          resourceName: 't',
          principal: 'User:a',
          host: '*',
          operation: 3,
          permissionType: 3,
        },
      ],
    },
    { results: [clusterError] },
  ),
  asking(
    DeleteAcls,
    3,
    { filters: [filter] },
    { filterResults: [{ ...clusterError, matchingAcls: [] }] },
  ),
  asking(DescribeAcls, 3, filter, { ...clusterError, resources: [] }),
  asking(
    DescribeCluster,
    2,
    { includeClusterAuthorizedOperations: true, includeFencedBrokers: false },
    { errorCode: 'NONE', clusterAuthorizedOperations: 0 },
  ),
  {
    ...asking(
      DescribeCluster,
      1,
      { includeClusterAuthorizedOperations: true, endpointType: 2 },
      { ...clusterError, clusterId: '', brokers: [] },
    ),
    kind: 'controller',
  },
  asking(DescribeLogDirs, 4, { topics: null }, { ...clusterError, results: [] }),
  asking(
    DescribeQuorum,
    2,
    { topics: [{ topicName: '__cluster_metadata', partitions: [{ partitionIndex: 0 }] }] },
    { ...clusterError, topics: [] },
  ),
  asking(
    AddRaftVoter,
    1,
    { clusterId: null, timeoutMs: 1000, voterId: 4, voterDirectoryId: ZERO_UUID, listeners: [] },
    clusterError,
  ),
  asking(
    RemoveRaftVoter,
    0,
    { clusterId: null, voterId: 4, voterDirectoryId: ZERO_UUID },
    clusterError,
  ),
  asking(
    UpdateRaftVoter,
    0,
    {
      clusterId: null,
      currentLeaderEpoch: 1,
      voterId: 4,
      voterDirectoryId: ZERO_UUID,
      listeners: [],
      kRaftVersionFeature: { minSupportedVersion: 0, maxSupportedVersion: 1 },
    },
    clusterError,
  ),
  asking(Vote, 2, { topics: [] }, { ...clusterError, topics: [] }),
  asking(BeginQuorumEpoch, 1, { topics: [], leaderEndpoints: [] }, { ...clusterError, topics: [] }),
  asking(EndQuorumEpoch, 1, { topics: [], leaderEndpoints: [] }, { ...clusterError, topics: [] }),
  asking(FetchSnapshot, 1, { topics: [] }, { ...clusterError, topics: [] }),
  {
    ...asking(Fetch, 18, fetching({ topicId: 'A'.repeat(21) + 'Q' }, 2), {
      ...clusterError,
      responses: [],
    }),
    kind: 'controller',
  },
  asking(
    ElectLeaders,
    2,
    { electionType: 0, topicPartitions: [{ topic: 't', partitions: [0] }] },
    {
      ...clusterError,
      replicaElectionResults: [
        { topic: 't', partitionResult: [{ partitionId: 0, ...clusterError }] },
      ],
    },
  ),
  asking(ListConfigResources, 1, { resourceTypes: [] }, { ...clusterError, configResources: [] }),
  asking(ListPartitionReassignments, 0, { topics: null }, { ...clusterError, topics: [] }),
  asking(
    UpdateFeatures,
    1,
    { featureUpdates: [{ feature: 'metadata.version', maxVersionLevel: 20, upgradeType: 1 }] },
    clusterError,
  ),
  asking(
    WriteTxnMarkers,
    2,
    {
      markers: [
        {
          producerId: 1,
          producerEpoch: 0,
          transactionResult: true,
          topics: [{ name: 't', partitionIndexes: [0] }],
          coordinatorEpoch: 0,
        },
      ],
    },
    {
      markers: [
        {
          producerId: 1,
          topics: [{ name: 't', partitions: [{ ...partitions[0]!, ...clusterError }] }],
        },
      ],
    },
  ),
]

const aboutNodes = (): Unauthorized[] => [
  asking(AllocateProducerIds, 0, { brokerId: 1, brokerEpoch: 1 }, clusterError),
  asking(
    AlterPartition,
    3,
    { brokerId: 1, brokerEpoch: 1, topics: [] },
    { ...clusterError, topics: [] },
  ),
  asking(AssignReplicasToDirs, 0, { brokerId: 1, brokerEpoch: 1, directories: [] }, clusterError),
  asking(
    BrokerHeartbeat,
    2,
    { brokerId: 1, currentMetadataOffset: 0, wantFence: false, wantShutDown: false },
    { ...clusterError, isCaughtUp: false, isFenced: true, shouldShutDown: false },
  ),
  asking(
    BrokerRegistration,
    4,
    {
      brokerId: 1,
      clusterId: 'c',
      incarnationId: ZERO_UUID,
      listeners: [],
      features: [],
      rack: null,
    },
    { ...clusterError, brokerEpoch: -1 },
  ),
  asking(
    ControllerRegistration,
    0,
    {
      controllerId: 1,
      incarnationId: ZERO_UUID,
      zkMigrationReady: false,
      listeners: [],
      features: [],
    },
    clusterError,
  ),
  asking(
    Envelope,
    0,
    {
      requestData: Buffer.alloc(8),
      requestPrincipal: null,
      clientHostAddress: Buffer.alloc(4),
    },
    { ...clusterError, responseData: null },
  ),
  asking(UnregisterBroker, 0, { brokerId: 1 }, clusterError),
  asking(UnregisterController, 0, { controllerId: 1 }, clusterError),
]

/** `mine` is a group and a transactional id that everything may be done to; nothing else may be done to anything. */
export const unauthorizedRequests = (topicId: string): readonly Unauthorized[] => [
  ...aboutTheCluster(),
  ...aboutNodes(),
  ...aboutTopics(topicId),
  ...aboutRecords(topicId),
  ...aboutTransactions(),
  ...aboutGroups(topicId),
]
