import type { BrokerConfig } from '../config/broker-config.ts'
import { LostController } from '../handlers/lost-controller.ts'
import type {
  ControllerServices,
  HeartbeatConnections,
  NodeServices,
} from '../handlers/services.ts'
import type { Host } from '../host/host.ts'
import type { RatedLog } from '../host/rated-log.ts'
import { clusterView } from '../metadata/cluster-view.ts'
import { featureLevels } from '../metadata/feature-levels.ts'
import { EMPTY_IMAGE } from '../metadata/image.ts'
import type { MetadataNode } from '../metadata/node.ts'
import { scramRecordOf, scramUsers } from '../metadata/scram.ts'
import { scramNumber } from '../security/sasl/scram.ts'
import { DelegationTokens } from '../security/tokens/delegation-tokens.ts'
import type { RaftServer } from '../quorum/wire/server.ts'
import type { Authorizer } from '../security/authorizer.ts'

interface Parts {
  readonly host: Pick<Host, 'clock' | 'log' | 'random'>
  readonly config: BrokerConfig
  readonly clusterId: string
  readonly metadata: MetadataNode
  readonly raft: RaftServer
  readonly heartbeats: HeartbeatConnections
  readonly faults: RatedLog
  readonly authorizer: Authorizer | null
}

const NO_QUORUM = {
  leaderId: -1,
  leaderEpoch: -1,
  highWatermark: -1,
  currentVoters: [],
  observers: [],
  voters: [],
}

/** What the handlers of a controller need that belongs to no cluster yet. */
export function servicesWithoutCluster(
  parts: Pick<Parts, 'host' | 'config' | 'faults'>,
): NodeServices {
  const { host, config, faults } = parts
  const { clock, log } = host
  const errorMessage = 'This controller belongs to no cluster yet'
  return {
    kind: 'controller',
    log,
    faults,
    clock,
    // What is served here tells no more than that.
    authorizer: null,
    config,
    controller: new LostController(
      { describeQuorum: () => NO_QUORUM },
      { errorCode: 'NOT_CONTROLLER', errorMessage },
    ),
    scramCredential: () => null,
    scramUsers: () => new Map(),
    tokens: new DelegationTokens(config, host, () => EMPTY_IMAGE),
    cluster: () => clusterView(EMPTY_IMAGE, '', -1),
    features: () => featureLevels({ image: EMPTY_IMAGE, kraftVersion: 0 }),
    settled: () => Promise.resolve(),
  }
}

/** What the handlers on a controller's listeners need. */
export function controllerServices(parts: Parts): ControllerServices {
  const { host, config, clusterId, metadata, raft, heartbeats, faults, authorizer } = parts
  const { clock, log } = host
  return {
    kind: 'controller',
    log,
    faults,
    clock,
    authorizer,
    config,
    controller: metadata,
    raft,
    heartbeats,
    scramCredential: (mechanism, user) =>
      scramRecordOf(metadata.image, scramNumber(mechanism), user),
    scramUsers: () => scramUsers(metadata.image),
    tokens: new DelegationTokens(config, host, () => metadata.image),
    cluster: () => clusterView(metadata.image, clusterId, metadata.quorum?.leaderId ?? -1),
    features: () => featureLevels(metadata),
    // What a controller has decided has partitions made on brokers, whose own affair that is.
    settled: () => Promise.resolve(),
  }
}
