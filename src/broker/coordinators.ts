import type { Codecs } from '../../protocol/records/codecs.ts'
import type { BrokerConfig } from '../config/broker-config.ts'
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
import type { MarkerWriter } from '../replication/transactions.ts'
import type { BrokerControllerChannel } from './controller-channel.ts'

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
  readonly markers: MarkerWriter
}

export function brokerCoordinators(parts: {
  readonly host: Host
  readonly codecs: Codecs
  readonly config: BrokerConfig
  readonly metadata: MetadataNode
  readonly controller: BrokerControllerChannel
  readonly replicas: ReplicaManager
  readonly identity: () => BrokerIdentity
}): Coordinators {
  const { host, codecs, config, metadata, controller, replicas, identity } = parts
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
  const markers = new LocalMarkerWriter({ clock: host.clock, replicas, groups, timeoutMs })
  const transactions = new TransactionCoordinator({
    ...over(TRANSACTIONS_TOPIC),
    producerIds,
    transactionVersion: () => metadata.image.features.get(TRANSACTION_VERSION) ?? 0,
    markers,
    isGone: ({ topic, partition }) => partitionOf(metadata.image, topic, partition) === undefined,
  })
  return { groups, transactions, producerIds, markers }
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
