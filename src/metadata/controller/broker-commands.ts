import type { BrokerRegistration, ControllerCommands } from './commands.ts'
import type { ControllerView } from './view.ts'
import type { MetadataFact } from '../facts.ts'
import { eligibleLeaderFact, leaderFact, partitionChangeFact } from '../facts.ts'
import { requireBroker, withoutReplica } from './directory-commands.ts'
import { isKept, registrationVersion } from '../features.ts'
import { directoryOf, hasOnlineDirectory, NO_LEADER } from '../image.ts'
import type { PartitionImage } from '../image.ts'
import { outcomeOf, Refusal, SUCCESS } from './outcome.ts'

const PRODUCER_IDS_BLOCK = 1000
/** The first 100 directory ids, (0, 0) to (0, 99), have meanings of their own. */
const RESERVED_DIRECTORY = /^A{20}[A-Y]/

interface Outcome<Reply> {
  readonly facts: MetadataFact[]
  readonly reply: Reply
}

/**
 * Registers this process's own broker: fences its former life, takes it into service, and gives the partitions that it
 * led, or that had nobody to lead them, a leader in a new epoch, so that what its former life has not kept is noticed.
 * Those in directories that it no longer has lose it.
 */
export function registerBroker(
  view: ControllerView,
  registration: BrokerRegistration,
): Outcome<ControllerCommands['registerBroker']['reply']> {
  const facts: MetadataFact[] = []
  const outcome = outcomeOf(() => {
    checkRegistration(view, registration)
    const { brokerId, incarnationId, rack, endPoints, features, logDirs } = registration
    const brokerEpoch = view.nextOffset
    facts.push({
      type: 'RegisterBrokerRecord',
      version: registrationVersion(view.image.features),
      value: {
        brokerId,
        isMigratingZkBroker: false,
        incarnationId,
        brokerEpoch,
        endPoints: endPoints.map((endPoint) => ({ ...endPoint })),
        features: features.map((feature) => ({ ...feature })),
        rack,
        fenced: true,
        inControlledShutdown: false,
        logDirs: [...logDirs],
        cordonedLogDirs: null,
      },
    })
    facts.push({
      type: 'BrokerRegistrationChangeRecord',
      version: 0,
      value: {
        brokerId,
        brokerEpoch,
        fenced: -1,
        inControlledShutdown: 0,
        logDirs: [],
        cordonedLogDirs: null,
      },
    })
    facts.push(...newLeaders(view, registration))
    return { ...SUCCESS, brokerEpoch }
  })
  const reply = 'brokerEpoch' in outcome ? outcome : { ...outcome, brokerEpoch: -1 }
  return { facts, reply }
}

function checkRegistration(view: ControllerView, registration: BrokerRegistration): void {
  const { clusterId, logDirs, features } = registration
  if (clusterId !== view.clusterId) {
    const what = `Expected cluster ID ${view.clusterId}, but got cluster ID ${clusterId}`
    throw new Refusal('INCONSISTENT_CLUSTER_ID', what)
  }
  const refuse = (what: string): never => {
    throw new Refusal('INVALID_REGISTRATION', what)
  }
  if (logDirs.length === 0) refuse('No directories specified in request')
  if (logDirs.some((id) => RESERVED_DIRECTORY.test(id))) refuse('Reserved directory ID in request')
  if (new Set(logDirs).size < logDirs.length) refuse('Duplicate directory ID in request')
  for (const broker of view.image.brokers.values()) {
    if (broker.id === registration.brokerId) continue
    const shared = logDirs.find((id) => broker.logDirs.includes(id))
    if (shared !== undefined) {
      refuse(`Broker ${broker.id} is already registered with directory ${shared}`)
    }
  }
  for (const [name, level] of view.image.features) {
    const range = features.find((feature) => feature.name === name)
    const most = range?.maxSupportedVersion ?? 0
    const least = range?.minSupportedVersion ?? 0
    if ((level >= least && level <= most) || isKept(name, level)) continue
    throw new Refusal(
      'UNSUPPORTED_VERSION',
      `Unable to register because the broker does not support finalized version ${level} of ${name}. The broker wants a version between ${least} and ${most}, inclusive.`,
    )
  }
}

function* newLeaders(
  view: ControllerView,
  { brokerId, logDirs }: BrokerRegistration,
): IterableIterator<MetadataFact> {
  for (const topic of view.image.topics.byId.values()) {
    for (let index = 0; index < topic.partitions.length; index++) {
      const partition = topic.partitions[index]!
      const { leader, isr } = partition
      const isHere = hasOnlineDirectory(logDirs, directoryOf(partition, brokerId))
      if (!isHere && leader === brokerId) {
        yield partitionChangeFact(topic.id, index, withoutReplica(view.image, partition, brokerId))
      } else if (!isHere) continue
      else if (leader === brokerId || (leader === NO_LEADER && isr.includes(brokerId))) {
        yield leaderFact(topic.id, index, brokerId)
      } else if (leader === NO_LEADER && isOnlyEligible(partition, brokerId)) {
        yield eligibleLeaderFact(topic.id, index, brokerId)
      }
    }
  }
}

/**
 * With eligible.leader.replicas.version (KIP-966) a controller takes the last replica, too, out of the ISR, and writes
 * down that it may lead again. Where it is the only one, nobody can have more than it has.
 */
function isOnlyEligible(partition: PartitionImage, brokerId: number): boolean {
  const { replicas, eligibleLeaderReplicas, lastKnownElr } = partition
  if (replicas.length !== 1 || replicas[0] !== brokerId) return false
  return eligibleLeaderReplicas.includes(brokerId) || lastKnownElr.includes(brokerId)
}

/** AllocateProducerIds: a block of ids that nobody else gets. */
export function allocateProducerIds(
  view: ControllerView,
  { brokerId, brokerEpoch }: { brokerId: number; brokerEpoch: number },
): Outcome<ControllerCommands['allocateProducerIds']['reply']> {
  const facts: MetadataFact[] = []
  const outcome = outcomeOf(() => {
    requireBroker(view.image, brokerId, brokerEpoch)
    const producerIdStart = Math.max(0, view.image.nextProducerId)
    const nextProducerId = producerIdStart + PRODUCER_IDS_BLOCK
    facts.push({
      type: 'ProducerIdsRecord',
      version: 0,
      value: { brokerId, brokerEpoch, nextProducerId },
    })
    return { ...SUCCESS, producerIdStart, producerIdLen: PRODUCER_IDS_BLOCK }
  })
  const none = { producerIdStart: -1, producerIdLen: 0 }
  return { facts, reply: 'producerIdStart' in outcome ? outcome : { ...outcome, ...none } }
}
