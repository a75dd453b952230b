import type { Steps } from '../../machine/steps.ts'
import type { BrokerImage } from '../image.ts'
import type { BrokerRegistration, ControllerCommands } from './commands.ts'
import { addInSteps } from './outcome.ts'
import type { DecidedWithAlarms } from './outcome.ts'
import { electedAgain, withoutBroker } from './partition/of-brokers.ts'
import { registrationChange } from './registration-change.ts'
import { sessionAlarm } from './sessions.ts'
import type { ControllerFact, EarlyFencesFact } from './sessions.ts'
import type { ControllerView } from './view.ts'

/** Whoever was fenced so many times on evidence within so long keeps its whole session: what looks dead there may not be. */
const MAX_EARLY_FENCES = 3
const EARLY_FENCES_MS = 10 * 60_000

type Alarm = { readonly name: string; readonly at: number }
type Suspect = ControllerCommands['suspectBroker']
type FenceDead = ControllerCommands['fenceDeadBroker']

/** The alarm by which a broker that was fenced on evidence is awaited no longer. */
const awaitedAlarm = (brokerId: number): string => `awaited ${brokerId}`
export const isAwaitedAlarm = (alarm: string): boolean => alarm.startsWith('awaited ')

/** There are signs that this life of a broker has ended. The next heartbeat says that it has not. */
export function suspectBroker(
  view: ControllerView,
  { brokerId, brokerEpoch }: Suspect['command'],
): DecidedWithAlarms<Suspect['reply']> {
  const session = view.sessions.get(brokerId)
  const isPresent = view.image.brokers.get(brokerId)?.epoch === brokerEpoch
  if (!view.fencesOnEvidence || !isPresent || session === undefined) {
    return { facts: [], alarms: [], reply: { suspectedAt: null } }
  }
  const suspectedAt = view.now
  return {
    facts: [{ type: 'BrokerSession', brokerId, session: { ...session, suspectedAt } }],
    alarms: [],
    reply: { suspectedAt },
  }
}

/**
 * The process of a broker has ended, as far as its machine says: it is fenced, and who is in sync leads what it led. That all
 * was looked into outside of the controller's queue, so all that may have changed meanwhile is looked at here.
 */
export function* fenceDeadBroker(
  view: ControllerView,
  { brokerId, brokerEpoch, suspectedAt }: FenceDead['command'],
): Steps<DecidedWithAlarms<FenceDead['reply']>> {
  const broker = view.image.brokers.get(brokerId)
  const isSame = broker?.epoch === brokerEpoch && !broker.fenced
  const isSilent = view.sessions.get(brokerId)?.suspectedAt === suspectedAt
  if (!isSame || !isSilent || !mayEndEarly(view, brokerId)) {
    return { facts: [], alarms: [], reply: { isFenced: false } }
  }
  const early = earlyFence(view, brokerId)
  const facts: ControllerFact[] = [early.fact]
  const after = { ...broker, fenced: true }
  yield* addInSteps(facts, withoutBroker(early.view, { brokerId, after }))
  facts.push(registrationChange(broker, { fenced: 1 }))
  facts.push({ type: 'BrokerSession', brokerId, session: null })
  const alarms = [{ name: sessionAlarm(brokerId), at: null }, early.alarm]
  return { facts, alarms, reply: { isFenced: true } }
}

/** Whether a broker's session isn't over: another process of its id is refused. */
export function isInSession(view: ControllerView, brokerId: number): boolean {
  return (view.sessions.get(brokerId)?.until ?? -Infinity) >= view.now
}

/**
 * Whether who registers shows that the life before has ended, of which there are signs already: it holds the locks of the same
 * directories.
 */
export function replacesDead(
  view: ControllerView,
  { brokerId, logDirs, lacksLock = false }: BrokerRegistration,
  before: BrokerImage | undefined,
): boolean {
  if (before === undefined || lacksLock) return false
  const isSuspected = typeof view.sessions.get(brokerId)?.suspectedAt === 'number'
  const hasSame =
    logDirs.length === before.logDirs.length && logDirs.every((id) => before.logDirs.includes(id))
  return isSuspected && hasSame && (before.fenced || mayEndEarly(view, brokerId))
}

/** What follows besides where a registration ends a session that was not over; null where it doesn't. */
export function endsEarly(
  view: ControllerView,
  { brokerId, incarnationId }: BrokerRegistration,
  before: BrokerImage,
): EarlyFence | null {
  const isEarly = before.incarnationId !== incarnationId && isInSession(view, brokerId)
  return isEarly && !before.fenced ? earlyFence(view, brokerId) : null
}

interface EarlyFence {
  readonly fact: EarlyFencesFact
  readonly alarm: Alarm
  /** What else follows is decided from this. */
  readonly view: ControllerView
}

/** A broker is fenced before its session is over: for so long as that goes on nobody leads without what it has. */
function earlyFence(view: ControllerView, brokerId: number): EarlyFence {
  const until = view.sessions.get(brokerId)!.until
  return awaited(view, brokerId, until, [...recentFences(view, brokerId), view.now])
}

/**
 * A controller that takes office finds a broker fenced, and doesn't know since when: it may have been fenced on evidence a
 * moment ago.
 */
export function awaitedAtFirst(view: ControllerView, brokerId: number): EarlyFence {
  return awaited(view, brokerId, view.now + view.sessionTimeoutMs, [])
}

function awaited(
  view: ControllerView,
  brokerId: number,
  awaitedUntil: number,
  at: readonly number[],
): EarlyFence {
  return {
    fact: { type: 'EarlyFences', brokerId, fences: { at, awaitedUntil } },
    alarm: { name: awaitedAlarm(brokerId), at: awaitedUntil },
    view: { ...view, awaited: new Set([...view.awaited, brokerId]) },
  }
}

function mayEndEarly(view: ControllerView, brokerId: number): boolean {
  return recentFences(view, brokerId).length < MAX_EARLY_FENCES
}

function recentFences({ earlyFences, now }: ControllerView, brokerId: number): readonly number[] {
  const at = earlyFences.get(brokerId)?.at ?? []
  return at.filter((time) => time > now - EARLY_FENCES_MS)
}

/** A broker's session would be over by now: where settings allow it, those lead that lack what it has. */
export function* awaitedOver(view: ControllerView, alarm: string): Steps<DecidedWithAlarms<null>> {
  const brokerId = Number(alarm.slice(awaitedAlarm(0).length - 1))
  const broker = view.image.brokers.get(brokerId) ?? null
  const facts: ControllerFact[] = []
  yield* addInSteps(facts, electedAgain(view, { brokerId, after: broker }))
  return { facts, alarms: [], reply: null }
}
