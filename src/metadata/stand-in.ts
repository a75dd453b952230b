/* eslint-disable max-lines-per-function */
import type { Table } from './table.ts'
/** Stands in for the controller, in memory, until the quorum is there. */
import type { Host } from '../host/host.ts'
import type { ControllerCommand, ReplyTo } from './commands.ts'
import { EMPTY_IMAGE } from './image.ts'
import type { FeatureRange, MetadataDelta, MetadataImage, TopicImage } from './image.ts'
export class MetadataNode {
  image: MetadataImage = EMPTY_IMAGE
  #listeners: ((delta: MetadataDelta, image: MetadataImage) => void)[] = []
  #host: Host
  constructor(host: Host) {
    this.#host = host
  }
  onChange(listener: (delta: MetadataDelta, image: MetadataImage) => void): void {
    this.#listeners.push(listener)
  }
  describeQuorum() {
    return {
      leaderId: 1,
      leaderEpoch: 1,
      highWatermark: 0,
      currentVoters: [],
      observers: [],
      voters: [],
    }
  }
  async submit<C extends ControllerCommand>(command: C): Promise<ReplyTo<C>> {
    const c = command as ControllerCommand
    const before = this.image
    if (c.type === 'registerBroker') {
      this.image = {
        ...this.image,
        brokers: new Map([
          [
            c.brokerId,
            {
              id: c.brokerId,
              epoch: 1,
              incarnationId: c.incarnationId,
              endPoints: c.endPoints,
              features: c.features,
              rack: c.rack,
              fenced: false,
              inControlledShutdown: false,
              logDirs: c.logDirs,
              cordonedLogDirs: null,
            },
          ],
        ]),
      }
      return { errorCode: 'NONE', errorMessage: null, brokerEpoch: 1 } as unknown as ReplyTo<C>
    }
    if (c.type === 'allocateProducerIds')
      return {
        errorCode: 'NONE',
        errorMessage: null,
        producerIdStart: 1000,
        producerIdLen: 1000,
      } as unknown as ReplyTo<C>
    if (c.type === 'createTopics') {
      const createdTopics: TopicImage[] = c.topics.map(({ name, numPartitions }) => ({
        name,
        id: this.#host.random.bytes(16).toString('base64url'),
        partitions: Array.from({ length: numPartitions < 0 ? 1 : numPartitions }, () => ({
          replicas: [1],
          directories: [],
          isr: [1],
          removingReplicas: [],
          addingReplicas: [],
          eligibleLeaderReplicas: [],
          lastKnownElr: [],
          leader: 1,
          leaderRecoveryState: 0,
          leaderEpoch: 0,
          partitionEpoch: 0,
        })),
      }))
      this.image = {
        ...this.image,
        topics: {
          byName: (this.image.topics.byName as Table<TopicImage>).with(
            new Map(createdTopics.map((t) => [t.name, t])),
          ),
          byId: (this.image.topics.byId as Table<TopicImage>).with(
            new Map(createdTopics.map((t) => [t.id, t])),
          ),
        },
      }
      for (const l of this.#listeners)
        l(
          {
            before,
            createdTopics,
            deletedTopics: [],
            changedTopics: [],
            changedConfigs: [],
            brokersChanged: false,
            featuresChanged: false,
            othersChanged: false,
          },
          this.image,
        )
      return createdTopics.map((t) => ({
        name: t.name,
        errorCode: 'NONE',
        errorMessage: null,
        topicId: t.id,
        numPartitions: t.partitions.length,
        replicationFactor: 1,
      })) as unknown as ReplyTo<C>
    }
    throw new Error('scratch')
  }
  async close(): Promise<void> {}
}
export const SUPPORTED_FEATURES: readonly FeatureRange[] = [
  { name: 'metadata.version', minSupportedVersion: 30, maxSupportedVersion: 30 },
]
export function finalizedFeatures(
  image: MetadataImage,
): { name: string; minVersionLevel: number; maxVersionLevel: number }[] {
  return Array.from(image.features, ([name, level]) => ({
    name,
    minVersionLevel: level,
    maxVersionLevel: level,
  }))
}
