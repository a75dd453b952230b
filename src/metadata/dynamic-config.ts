import type { BrokerConfig } from '../config/broker-config.ts'
import type { Logger } from '../host/host.ts'
import type { MetadataDelta, MetadataImage } from './image.ts'
import { ResourceType, configOf } from './image.ts'

/** Puts the settings of the cluster and of this node that the image has above those that the node was started with. */
export function applyDynamicConfig(config: BrokerConfig, image: MetadataImage, log: Logger): void {
  const ignored = config.updateDynamic({
    cluster: configOf(image, ResourceType.BROKER, ''),
    broker: configOf(image, ResourceType.BROKER, String(config.get('node.id'))),
  })
  for (const reason of ignored) log.warn({}, `A dynamic setting is ignored: ${reason}`)
}

/**
 * The same where settings of the cluster or of this node were written. Whoever writes one of this node's has it look whether
 * files were replaced under their names; it may be the value that was there (KAFKA-14136).
 * @returns whether any were
 */
export function followDynamicConfig(
  config: BrokerConfig,
  { changedConfigs }: Pick<MetadataDelta, 'changedConfigs'>,
  image: MetadataImage,
  log: Logger,
): boolean {
  const written = changedConfigs.filter(({ resourceType }) => resourceType === ResourceType.BROKER)
  if (written.length === 0) return false
  applyDynamicConfig(config, image, log)
  const own = String(config.get('node.id'))
  if (written.some(({ resourceName }) => resourceName === own)) config.filesReplaced()
  return true
}
