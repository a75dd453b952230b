import type { Mutant } from './mutant.ts'

const QUOTA = 'src/replication/quota/replication-quota.ts'
const FETCH = 'src/replication/fetch/fetch.ts'
const THROTTLE = 'src/replication/fetch/leader-throttle.ts'
const FETCHER = 'src/replication/follower/fetcher.ts'
const FOLLOWED = 'src/replication/follower/followed-partition.ts'

export const mutants: readonly Mutant[] = [
  {
    file: QUOTA,
    text: 'return most === 0 || this',
    replacement: 'return this',
    about: 'A rate of 0 lets through what comes in one piece, every few seconds.',
    killedBy: ['replication/quota/replication-quota', 'replication/directories/move-budget'],
  },
  {
    file: QUOTA,
    text: '    if (waitMs === 0) this.changed()\n    else this',
    replacement: '    if (waitMs === 0) this.changed()\n    else if (waitMs < 0) this',
    about: 'Who is held back while others go on is never told that he may.',
    killedBy: ['replication/quota/replication-quota'],
  },
  {
    file: QUOTA,
    text: 'if (this.#waiters.size === 0) this.#stopTimer()',
    replacement: '',
    about: 'A leader keeps on looking for followers that have gone.',
    killedBy: ['replication/quota/replication-quota', 'replication/fetch/leader-throttle'],
  },
  {
    file: THROTTLE,
    text: '      !partition.assignment.isr.includes(this.#followerId) &&\n',
    replacement: '',
    about: 'A throttle takes followers out of the ISR, and acknowledgements wait for it.',
    killedBy: ['replication/fetch/leader-throttle', 'sim/replication/throttled'],
  },
  {
    file: 'src/replication/fetch/reading.ts',
    text: 'throttle !== null && isBehind(log, fetchOffset) && throttle.holdsBack(partition)',
    replacement: 'throttle?.holdsBack(partition)',
    about: 'A throttled follower is never told that its log is another than its leader’s.',
    killedBy: ['replication/fetch/leader-throttle'],
  },
  {
    file: FETCH,
    text: 'partition.wait(isHeldBack ? this.#heldBack : this, upTo)',
    replacement: 'partition.wait(this, upTo)',
    about: 'Each append to a throttled partition has its followers ask again, in vain.',
    killedBy: ['replication/fetch/leader-throttle'],
  },
  {
    file: FETCH,
    text: '      if (sizeBytes === Infinity) this.#bytesCame()\n',
    replacement: '',
    about: 'A throttled follower is not told when its leader is another one.',
    killedBy: ['replication/fetch/leader-throttle'],
  },
  {
    file: FETCH,
    text: 'else if (seen.isHeldBack && this.#isWaiting) throttle!.quota.wait(this)',
    replacement: '',
    about: 'A throttled follower waits for the whole time of its fetch.',
    killedBy: ['replication/fetch/leader-throttle'],
  },
  {
    file: FETCH,
    text: 'this.#timer === null || (this.#isForQuota && reading.sizeBytes === 0)',
    replacement: 'this.#timer === null',
    about: 'Throttled followers that others were faster than ask again and again.',
    killedBy: ['replication/fetch/leader-throttle'],
  },
  {
    file: 'src/replication/fetch/reading.ts',
    text: 'this.#parameters.throttle !== null && partition.isThrottledAsLeader',
    replacement: 'this.#parameters.throttle !== null',
    about: 'What is not throttled uses up what those that are may take.',
    killedBy: ['replication/fetch/leader-throttle'],
  },
  {
    file: FETCH,
    text: 'this.#places.push(place)',
    replacement: 'if (!isHeldBack) this.#places.push(place)',
    about: 'Partitions keep every fetch that they have held back.',
    killedBy: ['replication/fetch/leader-throttle'],
  },
  {
    file: FETCHER,
    text: 'quotaMs > 0 && followed.isThrottled',
    replacement: 'false',
    about: 'A throttled follower fetches as fast as it can.',
    killedBy: ['replication/follower/follower'],
  },
  {
    file: FETCHER,
    text: 'await this.#pause(Math.min(nextMs - now, freeMs))',
    replacement: 'await this.#pause(nextMs - now)',
    about: 'A throttled follower never fetches again.',
    killedBy: ['replication/follower/follower'],
  },
  {
    file: FETCHER,
    text: 'Math.min(maxWaitMs, withinMs)',
    replacement: 'maxWaitMs',
    about:
      'A throttled replica waits until the leader has something for others, when it might be fetched.',
    killedBy: ['replication/follower/follower'],
  },
  {
    file: FETCHER,
    text: 'quota.isLimited && followed!.partition.isThrottledAsFollower',
    replacement: 'false',
    about: 'Nothing of what a throttled follower fetches counts.',
    killedBy: ['replication/follower/follower'],
  },
  {
    file: FOLLOWED,
    text: ' && !this.#isCaughtUp && !partition.isInSync',
    replacement: ' && !this.#isCaughtUp',
    about: 'A replica in sync that has just begun to follow is held back by a throttle.',
    killedBy: ['replication/follower/follower'],
  },
  {
    file: FOLLOWED,
    text: ' && !this.#isCaughtUp && !partition.isInSync',
    replacement: ' && !partition.isInSync',
    about: 'A throttled replica that has come to its leader’s end is kept from staying there.',
    killedBy: ['replication/follower/follower'],
  },
  {
    file: 'src/replication/quota/throttled.ts',
    text: 'if (Number(broker) === brokerId) partitions',
    replacement: 'if (Number.isInteger(Number(broker))) partitions',
    about: 'A throttle that is meant for one broker holds all of them back.',
    killedBy: ['replication/quota/throttled'],
  },
  {
    file: 'src/replication/directories/move-budget.ts',
    text: 'return Math.max(1, Math.min(most, this.#quota.bytesPerSecond))',
    replacement: 'return most',
    about: 'One step of a move takes seconds of the rate at once.',
    killedBy: ['replication/directories/move-budget'],
  },
  {
    file: 'src/replication/directories/move-budget.ts',
    text: 'isWanted() && this.#quota',
    replacement: 'this.#quota',
    about: 'A move that is given up while it waits never ends.',
    killedBy: ['replication/directories/move-budget', 'replication/directories/move.test'],
  },
]
