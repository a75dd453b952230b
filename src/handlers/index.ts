import type { ListenerKind } from '../../protocol/schema.ts'
import { addOffsetsToTxn } from './add-offsets-to-txn.ts'
import { addPartitionsToTxn } from './add-partitions-to-txn.ts'
import { addRaftVoter } from './add-raft-voter.ts'
import { allocateProducerIds } from './allocate-producer-ids.ts'
import { alterClientQuotas } from './alter-client-quotas.ts'
import { alterConfigs } from './alter-configs.ts'
import { alterPartition } from './alter-partition.ts'
import { alterPartitionReassignments } from './alter-partition-reassignments.ts'
import { alterReplicaLogDirs } from './alter-replica-log-dirs.ts'
import { alterUserScramCredentials } from './alter-user-scram-credentials.ts'
import { apiVersions } from './api-versions.ts'
import { assignReplicasToDirs } from './assign-replicas-to-dirs.ts'
import { beginQuorumEpoch } from './begin-quorum-epoch.ts'
import { brokerHeartbeat } from './broker-heartbeat.ts'
import { brokerRegistration } from './broker-registration.ts'
import { controllerRegistration } from './controller-registration.ts'
import { createAcls } from './create-acls.ts'
import { createDelegationToken } from './create-delegation-token.ts'
import { createPartitions } from './create-partitions.ts'
import { createTopics } from './create-topics.ts'
import { deleteAcls } from './delete-acls.ts'
import { deleteGroups } from './delete-groups.ts'
import { deleteRecords } from './delete-records.ts'
import { deleteTopics } from './delete-topics.ts'
import { describeAcls } from './describe-acls.ts'
import { describeClientQuotas } from './describe-client-quotas.ts'
import { describeCluster } from './describe-cluster.ts'
import { describeConfigs } from './describe-configs.ts'
import { describeDelegationToken } from './describe-delegation-token.ts'
import { describeGroups } from './describe-groups.ts'
import { describeLogDirs } from './describe-log-dirs.ts'
import { describeProducers } from './describe-producers.ts'
import { describeQuorum } from './describe-quorum.ts'
import { describeTopicPartitions } from './describe-topic-partitions.ts'
import { describeTransactions } from './describe-transactions.ts'
import { describeUserScramCredentials } from './describe-user-scram-credentials.ts'
import { electLeaders } from './elect-leaders.ts'
import { endQuorumEpoch } from './end-quorum-epoch.ts'
import { endTxn } from './end-txn.ts'
import { envelope } from './envelope.ts'
import { expireDelegationToken } from './expire-delegation-token.ts'
import { fetchMetadata } from './fetch-metadata.ts'
import { fetchSnapshot } from './fetch-snapshot.ts'
import { fetch } from './fetch.ts'
import { findCoordinator } from './find-coordinator.ts'
import type { Handler } from './handler.ts'
import { heartbeat } from './heartbeat.ts'
import { incrementalAlterConfigs } from './incremental-alter-configs.ts'
import { initProducerId } from './init-producer-id.ts'
import { joinGroup } from './join-group.ts'
import { leaveGroup } from './leave-group.ts'
import { listConfigResources } from './list-config-resources.ts'
import { listGroups } from './list-groups.ts'
import { listOffsets } from './list-offsets.ts'
import { listPartitionReassignments } from './list-partition-reassignments.ts'
import { listTransactions } from './list-transactions.ts'
import { metadata } from './metadata.ts'
import { offsetCommit } from './offset-commit.ts'
import { offsetDelete } from './offset-delete.ts'
import { offsetFetch } from './offset-fetch.ts'
import { offsetForLeaderEpoch } from './offset-for-leader-epoch.ts'
import { produce } from './produce.ts'
import { removeRaftVoter } from './remove-raft-voter.ts'
import type { BrokerServices, ControllerServices, NodeServices } from './services.ts'
import { renewDelegationToken } from './renew-delegation-token.ts'
import { saslAuthenticate } from './sasl-authenticate.ts'
import { saslHandshake } from './sasl-handshake.ts'
import { syncGroup } from './sync-group.ts'
import { txnOffsetCommit } from './txn-offset-commit.ts'
import { unregisterBroker } from './unregister-broker.ts'
import { unregisterController } from './unregister-controller.ts'
import { updateFeatures } from './update-features.ts'
import { updateRaftVoter } from './update-raft-voter.ts'
import { vote } from './vote.ts'
import { writeTxnMarkers } from './write-txn-markers.ts'

/** Every API that is served, in the only list: the pipelines, the ApiVersions answer and the README's table derive from it. */
export const handlers: readonly Handler[] = [
  addOffsetsToTxn,
  addPartitionsToTxn,
  addRaftVoter,
  allocateProducerIds,
  alterClientQuotas,
  alterConfigs,
  alterPartition,
  alterPartitionReassignments,
  alterReplicaLogDirs,
  alterUserScramCredentials,
  apiVersions,
  assignReplicasToDirs,
  beginQuorumEpoch,
  brokerHeartbeat,
  brokerRegistration,
  controllerRegistration,
  createAcls,
  createDelegationToken,
  createPartitions,
  createTopics,
  deleteAcls,
  deleteGroups,
  deleteRecords,
  deleteTopics,
  describeAcls,
  describeClientQuotas,
  describeCluster,
  describeConfigs,
  describeDelegationToken,
  describeGroups,
  describeLogDirs,
  describeProducers,
  describeQuorum,
  describeTopicPartitions,
  describeTransactions,
  describeUserScramCredentials,
  electLeaders,
  endQuorumEpoch,
  endTxn,
  envelope,
  fetch,
  expireDelegationToken,
  fetchMetadata,
  fetchSnapshot,
  findCoordinator,
  heartbeat,
  incrementalAlterConfigs,
  initProducerId,
  joinGroup,
  leaveGroup,
  listConfigResources,
  listGroups,
  listOffsets,
  listPartitionReassignments,
  listTransactions,
  metadata,
  offsetCommit,
  offsetDelete,
  offsetFetch,
  offsetForLeaderEpoch,
  produce,
  removeRaftVoter,
  renewDelegationToken,
  saslAuthenticate,
  saslHandshake,
  syncGroup,
  txnOffsetCommit,
  unregisterBroker,
  unregisterController,
  updateFeatures,
  updateRaftVoter,
  vote,
  writeTxnMarkers,
]

/** What a controller serves before it belongs to a cluster: those who look for one learn that it is there, and has none. */
export const formingHandlers: readonly Handler<NodeServices>[] = [apiVersions, describeCluster]

/** What is served on the listeners of a kind: handlers that need no more than what is there, as `handle` has seen to. */
export function handlersOn(kind: 'broker'): readonly Handler<BrokerServices>[]
export function handlersOn(kind: 'controller'): readonly Handler<ControllerServices>[]
export function handlersOn(kind: ListenerKind): readonly Handler[] {
  return handlers.filter(({ listeners }) => listeners.includes(kind))
}
