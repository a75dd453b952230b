import type { ErrorName } from '../../protocol/errors.ts'
import type { BrokerConfig } from '../config/broker-config.ts'
import type { Clock } from '../host/host.ts'
import type { GroupCoordinator } from '../coordinators/group/coordinator.ts'
import type { ProducerIds } from '../coordinators/producer-ids.ts'
import type { ClusterView } from '../metadata/cluster-view.ts'
import type { FetchSessionCache } from '../replication/fetch-session.ts'
import type { ReplicaManager } from '../replication/replica-manager.ts'

/** What the handlers need of the broker. The broker puts one such object together and hands it to every request. */
export interface Services {
  readonly clock: Clock
  readonly config: BrokerConfig
  readonly replicas: ReplicaManager
  readonly fetchSessions: FetchSessionCache
  readonly producerIds: ProducerIds
  readonly groups: GroupCoordinator
  /** The cluster as this broker knows it now. */
  cluster(): ClusterView
  /** The APIs as ApiVersions tells them. */
  apis(): { apiKey: number; minVersion: number; maxVersion: number }[]
  features(): FeatureLevels
  /** Makes topics that a client named; those that could not be made, with the error to tell. */
  createTopicsAutomatically(names: readonly string[]): Promise<ReadonlyMap<string, ErrorName>>
}

/** KIP-584. `supported`: what this broker could do; `finalized`: what the cluster has agreed on, as of `epoch`. */
export interface FeatureLevels {
  readonly supported: readonly { name: string; minVersion: number; maxVersion: number }[]
  readonly finalized: readonly { name: string; minVersionLevel: number; maxVersionLevel: number }[]
  readonly epoch: number
}
