import { AddRaftVoter } from '../../../protocol/messages/add-raft-voter.ts'
import { AllocateProducerIds } from '../../../protocol/messages/allocate-producer-ids.ts'
import { AlterPartition } from '../../../protocol/messages/alter-partition.ts'
import { AssignReplicasToDirs } from '../../../protocol/messages/assign-replicas-to-dirs.ts'
import { BeginQuorumEpoch } from '../../../protocol/messages/begin-quorum-epoch.ts'
import { BrokerHeartbeat } from '../../../protocol/messages/broker-heartbeat.ts'
import { BrokerRegistration } from '../../../protocol/messages/broker-registration.ts'
import { ControllerRegistration } from '../../../protocol/messages/controller-registration.ts'
import { EndQuorumEpoch } from '../../../protocol/messages/end-quorum-epoch.ts'
import { FetchSnapshot } from '../../../protocol/messages/fetch-snapshot.ts'
import { Fetch } from '../../../protocol/messages/fetch.ts'
import { RemoveRaftVoter } from '../../../protocol/messages/remove-raft-voter.ts'
import { UnregisterBroker } from '../../../protocol/messages/unregister-broker.ts'
import { UnregisterController } from '../../../protocol/messages/unregister-controller.ts'
import { UpdateRaftVoter } from '../../../protocol/messages/update-raft-voter.ts'
import { Vote } from '../../../protocol/messages/vote.ts'
import { ZERO_UUID } from '../../../protocol/schema.ts'
import { asks } from './request.ts'
import type { MatrixRequest } from './request.ts'

/** Of no cluster here, so that nothing comes of what says it. */
const clusterId = 'xxxxxxxxxxxxxxxxxxxxxw'
/** Of no node here. */
const STRANGER = 77
const stranger = { brokerId: STRANGER, brokerEpoch: 1 }
const quorumTopic = '__cluster_metadata'

export const aboutNodes: readonly MatrixRequest[] = [
  asks(AllocateProducerIds, 0, () => stranger),
  asks(AlterPartition, 3, ({ topicId }) => ({
    ...stranger,
    topics: [
      {
        topicId,
        partitions: [
          {
            partitionIndex: 0,
            leaderEpoch: 0,
            newIsrWithEpochs: [{ brokerId: 1 }],
            partitionEpoch: 0,
          },
        ],
      },
    ],
  })),
  asks(AssignReplicasToDirs, 0, () => ({ ...stranger, directories: [] })),
  asks(BrokerHeartbeat, 2, () => ({
    ...stranger,
    currentMetadataOffset: 0,
    wantFence: false,
    wantShutDown: false,
    offlineLogDirs: [],
  })),
  asks(BrokerRegistration, 4, () => ({
    brokerId: STRANGER,
    clusterId,
    incarnationId: clusterId,
    listeners: [],
    features: [],
    rack: null,
    logDirs: [clusterId],
  })),
  asks(ControllerRegistration, 0, () => ({
    controllerId: STRANGER + 1,
    incarnationId: clusterId,
    zkMigrationReady: false,
    listeners: [],
    features: [],
  })),
  asks(UnregisterBroker, 0, () => ({ brokerId: STRANGER })),
  asks(UnregisterController, 0, () => ({ controllerId: STRANGER })),
  asks(AddRaftVoter, 1, () => ({
    clusterId,
    timeoutMs: 1000,
    voterId: STRANGER,
    voterDirectoryId: clusterId,
    listeners: [],
  })),
  asks(RemoveRaftVoter, 0, () => ({
    clusterId,
    voterId: STRANGER,
    voterDirectoryId: clusterId,
  })),
  asks(UpdateRaftVoter, 0, () => ({
    clusterId,
    currentLeaderEpoch: 1,
    voterId: STRANGER,
    voterDirectoryId: clusterId,
    listeners: [],
    kRaftVersionFeature: { minSupportedVersion: 0, maxSupportedVersion: 1 },
  })),
  asks(Vote, 2, () => ({
    clusterId,
    voterId: 1,
    topics: [
      {
        topicName: quorumTopic,
        partitions: [
          {
            partitionIndex: 0,
            replicaEpoch: 1,
            replicaId: STRANGER,
            replicaDirectoryId: clusterId,
            voterDirectoryId: ZERO_UUID,
            lastOffsetEpoch: 0,
            lastOffset: 0,
            preVote: true,
          },
        ],
      },
    ],
  })),
  asks(BeginQuorumEpoch, 1, () => ({
    clusterId,
    voterId: 1,
    topics: [
      {
        topicName: quorumTopic,
        partitions: [
          { partitionIndex: 0, voterDirectoryId: ZERO_UUID, leaderId: STRANGER, leaderEpoch: 0 },
        ],
      },
    ],
    leaderEndpoints: [],
  })),
  asks(EndQuorumEpoch, 1, () => ({
    clusterId,
    topics: [
      {
        topicName: quorumTopic,
        partitions: [
          { partitionIndex: 0, leaderId: STRANGER, leaderEpoch: 0, preferredCandidates: [] },
        ],
      },
    ],
    leaderEndpoints: [],
  })),
  asks(FetchSnapshot, 1, () => ({
    clusterId,
    replicaId: STRANGER,
    topics: [
      {
        name: quorumTopic,
        partitions: [
          {
            partition: 0,
            currentLeaderEpoch: -1,
            snapshotId: { endOffset: 1, epoch: 1 },
            position: 0,
            replicaDirectoryId: clusterId,
          },
        ],
      },
    ],
  })),
  asks(
    Fetch,
    17,
    () => ({
      clusterId,
      replicaState: { replicaId: STRANGER, replicaEpoch: -1 },
      maxWaitMs: 0,
      minBytes: 0,
      topics: [
        {
          topicId: 'AAAAAAAAAAAAAAAAAAAAAQ',
          partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1000 }],
        },
      ],
    }),
    { of: 'of the metadata log', listeners: ['controller'] },
  ),
]
