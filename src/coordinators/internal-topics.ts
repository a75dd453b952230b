import type { BrokerConfig } from '../config/broker-config.ts'
import type { TopicToCreate } from '../metadata/controller/commands.ts'
import { OFFSETS_TOPIC } from './group/kind.ts'
import { TRANSACTIONS_TOPIC } from './transaction/kind.ts'

const SHARE_STATE_TOPIC = '__share_group_state'

/** What a coordinator's topic is made with. */
interface InternalTopic {
  readonly numPartitions: number
  readonly replicationFactor: number
  readonly configs: Readonly<Record<string, string | number>>
}

/**
 * Of each internal topic, what Kafka's coordinators ask for. Their state must neither expire nor lie in one partition, also
 * where the topic is made before its coordinator is here: a later version, or Apache Kafka, goes on with it.
 */
const INTERNAL: Readonly<Record<string, (config: BrokerConfig) => InternalTopic>> = {
  [OFFSETS_TOPIC]: (config) => ({
    numPartitions: config.get('offsets.topic.num.partitions'),
    replicationFactor: config.get('offsets.topic.replication.factor'),
    configs: {
      'cleanup.policy': 'compact',
      'compression.type': 'producer',
      'segment.bytes': config.get('offsets.topic.segment.bytes'),
    },
  }),
  [TRANSACTIONS_TOPIC]: (config) => ({
    numPartitions: config.get('transaction.state.log.num.partitions'),
    replicationFactor: config.get('transaction.state.log.replication.factor'),
    configs: {
      'cleanup.policy': 'compact',
      'compression.type': 'uncompressed',
      'min.insync.replicas': config.get('transaction.state.log.min.isr'),
      'segment.bytes': config.get('transaction.state.log.segment.bytes'),
      'unclean.leader.election.enable': 'false',
    },
  }),
  [SHARE_STATE_TOPIC]: (config) => ({
    numPartitions: config.get('share.coordinator.state.topic.num.partitions'),
    replicationFactor: config.get('share.coordinator.state.topic.replication.factor'),
    configs: {
      // [KIP-932] Its coordinator deletes what it no longer needs by itself.
      'cleanup.policy': 'delete',
      'compression.type': 'producer',
      'min.insync.replicas': config.get('share.coordinator.state.topic.min.isr'),
      'retention.ms': -1,
      'segment.bytes': config.get('share.coordinator.state.topic.segment.bytes'),
    },
  }),
}

/** A topic to be made because somebody needs it: an internal one by the settings of its coordinator, others by defaults. */
export function automaticTopic(name: string, config: BrokerConfig): TopicToCreate {
  if (!Object.hasOwn(INTERNAL, name)) {
    return { name, numPartitions: -1, replicationFactor: -1, assignments: [], configs: [] }
  }
  const { configs, ...counts } = INTERNAL[name]!(config)
  const entries = Object.entries(configs)
  return {
    name,
    ...counts,
    assignments: [],
    configs: entries.map(([key, value]) => ({ name: key, value: String(value) })),
  }
}
