import type { BrokerRegistration, ControllerCommands } from './commands.ts'
import type { ControllerView } from './view.ts'
import { requireBroker } from './directory-commands.ts'
import { isKept, registrationVersion } from '../features.ts'
import { withoutReplicas } from './leadership.ts'
import { FENCED_SESSION, sessionAlarm } from './sessions.ts'
import type { ControllerFact } from './sessions.ts'
import { outcomeOf, Refusal, SUCCESS } from './outcome.ts'
import type { Decided, DecidedWithAlarms } from './outcome.ts'

const PRODUCER_IDS_BLOCK = 1000
/** The first 100 directory ids, (0, 0) to (0, 99), have meanings of their own. */
const RESERVED_DIRECTORY = /^A{20}[A-Y]/

/**
 * BrokerRegistration (KIP-631): takes note of a broker that starts, fenced. What its former life led gets another leader, or
 * none. Who repeats a registration, since no answer came, is the same broker still, with the same epoch.
 */
export function registerBroker(
  view: ControllerView,
  registration: BrokerRegistration,
): DecidedWithAlarms<ControllerCommands['registerBroker']['reply']> {
  const facts: ControllerFact[] = []
  const alarms: { name: string; at: number }[] = []
  const outcome = outcomeOf(() => {
    checkRegistration(view, registration)
    const { brokerId, incarnationId, rack, endPoints, features, logDirs } = registration
    const before = view.image.brokers.get(brokerId)
    const amended = before?.incarnationId === incarnationId ? before : null
    const brokerEpoch = amended?.epoch ?? view.nextOffset
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
        fenced: amended?.fenced ?? true,
        inControlledShutdown: amended?.inControlledShutdown ?? false,
        logDirs: [...logDirs],
        cordonedLogDirs: null,
      },
    })
    if (amended === null) facts.push(...withoutReplicas(view.image, brokerId))
    const until = view.now + view.sessionTimeoutMs
    const known = (amended !== null && view.sessions.get(brokerId)) || FENCED_SESSION
    facts.push({ type: 'BrokerSession', brokerId, session: { ...known, until } })
    alarms.push({ name: sessionAlarm(brokerId), at: until })
    return { ...SUCCESS, brokerEpoch }
  })
  const reply = 'brokerEpoch' in outcome ? outcome : { ...outcome, brokerEpoch: -1 }
  return { facts, alarms, reply }
}

function checkRegistration(view: ControllerView, registration: BrokerRegistration): void {
  const { brokerId, clusterId, logDirs, features } = registration
  if (clusterId !== view.clusterId) {
    const what = `Expected cluster ID ${view.clusterId}, but got cluster ID ${clusterId}`
    throw new Refusal('INCONSISTENT_CLUSTER_ID', what)
  }
  const { incarnationId } = view.image.brokers.get(brokerId) ?? {}
  const isAlive = (view.sessions.get(brokerId)?.until ?? -Infinity) >= view.now
  if (isAlive && incarnationId !== registration.incarnationId) {
    const what = 'Another broker is registered with that broker id.'
    throw new Refusal('DUPLICATE_BROKER_REGISTRATION', what)
  }
  const refuse = (what: string): never => {
    throw new Refusal('INVALID_REGISTRATION', what)
  }
  if (logDirs.length === 0) refuse('No directories specified in request')
  if (logDirs.some((id) => RESERVED_DIRECTORY.test(id))) refuse('Reserved directory ID in request')
  if (new Set(logDirs).size < logDirs.length) refuse('Duplicate directory ID in request')
  for (const broker of view.image.brokers.values()) {
    if (broker.id === brokerId) continue
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

/** UnregisterBroker: forgets a broker. What it led gets another leader, or none; if it still runs, it has to register again. */
export function unregisterBroker(
  view: ControllerView,
  brokerId: number,
): Decided<ControllerCommands['unregisterBroker']['reply']> {
  const facts: ControllerFact[] = []
  const reply = outcomeOf(() => {
    const broker = view.image.brokers.get(brokerId)
    if (broker === undefined) {
      const what = `Broker ID ${brokerId} is not currently registered`
      throw new Refusal('BROKER_ID_NOT_REGISTERED', what)
    }
    facts.push(...withoutReplicas(view.image, brokerId), {
      type: 'UnregisterBrokerRecord',
      version: 0,
      value: { brokerId, brokerEpoch: broker.epoch },
    })
    if (view.sessions.has(brokerId)) facts.push({ type: 'BrokerSession', brokerId, session: null })
    return SUCCESS
  })
  return { facts, reply }
}

/** AllocateProducerIds: a block of ids that nobody else gets. */
export function allocateProducerIds(
  view: ControllerView,
  { brokerId, brokerEpoch }: { brokerId: number; brokerEpoch: number },
): Decided<ControllerCommands['allocateProducerIds']['reply']> {
  const facts: ControllerFact[] = []
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
