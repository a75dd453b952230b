import type { BrokerConfig } from '../config/broker-config.ts'
import type { BrokerServices } from '../handlers/services.ts'
import type { Host } from '../host/host.ts'
import type { RatedLog } from '../host/rated-log.ts'
import type { LogManager } from '../log/manager.ts'
import { clusterView } from '../metadata/cluster-view.ts'
import { featureLevels } from '../metadata/feature-levels.ts'
import type { PartitionImage } from '../metadata/image.ts'
import type { MetadataNode } from '../metadata/node.ts'
import { quotasOf } from '../metadata/quotas.ts'
import { scramRecordOf, scramUsers } from '../metadata/scram.ts'
import { scramNumber } from '../security/sasl/scram.ts'
import { DelegationTokens } from '../security/tokens/delegation-tokens.ts'
import type { DirectoryMoves } from '../replication/directories/moves.ts'
import { FetchMemory } from '../log/read/memory.ts'
import type { FollowerPatience } from '../replication/fetch/patience.ts'
import { FetchSessionCache } from '../replication/fetch/session.ts'
import type { ReplicationQuota } from '../replication/quota/replication-quota.ts'
import type { ReplicaManager } from '../replication/replica-manager.ts'
import { TransactionGate } from '../replication/transaction-gate.ts'
import type { Authorizer } from '../security/authorizer.ts'
import { createTopicsAutomatically } from './automatic-topics.ts'
import type { BrokerControllerChannel } from './controller-channel.ts'
import type { OtherBrokers } from './other-brokers.ts'
import { untilKnown } from './until-known.ts'
import type { Coordinators } from './coordinators.ts'

/** Where so many bytes were read for consumers and not sent yet, fetches wait for their turn. */
const MAX_UNSENT_BYTES = 128 << 20
const FIRST_SESSION_ID = 1
const MAX_SESSION_ID = 0x7fff_fffe

interface Parts extends Coordinators {
  readonly host: Host
  readonly config: BrokerConfig
  readonly clusterId: string
  readonly metadata: MetadataNode
  readonly controller: BrokerControllerChannel
  readonly logs: LogManager
  readonly replicas: ReplicaManager
  readonly followerPatience: FollowerPatience
  readonly moves: DirectoryMoves
  readonly leaderQuota: ReplicationQuota
  readonly faults: RatedLog
  readonly authorizer: Authorizer | null
  readonly hasSession: () => boolean
  readonly others: Pick<OtherBrokers, 'inDoubt' | 'heardOf'>
}

/** What the handlers need of the broker. */
export function brokerServices(parts: Parts): BrokerServices {
  const { host, config, clusterId, metadata, controller, replicas } = parts
  const { clock, disk, log, random } = host
  const nodeId = config.get('node.id')
  const isInDoubt = ({ leader, isr }: PartitionImage): boolean => {
    if (!parts.others.inDoubt.has(leader)) return false
    // Nobody else can lead what this broker alone has.
    return leader !== nodeId || (isr.length > 1 && !parts.hasSession())
  }
  return {
    kind: 'broker',
    log,
    faults: parts.faults,
    clock,
    authorizer: parts.authorizer,
    config,
    replicas,
    fetchMemory: new FetchMemory(MAX_UNSENT_BYTES, clock),
    replicaFetchMemory: new FetchMemory(MAX_UNSENT_BYTES, clock),
    followers: parts.others.inDoubt,
    leaderQuota: parts.leaderQuota,
    followerPatience: parts.followerPatience,
    fetchSessions: new FetchSessionCache(
      config.get('max.incremental.fetch.session.cache.slots'),
      () => clock.monotonic(),
      () => random.below(MAX_SESSION_ID) + FIRST_SESSION_ID,
    ),
    producerIds: parts.producerIds,
    groups: parts.groups,
    transactions: parts.transactions,
    markers: parts.markers,
    transactionGate: new TransactionGate({
      clock,
      log,
      verifier: parts.verifier,
      isEnabled: () => config.get('transaction.partition.verification.enable'),
      retryBackoffMs: () => config.get('add.partitions.to.txn.retry.backoff.ms'),
      retryMaxMs: () => config.get('add.partitions.to.txn.retry.backoff.max.ms'),
    }),
    controller,
    logs: parts.logs,
    moves: parts.moves,
    quotas: () => quotasOf(metadata.image),
    spaceOf: (path) => disk.space(path),
    scramCredential: (mechanism, user) =>
      scramRecordOf(metadata.image, scramNumber(mechanism), user),
    scramUsers: () => scramUsers(metadata.image),
    tokens: new DelegationTokens(config, host, () => metadata.image),
    cluster: () => clusterView(metadata.image, clusterId, nodeId, isInDoubt),
    hasSession: parts.hasSession,
    doubtItself: () => parts.others.inDoubt.doubtItself(nodeId),
    heardOf: (brokerIds) => parts.others.heardOf(brokerIds),
    features: () => featureLevels(metadata),
    settled: () => replicas.settled(),
    createTopicsAutomatically: (names, client) =>
      createTopicsAutomatically(names, {
        clock,
        config,
        submit: (command) => controller.submit(command, client ?? undefined),
        known: (names) => untilKnown(names, metadata, clock),
        settled: () => replicas.settled(),
      }),
  }
}
