import { seededRandom } from '../../../src/host/sim/random.ts'
import type {
  ControllerCommand,
  ControllerCommands,
  ReplyTo,
} from '../../../src/metadata/controller/commands.ts'
import { Controller } from '../../../src/metadata/controller/controller.ts'
import type { Command } from '../../../src/metadata/controller/controller.ts'
import type { ConfigRules, ControllerSettings } from '../../../src/metadata/controller/view.ts'
import type { MetadataFact } from '../../../src/metadata/facts.ts'
import { partitionFact, topicFact } from '../../../src/metadata/facts.ts'
import type { BrokerImage, PartitionImage } from '../../../src/metadata/image.ts'
import { EMPTY_IMAGE, partitionOf } from '../../../src/metadata/image.ts'
import { CLUSTER_ID } from '../support.ts'

export const TOPIC_ID = `${'t'.repeat(21)}Q`
/** The id of one of a broker's directories. */
export const directory = (broker: number, letter = 'd'): string => `${broker}${letter.repeat(20)}Q`

export const NO_RULES: ConfigRules = {
  incremental: () => ({ ok: true, changes: new Map([['retention.ms', '1']]) }),
  whole: () => ({ ok: true, changes: new Map() }),
}

/** A broker with two directories, `d` and `e`, registered by itself at the epoch that its offset gives. */
export function broker(
  id: number,
  parts: Partial<BrokerImage> = {},
): (offset: number) => MetadataFact {
  return (brokerEpoch) => ({
    type: 'RegisterBrokerRecord',
    version: 4,
    value: {
      brokerId: id,
      isMigratingZkBroker: false,
      incarnationId: 'i'.repeat(22),
      brokerEpoch,
      endPoints: [],
      features: [...(parts.features ?? FEATURES)],
      rack: parts.rack ?? null,
      fenced: parts.fenced ?? false,
      inControlledShutdown: parts.inControlledShutdown ?? false,
      logDirs: [...(parts.logDirs ?? [directory(id), directory(id, 'e')])],
      cordonedLogDirs: null,
    },
  })
}

/** What brokers can do, as far as tests finalize anything. */
const FEATURES = [
  { name: 'eligible.leader.replicas.version', minSupportedVersion: 0, maxSupportedVersion: 1 },
]

export class TestedController extends Controller {
  readonly settings: ControllerSettings

  constructor(rules: ConfigRules, settings: Partial<ControllerSettings>) {
    super(EMPTY_IMAGE, 0)
    this.settings = {
      clusterId: CLUSTER_ID,
      nodeId: 1,
      incarnationId: 'c'.repeat(22),
      sessionTimeoutMs: 9000,
      fencesOnEvidence: true,
      maxIdleIntervalMs: 0,
      kraftVersion: 1,
      defaults: { numPartitions: 1, replicationFactor: 1 },
      topicDefaults: { minInsyncReplicas: 1, isUncleanAllowed: false },
      elections: { preferredIntervalMs: 300_000, uncleanIntervalMs: 200_000 },
      tokens: null,
      wallNow: 0,
      deleteTopicEnable: true,
      rules,
      random: { below: seededRandom(1).below, bytes: (length) => Buffer.alloc(length, 0x3c) },
      ...settings,
    }
  }
}

/** The controller of a cluster that these records made; brokers have the epochs 0, 1, ... in their order. */
export function controllerOf(
  facts: readonly (MetadataFact | ((offset: number) => MetadataFact))[],
  rules = NO_RULES,
  settings: Partial<ControllerSettings> = {},
): TestedController {
  const controller = new TestedController(rules, settings)
  facts.forEach((fact, offset) =>
    controller.apply(typeof fact === 'function' ? fact(offset) : fact, offset),
  )
  return controller
}

/** The topic `t` of one partition, which all of these replicas have in sync. */
export function partition(replicas: number[], parts: Partial<PartitionImage> = {}): MetadataFact[] {
  const image: PartitionImage = {
    replicas,
    directories: replicas.map((id) => directory(id)),
    isr: replicas,
    removingReplicas: [],
    addingReplicas: [],
    eligibleLeaderReplicas: [],
    lastKnownElr: [],
    leader: replicas[0]!,
    leaderRecoveryState: 0,
    leaderEpoch: 0,
    partitionEpoch: 0,
    ...parts,
  }
  return [topicFact('t', TOPIC_ID), partitionFact(TOPIC_ID, 0, image)]
}

/** What is decided, applied. */
export function decide(
  controller: TestedController,
  command: Command | { alarm: string },
  now = 0,
) {
  const { settings, nextOffset } = controller
  const context = { ticket: 1, now, wallNow: now, nextOffset, settings }
  const decision = controller.decide(command, context)
  for (const fact of decision.facts ?? []) controller.apply(fact, controller.nextOffset)
  return decision
}

/** The reply, with what was decided applied. */
export function ask<C extends ControllerCommand>(
  controller: TestedController,
  command: C,
  now = 0,
): ReplyTo<C> {
  return decide(controller, command, now).replies![0]!.reply as ReplyTo<C>
}

export const partitionIn = (controller: TestedController) => partitionOf(controller.image, 't', 0)!

export const register = (
  brokerId: number,
  previousBrokerEpoch: number | null = null,
): ControllerCommand => ({
  type: 'registerBroker',
  brokerId,
  clusterId: CLUSTER_ID,
  incarnationId: 'j'.repeat(22),
  endPoints: [],
  features: FEATURES,
  rack: null,
  logDirs: [directory(brokerId), directory(brokerId, 'e')],
  previousBrokerEpoch,
})

export const heartbeat = (
  brokerId: number,
  brokerEpoch: number,
  parts: Partial<ControllerCommands['brokerHeartbeat']['command']> = {},
): { type: 'brokerHeartbeat' } & ControllerCommands['brokerHeartbeat']['command'] => ({
  type: 'brokerHeartbeat',
  brokerId,
  brokerEpoch,
  currentMetadataOffset: 100,
  wantFence: false,
  wantShutDown: false,
  offlineLogDirs: [],
  cordonedLogDirs: null,
  ...parts,
})
