import { configOf, directoryOf, hasOnlineDirectory, resourceOf } from './image.ts'
import type {
  EndPoint,
  MetadataImage,
  PartitionImage,
  ResourceConfig,
  ResourceName,
  TopicImage,
} from './image.ts'

export interface NodeAddress {
  readonly id: number
  readonly host: string
  readonly port: number
}

export interface BrokerAddress extends NodeAddress {
  readonly rack: string | null
  readonly isFenced: boolean
}

/** A moment of the cluster's metadata, as clients are told of it. */
export interface ClusterView {
  readonly clusterId: string
  /** The broker that clients should take for the controller; -1 when none is alive. */
  readonly controllerId: number
  /** The brokers that have this listener, with their addresses on it; the fenced ones only if asked for. */
  brokers(listenerName: string, includeFenced?: boolean): BrokerAddress[]
  /** The controllers that have this listener, with their addresses on it (KIP-919). */
  controllers(listenerName: string): NodeAddress[]
  /** The replicas of brokers that this listener's clients can't reach, and those in directories that are offline. */
  offlineReplicas(partition: PartitionImage, listenerName: string): number[]
  topics(): Iterable<TopicImage>
  topic(name: string): TopicImage | undefined
  topicById(id: string): TopicImage | undefined
  /** The dynamic settings of a resource; empty where there are none. */
  config(resourceType: number, resourceName: string): ResourceConfig
  /** The resources of all types that have dynamic settings. */
  configured(): Iterable<ResourceName>
}

/** @param controllerId the node to name as the controller; to clients any live broker will do, requests are forwarded */
export function clusterView(
  image: MetadataImage,
  clusterId: string,
  controllerId: number,
): ClusterView {
  return {
    clusterId,
    controllerId,
    brokers: (listenerName, includeFenced = false) => {
      const addresses: BrokerAddress[] = []
      for (const { id, endPoints, rack, fenced } of image.brokers.values()) {
        const endPoint = endPoints.find(({ name }) => name === listenerName)
        if (endPoint === undefined || (fenced && !includeFenced)) continue
        addresses.push({ id, host: endPoint.host, port: endPoint.port, rack, isFenced: fenced })
      }
      return addresses
    },
    controllers: (listenerName) =>
      Array.from(image.controllers.values()).flatMap(({ id, endPoints }) => {
        const endPoint = endPoints.find(({ name }) => name === listenerName)
        return endPoint === undefined ? [] : [{ id, host: endPoint.host, port: endPoint.port }]
      }),
    offlineReplicas: (partition, listenerName) =>
      partition.replicas.filter((id) => {
        const broker = image.brokers.get(id)
        return (
          broker === undefined ||
          broker.fenced ||
          !broker.endPoints.some(({ name }) => name === listenerName) ||
          !hasOnlineDirectory(broker.logDirs, directoryOf(partition, id))
        )
      }),
    topics: () => image.topics.byName.values(),
    topic: (name) => image.topics.byName.get(name),
    topicById: (id) => image.topics.byId.get(id),
    config: (resourceType, resourceName) => configOf(image, resourceType, resourceName),
    configured: () => configured(image),
  }
}

/** Where a broker that is alive is reached by a listener; null where there is none, it is fenced, or has no such listener. */
export function endPointOf(
  image: MetadataImage,
  brokerId: number,
  listenerName: string,
): EndPoint | null {
  const broker = image.brokers.get(brokerId)
  if (broker === undefined || broker.fenced) return null
  return broker.endPoints.find(({ name }) => name === listenerName) ?? null
}

function* configured({ configs }: MetadataImage): Iterable<ResourceName> {
  for (const key of configs.keys()) yield resourceOf(key)
}
