import type { Codecs } from '../../protocol/records/codecs.ts'
import type { BrokerConfig } from '../config/broker-config.ts'
import { ClusterMarkerWriter } from '../coordinators/cluster-marker-writer.ts'
import { ClusterTransactionVerifier } from '../coordinators/cluster-verifier.ts'
import { GroupCoordinator } from '../coordinators/group/coordinator.ts'
import { OFFSETS_TOPIC } from '../coordinators/group/kind.ts'
import { LocalMarkerWriter } from '../coordinators/marker-writer.ts'
import { ProducerIds } from '../coordinators/producer-ids.ts'
import type { ProducerIdBlock } from '../coordinators/producer-ids.ts'
import { TransactionCoordinator } from '../coordinators/transaction/coordinator.ts'
import { TRANSACTIONS_TOPIC } from '../coordinators/transaction/kind.ts'
import type { Host } from '../host/host.ts'
import { ShardError } from '../machine/runtime.ts'
import { TRANSACTION_VERSION } from '../metadata/features.ts'
import { partitionOf } from '../metadata/image.ts'
import type { MetadataNode } from '../metadata/node.ts'
import type { ReplicaManager } from '../replication/replica-manager.ts'
import type {
  MarkerWriter,
  TopicPartition,
  TransactionVerifier,
} from '../replication/transactions.ts'
import type { BrokerControllerChannel } from './controller-channel.ts'
import type { OtherBrokers } from './other-brokers.ts'

/** How the controller knows a life of a broker. */
export interface BrokerIdentity {
  readonly brokerId: number
  readonly brokerEpoch: number
}

/** What a broker coordinates, and what its coordinators have of it. */
export interface Coordinators {
  readonly groups: GroupCoordinator
  readonly transactions: TransactionCoordinator
  readonly producerIds: ProducerIds
  /** Of the partitions that this broker leads. */
  readonly markers: MarkerWriter
  /** Asks the coordinators of all brokers. */
  readonly verifier: TransactionVerifier
}

export function brokerCoordinators(parts: {
  readonly host: Host
  readonly codecs: Codecs
  readonly config: BrokerConfig
  readonly metadata: MetadataNode
  readonly controller: BrokerControllerChannel
  readonly replicas: ReplicaManager
  readonly others: OtherBrokers
  readonly identity: () => BrokerIdentity
}): Coordinators {
  const { host, codecs, config, metadata, controller, replicas, others, identity } = parts
  const over = (topic: string) => ({
    host,
    codecs,
    config,
    partitionCount: () => metadata.image.topics.byName.get(topic)?.partitions.length ?? 0,
    partition: (index: number) => {
      const partition = replicas.find(topic, index)
      return typeof partition === 'string' ? undefined : partition
    },
  })
  const groups = new GroupCoordinator(over(OFFSETS_TOPIC))
  const producerIds = new ProducerIds(() => allocateProducerIds(controller, identity()))
  const timeoutMs = (): number => config.get('request.timeout.ms')
  const { clock, log } = host
  const markers = new LocalMarkerWriter({ clock, log, replicas, groups, timeoutMs })
  const cluster = {
    brokerId: config.get('node.id'),
    leaderOf: ({ topic, partition }: TopicPartition) =>
      partitionOf(metadata.image, topic, partition)?.leader,
  }
  const transactions = new TransactionCoordinator({
    ...over(TRANSACTIONS_TOPIC),
    producerIds,
    transactionVersion: () => metadata.image.features.get(TRANSACTION_VERSION) ?? 0,
    markers: new ClusterMarkerWriter({ cluster, local: markers, links: others.markers, log }),
    isGone: ({ topic, partition }) => partitionOf(metadata.image, topic, partition) === undefined,
  })
  const verifier = new ClusterTransactionVerifier({
    cluster,
    local: transactions,
    partitionOf: (id) => ({ topic: TRANSACTIONS_TOPIC, partition: transactions.partitionOf(id) }),
    links: others.verification,
  })
  return { groups, transactions, producerIds, markers, verifier }
}

/** @returns null while there is no controller to ask */
async function allocateProducerIds(
  channel: BrokerControllerChannel,
  identity: BrokerIdentity,
): Promise<ProducerIdBlock | null> {
  const asked = channel.submit({ type: 'allocateProducerIds', ...identity })
  const reply = await asked.catch((error: unknown) => {
    if (error instanceof ShardError) return null
    throw error
  })
  if (reply === null || reply.errorCode !== 'NONE') return null
  return { firstId: reply.producerIdStart, size: reply.producerIdLen }
}
