import type { BrokerConfig } from '../config/broker-config.ts'
import type { Logger } from '../host/host.ts'
import type { MetadataImage } from './image.ts'
import { ResourceType, configOf } from './image.ts'

/** Puts the settings of the cluster and of this node that the image has above those that the node was started with. */
export function applyDynamicConfig(config: BrokerConfig, image: MetadataImage, log: Logger): void {
  const ignored = config.updateDynamic({
    cluster: configOf(image, ResourceType.BROKER, ''),
    broker: configOf(image, ResourceType.BROKER, String(config.get('node.id'))),
  })
  for (const reason of ignored) log.warn({}, `A dynamic setting is ignored: ${reason}`)
}
