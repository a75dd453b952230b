import type { BrokerConfig } from '../config/broker-config.ts'
import type { ControllerServices } from '../handlers/services.ts'
import type { Host } from '../host/host.ts'
import type { RatedLog } from '../host/rated-log.ts'
import { clusterView } from '../metadata/cluster-view.ts'
import { featureLevels } from '../metadata/feature-levels.ts'
import type { MetadataNode } from '../metadata/node.ts'
import type { RaftServer } from '../quorum/wire/server.ts'

interface Parts {
  readonly host: Pick<Host, 'clock' | 'log'>
  readonly config: BrokerConfig
  readonly clusterId: string
  readonly metadata: MetadataNode
  readonly raft: RaftServer
  readonly faults: RatedLog
}

/** What the handlers on a controller's listeners need. */
export function controllerServices(parts: Parts): ControllerServices {
  const { host, config, clusterId, metadata, raft, faults } = parts
  const { clock, log } = host
  return {
    kind: 'controller',
    log,
    faults,
    clock,
    authorizer: null,
    config,
    controller: metadata,
    raft,
    cluster: () => clusterView(metadata.image, clusterId, metadata.quorum?.leaderId ?? -1),
    features: () => featureLevels(metadata),
    // What a controller has decided has partitions made on brokers, whose own affair that is.
    settled: () => Promise.resolve(),
  }
}
