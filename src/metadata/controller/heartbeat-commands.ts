import { knowsCordoned } from '../features.ts'
import type { BrokerImage } from '../image.ts'
import type { ControllerCommands } from './commands.ts'
import { requireBroker } from './directory-commands.ts'
import { hasLeaderships, ledAgain, withoutReplicas } from './leadership.ts'
import { outcomeOf, SUCCESS } from './outcome.ts'
import type { DecidedWithAlarms } from './outcome.ts'
import { brokerOfAlarm, FENCED_SESSION, lowestActiveOffset, sessionAlarm } from './sessions.ts'
import type { BrokerSession, ControllerFact } from './sessions.ts'
import type { ControllerView } from './view.ts'

type Command = ControllerCommands['brokerHeartbeat']['command']
type Reply = ControllerCommands['brokerHeartbeat']['reply']
type Alarms = DecidedWithAlarms<Reply>['alarms']

/** As in Kafka, `shutdown now` is fenced, and told that it may stop. */
type State = 'fenced' | 'unfenced' | 'controlled shutdown' | 'shutdown now'

/** BrokerHeartbeat (KIP-631): a broker is alive, says how far it is, and what it wishes. */
export function brokerHeartbeat(view: ControllerView, command: Command): DecidedWithAlarms<Reply> {
  const facts: ControllerFact[] = []
  let alarms: Alarms = []
  const outcome = outcomeOf(() => {
    const { brokerId, currentMetadataOffset } = command
    const broker = requireBroker(view.image, brokerId, command.brokerEpoch)
    const state = nextState(view, broker, command)
    facts.push(...changes(view, broker, command, state))
    const isFenced = state === 'fenced' || state === 'shutdown now'
    // Who was told to stop is not waited for, so that its next life can begin at once.
    const session =
      state === 'shutdown now' ? null : sessionAfter(view, command, state, facts.length)
    if (session !== null || view.sessions.has(brokerId)) {
      facts.push({ type: 'BrokerSession', brokerId, session })
      alarms = [{ name: sessionAlarm(brokerId), at: session?.until ?? null }]
    }
    const isCaughtUp = currentMetadataOffset >= broker.epoch
    return { ...SUCCESS, isCaughtUp, isFenced, shouldShutDown: state === 'shutdown now' }
  })
  const none = { isCaughtUp: false, isFenced: true, shouldShutDown: false }
  return { facts, alarms, reply: 'isFenced' in outcome ? outcome : { ...outcome, ...none } }
}

/** As Kafka's BrokerHeartbeatManager has it. */
function nextState(view: ControllerView, broker: BrokerImage, command: Command): State {
  const { wantFence, wantShutDown, currentMetadataOffset } = command
  const shutdownOffset = view.sessions.get(broker.id)?.shutdownOffset ?? -1
  if (broker.fenced) {
    if (wantShutDown) return 'shutdown now'
    return !wantFence && currentMetadataOffset >= broker.epoch ? 'unfenced' : 'fenced'
  }
  if (shutdownOffset >= 0) {
    if (hasLeaderships(view.image, broker.id)) return 'controlled shutdown'
    // Those that go on know who leads now.
    const isKnown = shutdownOffset <= lowestActiveOffset(view.sessions)
    return isKnown ? 'shutdown now' : 'controlled shutdown'
  }
  if (wantFence) return wantShutDown ? 'shutdown now' : 'fenced'
  if (!wantShutDown) return 'unfenced'
  return hasLeaderships(view.image, broker.id) ? 'controlled shutdown' : 'shutdown now'
}

function* changes(
  { image }: ControllerView,
  broker: BrokerImage,
  { offlineLogDirs, cordonedLogDirs }: Command,
  state: State,
): IterableIterator<ControllerFact> {
  const { id, fenced, inControlledShutdown, logDirs } = broker
  const isOffline = (directory: string): boolean => offlineLogDirs.includes(directory)
  const offline = new Set(logDirs.filter(isOffline))
  const online = logDirs.filter((directory) => !isOffline(directory))
  if (!fenced && (state === 'fenced' || state === 'shutdown now')) {
    yield* withoutReplicas(image, id)
    yield registrationChange(broker, { fenced: 1 })
  } else if (fenced && state === 'unfenced') {
    yield registrationChange(broker, { fenced: -1 })
    yield* ledAgain(image, id, online)
  } else if (state === 'controlled shutdown') {
    if (!inControlledShutdown) yield registrationChange(broker, { inControlledShutdown: 1 })
    yield* withoutReplicas(image, id)
  } else if (offline.size > 0) yield* withoutReplicas(image, id, offline)
  // [KIP-858] Their partitions have other leaders, or none.
  if (offline.size > 0) yield registrationChange(broker, { logDirs: online })
  if (cordonedLogDirs !== null && knowsCordoned(image.features)) {
    const known = broker.cordonedLogDirs
    if (known === null || !isSameSet(known, cordonedLogDirs)) {
      yield registrationChange(broker, { cordonedLogDirs: [...cordonedLogDirs] })
    }
  }
}

function isSameSet(left: readonly string[], right: readonly string[]): boolean {
  return left.every((id) => right.includes(id)) && right.every((id) => left.includes(id))
}

function registrationChange(
  { id: brokerId, epoch: brokerEpoch }: BrokerImage,
  change: {
    readonly fenced?: -1 | 1
    readonly inControlledShutdown?: 1
    readonly logDirs?: string[]
    readonly cordonedLogDirs?: string[]
  },
): ControllerFact {
  const { fenced = 0, inControlledShutdown = 0, logDirs = [], cordonedLogDirs = null } = change
  const withDirectories = cordonedLogDirs === null ? 2 : 3
  const saysDirectories = change.logDirs !== undefined || cordonedLogDirs !== null
  return {
    type: 'BrokerRegistrationChangeRecord',
    // The lowest one that has the fields.
    version: saysDirectories ? withDirectories : inControlledShutdown,
    value: { brokerId, brokerEpoch, fenced, inControlledShutdown, logDirs, cordonedLogDirs },
  }
}

function sessionAfter(
  view: ControllerView,
  { brokerId, currentMetadataOffset }: Command,
  state: State,
  written: number,
): BrokerSession {
  const known = view.sessions.get(brokerId)?.shutdownOffset ?? -1
  const begins = state === 'controlled shutdown' && known < 0
  const until = view.now + view.sessionTimeoutMs
  if (state === 'fenced') return { ...FENCED_SESSION, until }
  return {
    until,
    isFenced: false,
    metadataOffset: currentMetadataOffset,
    shutdownOffset: begins ? view.nextOffset + written - 1 : known,
  }
}

/** Nothing was heard of a broker for too long: it is fenced, and others lead. */
export function sessionExpired(view: ControllerView, alarm: string): DecidedWithAlarms<null> {
  const broker = view.image.brokers.get(brokerOfAlarm(alarm))
  if (broker === undefined) return { facts: [], alarms: [], reply: null }
  const facts: ControllerFact[] = broker.fenced
    ? []
    : [...withoutReplicas(view.image, broker.id), registrationChange(broker, { fenced: 1 })]
  facts.push({ type: 'BrokerSession', brokerId: broker.id, session: null })
  return { facts, alarms: [], reply: null }
}

/**
 * Whoever takes office begins a session for each broker that serves. The former life of the broker in its own process is
 * over, since that has the directories' locks: it keeps nobody from registering, and is fenced if nobody does.
 */
export function firstSessions(view: ControllerView): Omit<DecidedWithAlarms<null>, 'reply'> {
  const facts: ControllerFact[] = []
  const alarms: { name: string; at: number }[] = []
  for (const { id, fenced, incarnationId } of view.image.brokers.values()) {
    if (fenced) continue
    const at = view.now + view.sessionTimeoutMs
    const isOver = id === view.nodeId && incarnationId !== view.incarnationId
    const until = isOver ? -Infinity : at
    const session = { until, isFenced: false, metadataOffset: -1, shutdownOffset: -1 }
    facts.push({ type: 'BrokerSession', brokerId: id, session })
    alarms.push({ name: sessionAlarm(id), at })
  }
  return { facts, alarms }
}
