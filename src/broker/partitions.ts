import type { BrokerConfig } from '../config/broker-config.ts'
import type { LogConfig } from '../log/base/config.ts'
import type { LogManager } from '../log/manager.ts'
import { ResourceType, configOf, directoryOf, partitionOf } from '../metadata/image.ts'
import type { MetadataImage } from '../metadata/image.ts'
import { topicSettings } from '../replication/topic-settings.ts'

/**
 * Opens and recovers the partitions that the directories have and the metadata says are here, one with each step; others are
 * set aside. So the image must have all that was committed when the broker last ran.
 * @throws LogDirectoryError
 */
export function loadPartitions(
  logs: LogManager,
  image: MetadataImage,
  config: BrokerConfig,
): Iterable<void> {
  const nodeId = config.get('node.id')
  const configs = new Map<string, LogConfig>()
  return logs.loadPartitions({
    // Asked for each partition, the same for all of a topic.
    configOf: (topic) => {
      const known = configs.get(topic)
      if (known !== undefined) return known
      const settings = topicSettings(config, configOf(image, ResourceType.TOPIC, topic)).log
      configs.set(topic, settings)
      return settings
    },
    isWanted: (topic, partition, topicId) =>
      image.topics.byName.get(topic)?.id === topicId &&
      (partitionOf(image, topic, partition)?.replicas.includes(nodeId) ?? false),
    directoryOf: (topic, partition) => {
      const found = partitionOf(image, topic, partition)
      return found === undefined ? null : directoryOf(found, nodeId)
    },
  })
}
