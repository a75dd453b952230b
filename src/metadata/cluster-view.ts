import { configOf, directoryOf, hasOnlineDirectory, resourceOf } from './image.ts'
import type {
  BrokerImage,
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
  /** Empty in a controller that belongs to none yet. */
  readonly clusterId: string
  /** The broker that clients should take for the controller; -1 when none is alive. */
  readonly controllerId: number
  /** The brokers that have this listener, with their addresses on it; the fenced ones only if asked for. */
  brokers(listenerName: string, includeFenced?: boolean): BrokerAddress[]
  /** A broker that is alive and has this listener, with its address on it. */
  broker(brokerId: number, listenerName: string): BrokerAddress | null
  /** The controllers that have this listener, with their addresses on it (KIP-919). */
  controllers(listenerName: string): NodeAddress[]
  /** The broker that clients of a partition should turn to; -1 where there is none, or it may be about to be another one. */
  leaderOf(partition: PartitionImage): number
  /** The replicas of brokers that this listener's clients can't reach, and those in directories that are offline. */
  offlineReplicas(partition: PartitionImage, listenerName: string): readonly number[]
  topics(): Iterable<TopicImage>
  topic(name: string): TopicImage | undefined
  topicById(id: string): TopicImage | undefined
  /** The dynamic settings of a resource; empty where there are none. */
  config(resourceType: number, resourceName: string): ResourceConfig
  /** The resources of all types that have dynamic settings. */
  configured(): Iterable<ResourceName>
}

/**
 * @param controllerId the node to name as the controller; to clients any live broker will do, requests are forwarded
 * @param isInDoubt whether a partition may have another leader than the metadata say, or is about to have one
 */
export function clusterView(
  image: MetadataImage,
  clusterId: string,
  controllerId: number,
  isInDoubt: (partition: PartitionImage) => boolean = () => false,
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
    broker: (brokerId, listenerName) => {
      const endPoint = endPointOf(image, brokerId, listenerName)
      if (endPoint === null) return null
      const { id, rack } = image.brokers.get(brokerId)!
      return { id, host: endPoint.host, port: endPoint.port, rack, isFenced: false }
    },
    controllers: (listenerName) =>
      Array.from(image.controllers.values()).flatMap(({ id, endPoints }) => {
        const endPoint = endPoints.find(({ name }) => name === listenerName)
        return endPoint === undefined ? [] : [{ id, host: endPoint.host, port: endPoint.port }]
      }),
    leaderOf: (partition) => (isInDoubt(partition) ? -1 : partition.leader),
    offlineReplicas: (partition, listenerName) => {
      let offline: number[] | null = null
      for (const id of partition.replicas) {
        if (isReached(image, partition, id, listenerName)) continue
        if (offline === null) offline = [id]
        else offline.push(id)
      }
      return offline ?? NOBODY
    },
    topics: () => image.topics.byName.values(),
    topic: (name) => image.topics.byName.get(name),
    topicById: (id) => image.topics.byId.get(id),
    config: (resourceType, resourceName) => configOf(image, resourceType, resourceName),
    configured: () => configured(image),
  }
}

const NOBODY: readonly number[] = []

function isReached(
  { brokers }: MetadataImage,
  partition: PartitionImage,
  id: number,
  listenerName: string,
): boolean {
  const broker = brokers.get(id)
  if (broker === undefined || broker.fenced) return false
  if (!hasListener(broker, listenerName)) return false
  return hasOnlineDirectory(broker.logDirs, directoryOf(partition, id))
}

function hasListener({ endPoints }: BrokerImage, listenerName: string): boolean {
  for (const { name } of endPoints) if (name === listenerName) return true
  return false
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
