/** Who fetches as a follower, as it says. */
export interface FollowerId {
  readonly brokerId: number
  /** [KIP-903] Of its registration; -1 where it doesn't say (Fetch below v15). */
  readonly brokerEpoch: number
}

/** What a follower's fetch says of its log. */
export interface FollowerPosition {
  readonly fetchOffset: number
  readonly logStartOffset: number
  readonly currentLeaderEpoch: number
  readonly lastFetchedEpoch: number
}

/** What a leader knows of a follower, which is what its fetches say; times are monotonic milliseconds. */
export class FollowerState {
  readonly brokerId: number
  /** It has all records before this; -1 before its first fetch. */
  logEndOffset = -1
  logStartOffset = -1
  /** Null before its first fetch. */
  brokerEpoch: number | null = null
  /** The last time at which it had all that the leader had. */
  #lastCaughtUpMs = -Infinity
  #lastFetchMs = -Infinity
  /** Where the leader's log ended at that fetch: who has come to there by the next one was caught up then. */
  #lastFetchLeaderEndOffset = -1

  constructor(brokerId: number) {
    this.brokerId = brokerId
  }

  /** A leader's epoch begins. Who is in sync has all the time that a follower may be behind; who isn't holds nobody up. */
  begin(isInSync: boolean, isNewLeader: boolean, leaderEndOffset: number, nowMs: number): void {
    if (isNewLeader) {
      this.logEndOffset = this.logStartOffset = -1
      this.brokerEpoch = null
    }
    this.#lastCaughtUpMs = isInSync ? nowMs : -Infinity
    this.#lastFetchMs = isInSync && !isNewLeader ? nowMs : -Infinity
    this.#lastFetchLeaderEndOffset = isNewLeader ? -1 : leaderEndOffset
  }

  fetched(
    fetchOffset: number,
    logStartOffset: number,
    brokerEpoch: number,
    leaderEndOffset: number,
    nowMs: number,
  ): void {
    if (fetchOffset >= leaderEndOffset) {
      this.#lastCaughtUpMs = Math.max(this.#lastCaughtUpMs, nowMs)
    } else if (fetchOffset >= this.#lastFetchLeaderEndOffset) {
      this.#lastCaughtUpMs = Math.max(this.#lastCaughtUpMs, this.#lastFetchMs)
    }
    this.logEndOffset = fetchOffset
    this.logStartOffset = logStartOffset
    this.brokerEpoch = brokerEpoch
    this.#lastFetchMs = nowMs
    this.#lastFetchLeaderEndOffset = Math.max(leaderEndOffset, this.#lastFetchLeaderEndOffset)
  }

  /** Monotonic milliseconds; -Infinity where it has not been in this epoch. */
  get lastCaughtUpMs(): number {
    return this.#lastCaughtUpMs
  }

  isCaughtUp(leaderEndOffset: number, nowMs: number, maxLagMs: number): boolean {
    return this.logEndOffset === leaderEndOffset || nowMs - this.#lastCaughtUpMs <= maxLagMs
  }
}
