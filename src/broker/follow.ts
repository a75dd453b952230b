import type { BrokerConfig } from '../config/broker-config.ts'
import type { GroupCoordinator } from '../coordinators/group/coordinator.ts'
import type { TransactionCoordinator } from '../coordinators/transaction/coordinator.ts'
import type { Logger } from '../host/host.ts'
import { applyDynamicConfig, followDynamicConfig } from '../metadata/dynamic-config.ts'
import { ResourceType } from '../metadata/image.ts'
import type { MetadataDelta, MetadataImage } from '../metadata/image.ts'
import type { DirectoryMoves } from '../replication/directories/moves.ts'
import type { ReplicaManager } from '../replication/replica-manager.ts'
import type { BrokerReplication } from './replication.ts'

export interface Followers {
  readonly log: Logger
  readonly config: BrokerConfig
  readonly replicas: ReplicaManager
  readonly replication: Pick<BrokerReplication, 'fetchers' | 'throttlesChanged'>
  readonly moves: DirectoryMoves
  readonly groups: GroupCoordinator
  readonly transactions: TransactionCoordinator
  /** [KIP-1066] These directories are to get no new replicas. */
  readonly cordon: (paths: readonly string[]) => void
}

/** Has the broker's services follow the image of the cluster. */
export class ImageFollower {
  readonly #followers: Followers

  constructor(followers: Followers) {
    this.#followers = followers
  }

  /** The image that the broker begins with, its partitions opened. Resolves when all of them are here. */
  async begin(image: MetadataImage): Promise<void> {
    await this.#followers.replicas.load(Array.from(image.topics.byName.values()))
    this.followCoordinated()
  }

  /** Which partitions are led here has changed: their coordinators take up some and give up others. */
  followCoordinated(): void {
    this.#followers.groups.follow()
    this.#followers.transactions.follow()
  }

  /** What changed from one image to the next. */
  follow(delta: MetadataDelta, image: MetadataImage): void {
    const { log, config, replicas, replication, groups } = this.#followers
    if (followDynamicConfig(config, delta, image, log)) this.#settingsChanged()
    for (const { resourceType, resourceName } of delta.changedConfigs) {
      if (resourceType === ResourceType.TOPIC) replicas.configure(resourceName)
    }
    if (delta.changedConfigs.length > 0) replication.throttlesChanged()
    const { createdTopics, changedTopics, deletedTopics } = delta
    if (createdTopics.length + changedTopics.length + deletedTopics.length === 0) return
    const changes = { changed: [...createdTopics, ...changedTopics], deleted: deletedTopics }
    const made = replicas.apply(changes)
    // What is led no longer is given up at once; what is led from now on may have to be made.
    this.followCoordinated()
    made
      .then(() => {
        this.followCoordinated()
        return groups.forgetTopics(deletedTopics.map(({ name }) => name))
      })
      .catch((error: unknown) => {
        log.error({ err: error }, 'A change of topics was not followed in full')
      })
  }

  /** The settings of the cluster and of this broker that the image has. */
  applyDynamicConfig(image: MetadataImage): void {
    const { log, config } = this.#followers
    applyDynamicConfig(config, image, log)
    this.#settingsChanged()
  }

  #settingsChanged(): void {
    const { config, replicas, replication, moves, cordon } = this.#followers
    cordon(config.cordonedDirectories)
    replicas.configureAll()
    moves.onSettingsChanged()
    replication.fetchers.resize()
  }
}
