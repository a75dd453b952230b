import type { Steps } from '../../machine/steps.ts'
import type { BrokerRegistration, ControllerCommands } from './commands.ts'
import type { ControllerView } from './view.ts'
import { requireBroker } from './directory-commands.ts'
import { isKept, keepsEligibleLeaders, registrationVersion } from '../features.ts'
import type { BrokerImage } from '../image.ts'
import { withoutBroker } from './partition/of-brokers.ts'
import { endsEarly, isInSession, replacesDead } from './evidence-commands.ts'
import { FENCED_SESSION, sessionAlarm } from './sessions.ts'
import type { ControllerFact } from './sessions.ts'
import { addInSteps, outcomeInSteps, outcomeOf, Refusal, SUCCESS } from './outcome.ts'
import type { Decided, DecidedWithAlarms } from './outcome.ts'

const PRODUCER_IDS_BLOCK = 1000
/** The first 100 directory ids, (0, 0) to (0, 99), have meanings of their own. */
const RESERVED_DIRECTORY = /^A{20}[A-Y]/

/**
 * BrokerRegistration (KIP-631): takes note of a broker that starts, fenced. What its former life led gets another leader, or
 * none. Who repeats a registration, since no answer came, is the same broker still, with the same epoch.
 */
export function* registerBroker(
  view: ControllerView,
  registration: BrokerRegistration,
): Steps<DecidedWithAlarms<ControllerCommands['registerBroker']['reply']>> {
  const facts: ControllerFact[] = []
  const alarms: { name: string; at: number }[] = []
  const outcome = yield* outcomeInSteps(function* () {
    checkRegistration(view, registration)
    const { brokerId, incarnationId, rack, endPoints, features, logDirs } = registration
    const before = view.image.brokers.get(brokerId)
    const early = before === undefined ? null : endsEarly(view, registration, before)
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
    if (early !== null) {
      facts.push(early.fact)
      alarms.push(early.alarm)
    }
    if (amended === null) {
      yield* addInSteps(facts, formerLifeEnds(early?.view ?? view, registration, before))
    }
    const until = view.now + view.sessionTimeoutMs
    const known = (amended !== null && view.sessions.get(brokerId)) || FENCED_SESSION
    const session = { ...known, until, suspectedAt: null }
    facts.push({ type: 'BrokerSession', brokerId, session })
    alarms.push({ name: sessionAlarm(brokerId), at: until })
    return { ...SUCCESS, brokerEpoch }
  })
  const reply = 'brokerEpoch' in outcome ? outcome : { ...outcome, brokerEpoch: -1 }
  return { facts, alarms, reply }
}

/**
 * What follows from the end of a broker's former life. It says the epoch of it only where all that it had was flushed at its
 * end; otherwise it may lack what it had acknowledged, and is neither in sync nor eligible to lead (KIP-966). Where nobody
 * keeps who is eligible, a replica that is alone in sync leads again, as it always did.
 */
function formerLifeEnds(
  view: ControllerView,
  { brokerId, previousBrokerEpoch }: BrokerRegistration,
  before: BrokerImage | undefined,
): Iterable<ControllerFact | null> {
  const isClean = before !== undefined && before.epoch === previousBrokerEpoch
  const isUnclean = keepsEligibleLeaders(view.image.features) && !isClean
  const after = before === undefined ? null : { ...before, fenced: true }
  return withoutBroker(view, { brokerId, after, isUnclean })
}

function checkRegistration(view: ControllerView, registration: BrokerRegistration): void {
  const { brokerId, clusterId, logDirs, features } = registration
  if (clusterId !== view.clusterId) {
    const what = `Expected cluster ID ${view.clusterId}, but got cluster ID ${clusterId}`
    throw new Refusal('INCONSISTENT_CLUSTER_ID', what)
  }
  const before = view.image.brokers.get(brokerId)
  const isAnother = before?.incarnationId !== registration.incarnationId
  if (isAnother && isInSession(view, brokerId) && !replacesDead(view, registration, before)) {
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
export function* unregisterBroker(
  view: ControllerView,
  brokerId: number,
): Steps<Decided<ControllerCommands['unregisterBroker']['reply']>> {
  const facts: ControllerFact[] = []
  const reply = yield* outcomeInSteps(function* () {
    const broker = view.image.brokers.get(brokerId)
    if (broker === undefined) {
      const what = `Broker ID ${brokerId} is not currently registered`
      throw new Refusal('BROKER_ID_NOT_REGISTERED', what)
    }
    const loss = { brokerId, after: null, isUnclean: true }
    yield* addInSteps(facts, withoutBroker(view, loss))
    facts.push({
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
