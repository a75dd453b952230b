import type { Steps } from '../../machine/steps.ts'
import { knowsCordoned } from '../features.ts'
import type { BrokerImage } from '../image.ts'
import type { ControllerCommands } from './commands.ts'
import { requireBroker } from './directory-commands.ts'
import { awaitedAtFirst } from './evidence-commands.ts'
import { addInSteps, outcomeInSteps, SUCCESS } from './outcome.ts'
import type { DecidedWithAlarms } from './outcome.ts'
import { electedAgain, withoutBroker } from './partition/of-brokers.ts'
import { registrationChange } from './registration-change.ts'
import { brokerOfAlarm, FENCED_SESSION, lowestActiveOffset, sessionAlarm } from './sessions.ts'
import type { BrokerSession, ControllerFact } from './sessions.ts'
import type { ControllerView } from './view.ts'

type Command = ControllerCommands['brokerHeartbeat']['command']
type Reply = ControllerCommands['brokerHeartbeat']['reply']
type Alarms = DecidedWithAlarms<Reply>['alarms']

/** As in Kafka, `shutdown now` is fenced, and told that it may stop. */
type State = 'fenced' | 'unfenced' | 'controlled shutdown' | 'shutdown now'

/** BrokerHeartbeat (KIP-631): a broker is alive, says how far it is, and what it wishes. */
export function* brokerHeartbeat(
  view: ControllerView,
  command: Command,
): Steps<DecidedWithAlarms<Reply>> {
  const facts: ControllerFact[] = []
  let alarms: Alarms = []
  const outcome = yield* outcomeInSteps(function* () {
    const { brokerId, currentMetadataOffset } = command
    const broker = requireBroker(view.image, brokerId, command.brokerEpoch)
    const state = nextState(view, broker, command)
    yield* addInSteps(facts, changes(view, broker, command, state))
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
    if (view.partitions.isLeader(broker.id)) return 'controlled shutdown'
    // Those that go on know who leads now.
    const isKnown = shutdownOffset <= lowestActiveOffset(view.sessions)
    return isKnown ? 'shutdown now' : 'controlled shutdown'
  }
  if (wantFence) return wantShutDown ? 'shutdown now' : 'fenced'
  if (!wantShutDown) return 'unfenced'
  return view.partitions.isLeader(broker.id) ? 'controlled shutdown' : 'shutdown now'
}

function* changes(
  view: ControllerView,
  broker: BrokerImage,
  { offlineLogDirs, cordonedLogDirs }: Command,
  state: State,
): IterableIterator<ControllerFact | null> {
  const { id: brokerId, fenced, inControlledShutdown, logDirs } = broker
  const isOffline = (directory: string): boolean => offlineLogDirs.includes(directory)
  const offline = new Set(logDirs.filter(isOffline))
  const online = logDirs.filter((directory) => !isOffline(directory))
  if (!fenced && (state === 'fenced' || state === 'shutdown now')) {
    yield* withoutBroker(view, { brokerId, after: { ...broker, fenced: true } })
    yield registrationChange(broker, { fenced: 1 })
  } else if (fenced && state === 'unfenced') {
    yield registrationChange(broker, { fenced: -1 })
    yield* electedAgain(view, { brokerId, after: { ...broker, fenced: false, logDirs: online } })
  } else if (state === 'controlled shutdown') {
    if (!inControlledShutdown) yield registrationChange(broker, { inControlledShutdown: 1 })
    yield* withoutBroker(view, { brokerId, after: { ...broker, inControlledShutdown: true } })
  } else if (offline.size > 0) {
    const after = { ...broker, logDirs: online }
    yield* withoutBroker(view, { brokerId, after, directories: offline })
  }
  // [KIP-858] Their partitions have other leaders, or none.
  if (offline.size > 0) yield registrationChange(broker, { logDirs: online })
  if (cordonedLogDirs !== null && knowsCordoned(view.image.features)) {
    const known = broker.cordonedLogDirs
    if (known === null || !isSameSet(known, cordonedLogDirs)) {
      yield registrationChange(broker, { cordonedLogDirs: [...cordonedLogDirs] })
    }
  }
}

function isSameSet(left: readonly string[], right: readonly string[]): boolean {
  return left.every((id) => right.includes(id)) && right.every((id) => left.includes(id))
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
    suspectedAt: null,
    metadataOffset: currentMetadataOffset,
    shutdownOffset: begins ? view.nextOffset + written - 1 : known,
  }
}

/** Nothing was heard of a broker for too long: it is fenced, and others lead. */
export function* sessionExpired(
  view: ControllerView,
  alarm: string,
): Steps<DecidedWithAlarms<null>> {
  const broker = view.image.brokers.get(brokerOfAlarm(alarm))
  if (broker === undefined) return { facts: [], alarms: [], reply: null }
  const { id: brokerId } = broker
  const facts: ControllerFact[] = []
  if (!broker.fenced) {
    const after = { ...broker, fenced: true }
    yield* addInSteps(facts, withoutBroker(view, { brokerId, after }))
    facts.push(registrationChange(broker, { fenced: 1 }))
  }
  facts.push({ type: 'BrokerSession', brokerId, session: null })
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
    const at = view.now + view.sessionTimeoutMs
    if (fenced) {
      // The controller before may have done that on evidence: nobody here knows when its session would be over.
      if (!view.fencesOnEvidence) continue
      const { fact, alarm } = awaitedAtFirst(view, id)
      facts.push(fact)
      alarms.push(alarm)
      continue
    }
    const isOver = id === view.nodeId && incarnationId !== view.incarnationId
    const until = isOver ? -Infinity : at
    const session = { ...FENCED_SESSION, isFenced: false, until }
    facts.push({ type: 'BrokerSession', brokerId: id, session })
    alarms.push({ name: sessionAlarm(id), at })
  }
  return { facts, alarms }
}
