import type { ErrorName } from '../../../protocol/errors.ts'

/** What a fetcher asks of one partition. */
export interface FetchTarget {
  /** Empty where the request names the topic by id only. */
  readonly topic: string
  readonly topicId: string
  readonly partition: number
  readonly fetchOffset: number
  readonly maxBytes: number
  /** -1 when the fetcher doesn't know it. */
  readonly currentLeaderEpoch: number
  readonly lastFetchedEpoch: number
  /** A follower's own log start; -1 from consumers. */
  readonly logStartOffset: number
}

/** What of an answer decides if a session has to repeat a partition that has no records. */
export interface FetchOutcome {
  readonly errorCode: ErrorName
  readonly highWatermark: number
  readonly lastStableOffset: number
  readonly logStartOffset: number
  readonly sizeBytes: number
  /** A preferred replica or a diverging epoch is told each time. */
  readonly mustTell: boolean
}

/** A target's place in a session. */
export interface SessionPartition {
  target: FetchTarget
  highWatermark: number
  lastStableOffset: number
  logStartOffset: number
}

export interface FetchSessionRequest {
  readonly sessionId: number
  readonly sessionEpoch: number
  readonly usesTopicIds: boolean
  readonly isFollower: boolean
  readonly targets: readonly FetchTarget[]
  readonly forgotten: readonly { topic: string; topicId: string; partition: number }[]
}

/** What a request comes to: the partitions to read in order, and the session that the answer names. */
export interface FetchContext {
  readonly error: ErrorName
  readonly sessionId: number
  readonly targets: readonly FetchTarget[]
  /**
   * Whether a full answer may leave out the targets behind: a session names only what is new, and those that had no turn
   * are the first ones of the next request.
   */
  readonly mayLeaveOut: boolean
  /**
   * Whether the answer tells of a partition; keeps what was told. To be called once for each that was read, in order.
   * @param index its target's
   */
  tell(index: number, outcome: FetchOutcome): boolean
  /** Whether `tell` would say so; nothing is kept. */
  wouldTell(index: number, outcome: FetchOutcome): boolean
  /**
   * In place of telling anything: an answer that has nothing for the client is throttled. A session that has begun with it ends.
   * @returns the session that this answer names
   */
  tellNothing(): number
}

const INITIAL_EPOCH = 0
const FINAL_EPOCH = -1
const NO_SESSION = 0
/** A session this long unused makes room for a new one; Kafka's own limit, which has no setting. */
const EVICTION_MS = 120_000
/**
 * More than one request can name: it costs so much to look at all of them. A client that adds more and more has its session
 * ended, and begins anew with a request that names all.
 */
const MAX_PARTITIONS = 16_384
/** A follower names what it has of a leader's in several requests. */
const MAX_FOLLOWED_PARTITIONS = 131_072

interface FetchSession {
  readonly id: number
  readonly usesTopicIds: boolean
  readonly isFollower: boolean
  readonly partitions: Map<string, SessionPartition>
  epoch: number
  createdMs: number
  lastUsedMs: number
}

/** [KIP-227] A session remembers what a fetcher wants, so that request and answer carry only what changed. */
export class FetchSessionCache {
  readonly #slots: number
  readonly #monotonic: () => number
  readonly #newId: () => number
  /** Least recently used first. */
  readonly #sessions = new Map<number, FetchSession>()

  /**
   * @param slots `max.incremental.fetch.session.cache.slots`
   * @param newId a random positive int32
   */
  constructor(slots: number, monotonic: () => number, newId: () => number) {
    this.#slots = slots
    this.#monotonic = monotonic
    this.#newId = newId
  }

  get size(): number {
    return this.#sessions.size
  }

  resolve(request: FetchSessionRequest): FetchContext {
    const { sessionId, sessionEpoch } = request
    if (sessionEpoch === INITIAL_EPOCH || sessionEpoch === FINAL_EPOCH) {
      this.#sessions.delete(sessionId)
      if (sessionEpoch === FINAL_EPOCH) return sessionless(request.targets)
      return this.#full(request)
    }
    const session = this.#sessions.get(sessionId)
    if (session === undefined) return refused('FETCH_SESSION_ID_NOT_FOUND')
    if (session.epoch !== sessionEpoch) return refused('INVALID_FETCH_SESSION_EPOCH')
    if (session.usesTopicIds !== request.usesTopicIds)
      return refused('FETCH_SESSION_TOPIC_ID_ERROR')
    return this.#incremental(session, request)
  }

  /** A first request: all partitions are told, and a session begins if there is room for it. */
  #full(request: FetchSessionRequest): FetchContext {
    const { targets, usesTopicIds, isFollower } = request
    if (targets.length === 0 || !this.#makeRoom(isFollower, targets.length))
      return sessionless(targets)
    const now = this.#monotonic()
    let id = this.#newId()
    while (id === NO_SESSION || this.#sessions.has(id)) id = this.#newId()
    const session: FetchSession = {
      id,
      usesTopicIds,
      isFollower,
      partitions: new Map(),
      epoch: 1,
      createdMs: now,
      lastUsedMs: now,
    }
    const told = targets.map(untold)
    for (const each of told) session.partitions.set(keyOf(each.target), each)
    this.#sessions.set(id, session)
    return {
      error: 'NONE',
      sessionId: id,
      targets,
      mayLeaveOut: false,
      tell: (index, outcome) => {
        remember(told[index]!, outcome)
        return true
      },
      wouldTell: () => true,
      tellNothing: () => {
        this.#sessions.delete(id)
        return NO_SESSION
      },
    }
  }

  #incremental(session: FetchSession, request: FetchSessionRequest): FetchContext {
    const { partitions } = session
    for (const target of request.targets) {
      const known = partitions.get(keyOf(target))
      if (known === undefined) partitions.set(keyOf(target), untold(target))
      else known.target = target
    }
    for (const forgotten of request.forgotten) partitions.delete(keyOf(forgotten))
    this.#sessions.delete(session.id)
    const most = session.isFollower ? MAX_FOLLOWED_PARTITIONS : MAX_PARTITIONS
    if (partitions.size > most) return refused('FETCH_SESSION_ID_NOT_FOUND')
    if (partitions.size === 0) return sessionless([])
    session.lastUsedMs = this.#monotonic()
    session.epoch = epochAfter(session.epoch)
    this.#sessions.set(session.id, session)
    const told = [...partitions.values()]
    return {
      error: 'NONE',
      sessionId: session.id,
      targets: told.map(({ target }) => target),
      mayLeaveOut: true,
      tell: (index, outcome) => this.#tellChange(partitions, told[index]!, outcome),
      wouldTell: (index, outcome) => isNews(told[index]!, outcome),
      tellNothing: () => session.id,
    }
  }

  #tellChange(
    partitions: Map<string, SessionPartition>,
    known: SessionPartition,
    outcome: FetchOutcome,
  ): boolean {
    const changed = remember(known, outcome)
    if (outcome.sizeBytes === 0) return changed
    const key = keyOf(known.target)
    // The next request may have come meanwhile, and forgotten it.
    if (partitions.get(key) !== known) return changed
    // Who got records goes to the end of the row, so that a full answer doesn't starve those behind it.
    partitions.delete(key)
    partitions.set(key, known)
    return changed
  }

  /** Kafka's rule: a stale session goes first; else a follower's may push out a consumer's, a larger one a smaller. */
  #makeRoom(isFollower: boolean, size: number): boolean {
    if (this.#sessions.size < this.#slots) return true
    const now = this.#monotonic()
    const oldest = this.#sessions.values().next().value
    if (oldest === undefined) return false
    if (now - oldest.lastUsedMs > EVICTION_MS) return this.#sessions.delete(oldest.id)
    for (const session of this.#sessions.values()) {
      const lesser = isFollower && !session.isFollower
      const smaller = isFollower === session.isFollower && session.partitions.size < size
      if (now - session.createdMs > EVICTION_MS && (lesser || smaller)) {
        return this.#sessions.delete(session.id)
      }
    }
    return false
  }
}

/** The epoch of a session's next request: 0 would begin a new one. */
export function epochAfter(epoch: number): number {
  return epoch === 0x7fff_ffff ? 1 : epoch + 1
}

function keyOf({
  topic,
  topicId,
  partition,
}: {
  topic: string
  topicId: string
  partition: number
}): string {
  return topic === '' ? `${partition}#${topicId}` : `${partition}/${topic}`
}

function untold(target: FetchTarget): SessionPartition {
  return { target, highWatermark: -1, lastStableOffset: -1, logStartOffset: -1 }
}

/** Keeps what is told, and says if it differs from what was told before. */
function remember(known: SessionPartition, outcome: FetchOutcome): boolean {
  const { highWatermark, lastStableOffset, logStartOffset } = outcome
  const failed = outcome.errorCode !== 'NONE'
  const changed = isNews(known, outcome)
  // After an error the partition is told again as soon as it is well.
  known.highWatermark = failed ? -1 : highWatermark
  known.lastStableOffset = lastStableOffset
  known.logStartOffset = logStartOffset
  return changed
}

function isNews(known: SessionPartition, outcome: FetchOutcome): boolean {
  return (
    outcome.errorCode !== 'NONE' ||
    outcome.mustTell ||
    outcome.sizeBytes > 0 ||
    known.highWatermark !== outcome.highWatermark ||
    known.lastStableOffset !== outcome.lastStableOffset ||
    known.logStartOffset !== outcome.logStartOffset
  )
}

const tellsAll = (): boolean => true
const namesNone = (): number => NO_SESSION

function sessionless(targets: readonly FetchTarget[]): FetchContext {
  return withoutSession('NONE', targets)
}

function refused(error: ErrorName): FetchContext {
  return withoutSession(error, [])
}

/**
 * Written out, in the order that contexts of sessions have: to an object that begins with a spread of another one, V8 up to that of
 * Node 20 adds properties by a hidden class that it makes anew each time, and nobody who reads them later is optimized for it.
 */
function withoutSession(error: ErrorName, targets: readonly FetchTarget[]): FetchContext {
  return {
    error,
    sessionId: NO_SESSION,
    targets,
    mayLeaveOut: false,
    tell: tellsAll,
    wouldTell: tellsAll,
    tellNothing: namesNone,
  }
}
