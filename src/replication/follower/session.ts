import type { ErrorName } from '../../../protocol/errors.ts'
import { epochAfter } from '../fetch/session.ts'
import type { FetchBody } from './leader-api.ts'

/** What a follower asks of one partition. */
export interface FetchPosition {
  readonly fetchOffset: number
  readonly logStartOffset: number
  readonly leaderEpoch: number
  /** -1 where it has no record. */
  readonly lastFetchedEpoch: number
}

/** A partition that is to be fetched. */
export interface Fetchable {
  readonly topic: string
  readonly topicId: string
  readonly index: number
  readonly position: FetchPosition
  /** Whether that is its position. */
  isAt(position: FetchPosition): boolean
}

const NO_SESSION = 0
const FIRST_EPOCH = 0

type Topic = NonNullable<FetchBody['topics']>[number]
type Forgotten = NonNullable<FetchBody['forgottenTopicsData']>[number]

/** The part of a fetch that a session decides on. */
export type SessionPart = Required<
  Pick<FetchBody, 'sessionId' | 'sessionEpoch' | 'topics' | 'forgottenTopicsData'>
>

/** A leader refuses a request that names too many; the others are named in the next ones. */
const MOST_CHANGED = 4000

/** [KIP-227] A follower's side of a fetch session: after the first request each has only what has changed. */
export class FollowerSession<Followed extends Fetchable> {
  readonly #partitionMaxBytes: () => number
  #id = NO_SESSION
  #epoch = FIRST_EPOCH
  /** What the leader knows. */
  readonly #known = new Map<Followed, FetchPosition>()

  constructor(partitionMaxBytes: () => number) {
    this.#partitionMaxBytes = partitionMaxBytes
  }

  /** What to ask, to have these partitions fetched and no others: in several requests where they are very many. */
  next(wanted: ReadonlySet<Followed>): SessionPart {
    const known = this.#known
    if (this.#epoch === FIRST_EPOCH) known.clear()
    const forgotten: Followed[] = []
    for (const followed of known.keys()) if (!wanted.has(followed)) forgotten.push(followed)
    for (const followed of forgotten) known.delete(followed)
    const changed: Followed[] = []
    for (const followed of wanted) {
      if (changed.length === MOST_CHANGED) break
      const before = known.get(followed)
      if (before !== undefined && followed.isAt(before)) continue
      known.set(followed, followed.position)
      changed.push(followed)
    }
    return {
      sessionId: this.#id,
      sessionEpoch: this.#epoch,
      topics: this.#topicsOf(changed),
      // One that was replaced under its name, in another epoch, is both: the leader adds it again.
      forgottenTopicsData: forgottenOf(forgotten, wanted),
    }
  }

  /** Whether the leader knows these partitions, and no others, from requests before: it needn't be told anything. */
  isToldOf(wanted: ReadonlySet<Followed>): boolean {
    return this.#epoch !== FIRST_EPOCH && this.#known.size === wanted.size
  }

  /** What to ask, to have the same partitions fetched from where they were asked for last. */
  same(): SessionPart {
    return { sessionId: this.#id, sessionEpoch: this.#epoch, topics: [], forgottenTopicsData: [] }
  }

  /** What was asked of a partition last. */
  askedOf(followed: Followed): FetchPosition | undefined {
    return this.#known.get(followed)
  }

  /** @param sessionId 0: the leader keeps no session, and is told all each time */
  answered(sessionId: number): void {
    this.#id = sessionId
    this.#epoch = sessionId === NO_SESSION ? FIRST_EPOCH : epochAfter(this.#epoch)
  }

  /**
   * The leader has refused the request, or has not answered: all is told again, and the leader lets go of what it has.
   * @returns whether that is all there is to do
   */
  refused(error: ErrorName | null): boolean {
    const isOfSession =
      error === 'FETCH_SESSION_ID_NOT_FOUND' ||
      error === 'INVALID_FETCH_SESSION_EPOCH' ||
      error === 'FETCH_SESSION_TOPIC_ID_ERROR'
    const isNew = this.#epoch === FIRST_EPOCH
    if (error === 'FETCH_SESSION_ID_NOT_FOUND') this.#id = NO_SESSION
    this.#epoch = FIRST_EPOCH
    return isOfSession && !isNew
  }

  #topicsOf(changed: readonly Followed[]): Topic[] {
    const partitionMaxBytes = this.#partitionMaxBytes()
    return byTopic(changed, ({ index, position }) => ({
      partition: index,
      currentLeaderEpoch: position.leaderEpoch,
      fetchOffset: position.fetchOffset,
      lastFetchedEpoch: position.lastFetchedEpoch,
      logStartOffset: position.logStartOffset,
      partitionMaxBytes,
    }))
  }
}

function forgottenOf<Followed extends Fetchable>(
  forgotten: readonly Followed[],
  wanted: ReadonlySet<Followed>,
): Forgotten[] {
  if (forgotten.length === 0) return []
  const isWanted = new Set(Array.from(wanted, keyOf))
  return byTopic(
    forgotten.filter((followed) => !isWanted.has(keyOf(followed))),
    ({ index }) => index,
  )
}

function byTopic<Followed extends Fetchable, Entry>(
  followed: readonly Followed[],
  entryOf: (one: Followed) => Entry,
): { topic: string; topicId: string; partitions: Entry[] }[] {
  const topics = new Map<string, { topic: string; topicId: string; partitions: Entry[] }>()
  for (const one of followed) {
    const { topic, topicId } = one
    let entry = topics.get(topicId)
    if (entry === undefined) topics.set(topicId, (entry = { topic, topicId, partitions: [] }))
    entry.partitions.push(entryOf(one))
  }
  return [...topics.values()]
}

export function keyOf({ topicId, index }: Pick<Fetchable, 'topicId' | 'index'>): string {
  return `${index}#${topicId}`
}
