import type { BrokerConfig } from '../config/broker-config.ts'
import type { TopicToCreate } from '../metadata/commands.ts'
import { OFFSETS_TOPIC } from './group/coordinator.ts'

/** A topic to be made because somebody needs it: an internal one by the settings of its coordinator, others by defaults. */
export function automaticTopic(name: string, config: BrokerConfig): TopicToCreate {
  if (name !== OFFSETS_TOPIC) {
    return { name, numPartitions: -1, replicationFactor: -1, assignments: [], configs: [] }
  }
  return {
    name,
    numPartitions: config.get('offsets.topic.num.partitions'),
    replicationFactor: config.get('offsets.topic.replication.factor'),
    assignments: [],
    configs: [
      { name: 'cleanup.policy', value: 'compact' },
      { name: 'compression.type', value: 'producer' },
      { name: 'segment.bytes', value: String(config.get('offsets.topic.segment.bytes')) },
    ],
  }
}
