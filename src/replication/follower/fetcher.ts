import type { BufferPool } from '../../host/buffer-pool.ts'
import type { Clock, Logger } from '../../host/host.ts'
import { AnswerMemory } from '../../peer/answer-memory.ts'
import { BrokerLinkError } from '../../peer/broker-links.ts'
import type { ReplicationQuota } from '../quota/replication-quota.ts'
import type { FollowedPartition } from './followed-partition.ts'
import type { LeaderApi } from './leader-api.ts'
import { FollowerSession, keyOf } from './session.ts'

/** What followers ask for; each is asked for when it is needed. */
export interface FetchSettings {
  /** `replica.fetch.wait.max.ms` */
  readonly maxWaitMs: number
  /** `replica.fetch.min.bytes` */
  readonly minBytes: number
  /** `replica.fetch.response.max.bytes` */
  readonly maxBytes: number
  /** `replica.fetch.max.bytes` */
  readonly partitionMaxBytes: number
  /** `replica.fetch.backoff.ms` */
  readonly backoffMs: number
}

export interface FetcherOptions {
  readonly clock: Clock
  readonly log: Logger
  readonly leader: LeaderApi
  readonly settings: () => FetchSettings
  /** [KIP-73] Of all that this broker fetches of throttled partitions. */
  readonly quota: ReplicationQuota
  readonly identity: () => { readonly brokerId: number; readonly brokerEpoch: number }
  /** For what leaders answer. */
  readonly buffers: BufferPool
}

/**
 * Where nothing comes, so many requests in a row are made without a look at each partition, which of thousands costs more than all else.
 * Only one whose log begins later by itself, as its records were too old, has something to tell then; it is told a little later.
 */
const MOST_REPEATS = 3

/** What a look at all partitions has found. */
interface Look {
  readonly ready: ReadonlySet<FollowedPartition>
  /** All were asked for, the leader knows all that there is to know of them, and nothing has come. */
  isQuiet: boolean
  /** How often they were asked for again. */
  repeats: number
}

/**
 * Fetches partitions of one leader over one connection (Kafka's ReplicaFetcherThread): one request at a time, and the next one
 * when all that it has brought is written. So no more is in memory than one answer has.
 */
export class ReplicaFetcher {
  readonly #options: FetcherOptions
  readonly #partitions = new Map<string, FollowedPartition>()
  readonly #session: FollowerSession<FollowedPartition>
  readonly #memory: AnswerMemory
  /** The last one at all partitions; null where something has changed since. */
  #look: Look | null = null
  #isRunning = false
  #isClosed = false
  #wake: () => void = () => undefined

  constructor(options: FetcherOptions) {
    this.#options = options
    this.#session = new FollowerSession(() => options.settings().partitionMaxBytes)
    this.#memory = new AnswerMemory(options.buffers)
  }

  add(followed: FollowedPartition): void {
    this.#partitions.set(keyOf(followed), followed)
    this.#changed()
    void followed.start()
    if (!this.#isRunning) void this.#run()
  }

  delete(followed: FollowedPartition): void {
    const key = keyOf(followed)
    if (this.#partitions.get(key) === followed) this.#partitions.delete(key)
    this.wake()
  }

  /** A partition has become ready, or isn't wanted any more; or the quota is another. */
  wake(): void {
    this.#changed()
    this.#wake()
  }

  #changed(): void {
    this.#look = null
  }

  close(): void {
    this.#isClosed = true
    this.#partitions.clear()
    this.wake()
  }

  async #run(): Promise<void> {
    this.#isRunning = true
    while (!this.#isClosed && this.#partitions.size > 0) {
      const { clock, quota } = this.#options
      const look = this.#look
      if (look?.isQuiet === true && !quota.isLimited && look.repeats++ < MOST_REPEATS) {
        await this.#fetch(look.ready, Infinity)
        continue
      }
      const now = clock.monotonic()
      const ready = new Set<FollowedPartition>()
      this.#look = { ready, isQuiet: false, repeats: 0 }
      const quotaMs = quota.retryAfterMs
      let isHeldBack = false
      let nextMs = Infinity
      for (const followed of this.#partitions.values()) {
        const { readyAtMs } = followed
        if (readyAtMs > now) nextMs = Math.min(nextMs, readyAtMs)
        else if (quotaMs > 0 && followed.isThrottled) isHeldBack = true
        else ready.add(followed)
      }
      const freeMs = isHeldBack ? quotaMs : Infinity
      if (ready.size === 0) await this.#pause(Math.min(nextMs - now, freeMs))
      else await this.#fetch(ready, freeMs)
    }
    this.#isRunning = false
  }

  /** @param withinMs when others are to be fetched, too: no answer is waited for longer than that */
  async #fetch(ready: ReadonlySet<FollowedPartition>, withinMs: number): Promise<void> {
    try {
      await this.#fetchOnce(ready, withinMs)
    } catch (error) {
      this.#memory.leave()
      this.#session.refused(null)
      this.#changed()
      for (const followed of ready) followed.delay()
      if (error instanceof BrokerLinkError || this.#isClosed) return
      this.#options.log.error({ err: error }, 'A fetch from a leader has failed')
    }
  }

  async #fetchOnce(ready: ReadonlySet<FollowedPartition>, withinMs: number): Promise<void> {
    const { leader, settings, identity, quota } = this.#options
    const { maxWaitMs, minBytes, maxBytes } = settings()
    const { brokerId, brokerEpoch } = identity()
    const request = {
      replicaId: brokerId,
      replicaState: { replicaId: brokerId, replicaEpoch: brokerEpoch },
      maxWaitMs: Math.min(maxWaitMs, withinMs),
      minBytes,
      maxBytes,
      ...(this.#look?.isQuiet === true ? this.#session.same() : this.#session.next(ready)),
    }
    const answer = await leader.fetch(request, this.#memory)
    if (answer.errorCode !== 'NONE') {
      const isOver = this.#session.refused(answer.errorCode)
      this.#changed()
      if (!isOver) for (const followed of ready) followed.delay()
      return this.#memory.give()
    }
    const works: Promise<void>[] = []
    for (const { topicId, partitions } of answer.responses) {
      for (const data of partitions) {
        const followed = this.#partitions.get(keyOf({ topicId, index: data.partitionIndex }))
        const asked = followed && this.#session.askedOf(followed)
        // It may have been given up, or taken up anew, since it was asked for.
        if (asked === undefined) continue
        // Of those in sync, too: what is left of the rate is for the others.
        if (quota.isLimited && followed!.partition.isThrottledAsFollower) {
          quota.record(data.records?.length ?? 0)
        }
        const work = followed!.take(data, asked)
        if (work !== null) works.push(work)
      }
    }
    this.#session.answered(answer.sessionId)
    const isQuiet = answer.responses.length === 0 && ready.size === this.#partitions.size
    if (!isQuiet || !this.#session.isToldOf(ready)) this.#changed()
    else if (this.#look !== null) this.#look.isQuiet = true
    await Promise.all(works)
    // All of it is written, or given up.
    this.#memory.give()
  }

  /** Until a partition becomes ready. */
  #pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const { clock } = this.#options
      const timer = delayMs === Infinity ? null : clock.after(delayMs, resolve)
      this.#wake = () => {
        timer?.cancel()
        this.#wake = () => undefined
        resolve()
      }
    })
  }
}
