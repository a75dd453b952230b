import type { Mutant } from './mutant.ts'

const RATE = 'src/quota/sampled-rate.ts'
const BUCKET = 'src/quota/token-bucket.ts'
const LIMITS = 'src/quota/quota-limits.ts'
const SHARES = 'src/quota/shares.ts'
const CHANGES = 'src/quota/mutation-quota.ts'

export const mutants: readonly Mutant[] = [
  {
    file: RATE,
    text: 'Math.max(nowMs - this.oldestMs, this.windows.lengthMs)',
    replacement: 'Math.max(nowMs - this.oldestMs, 1)',
    about: 'The first bytes of a throttled replica count a thousandfold, and it stands still.',
    killedBy: ['quota/sampled-rate'],
  },
  {
    file: RATE,
    text: 'if (nowMs - sample.lastMs >= keptMs) {',
    replacement: 'if (nowMs - sample.startMs >= keptMs) {',
    about: 'Bytes are forgotten before their time, and more goes through than the rate says.',
    killedBy: ['quota/sampled-rate'],
  },
  {
    file: RATE,
    text: '% (count + 1)',
    replacement: '% count',
    about: 'The oldest sample is overwritten while it counts still, and more goes through.',
    killedBy: ['quota/sampled-rate'],
  },
  {
    file: RATE,
    text: ', this.nextForgottenMs)',
    replacement: ')',
    about: 'A throttled replica waits on when what had held it back is forgotten.',
    killedBy: ['quota/sampled-rate'],
  },
  {
    file: RATE,
    text: 'const missing = count - 1 - Math.floor(elapsedMs / lengthMs)',
    replacement: 'const missing = count - Math.floor(elapsedMs / lengthMs)',
    about: 'Clients take a sample’s worth more at once than Kafka gives them.',
    killedBy: ['test/quota/sampled-rate'],
  },
  {
    file: BUCKET,
    text: 'this.#tokens = Math.min(this.#most(limit), left)',
    replacement: 'this.#tokens = left',
    about: 'What is given back fills the bucket above its brim.',
    killedBy: [],
    equivalent: 'What is given back was taken from it a moment before, so that it fits in.',
  },
  {
    file: BUCKET,
    text: 'Math.min(this.#most(limit), this.#tokens + added)',
    replacement: 'this.#tokens + added',
    about: 'Who changed nothing for a day may make a day’s worth of topics at once.',
    killedBy: ['test/quota/sampled-rate'],
  },
  {
    file: LIMITS,
    text: "if (clientId === '') return null",
    replacement: '',
    about: 'A client without an id is limited by the default of client ids, as in no Kafka.',
    killedBy: ['test/quota/quota-limits'],
  },
  {
    file: LIMITS,
    text: "clientId: '', level: level + 2",
    replacement: 'clientId, level: level + 2',
    about: 'A user may use its quota once for each client id that it makes up.',
    killedBy: ['test/quota/quota-limits'],
  },
  {
    file: SHARES,
    text: 'if (this.#sharesBytes <= MAX_SHARES_BYTES) return this.#add(key, allowance)',
    replacement: 'if (this.#sharesBytes < Infinity) return this.#add(key, allowance)',
    about: 'A client that makes up ids takes all of the memory.',
    killedBy: ['test/quota/shares'],
  },
  {
    file: SHARES,
    text: 'if (this.#limits.isEmpty) this.#forgetShares()',
    replacement: '',
    about: 'A quota that is set again counts what was used before it was taken away.',
    killedBy: ['test/quota/shares'],
  },
  {
    file: CHANGES,
    text: 'if (taken > 0) this.#take(-taken)',
    replacement: '',
    about: 'What the controller decides anew is taken from the quota twice.',
    killedBy: ['server/quotas.test'],
  },
  {
    file: CHANGES,
    text: 'if (!this.#isStrict) this.#note',
    replacement: 'this.#note',
    about:
      'Whoever makes topics beyond its quota once is throttled by clients of new versions, too.',
    killedBy: ['server/quotas.test'],
  },
]

export const ofServer: readonly Mutant[] = [
  {
    file: 'src/server/request-context.ts',
    text: 'fetch.add(name, clientId, -sizeBytes, nowMs)',
    replacement: '',
    about: 'What a throttled consumer did not get counts, and it never gets anything again.',
    killedBy: ['server/quotas.test'],
  },
  {
    file: 'src/server/request-context.ts',
    text: 'if (timeMs === 0 && isUnused) return true',
    replacement: '',
    about: 'A consumer stands still in front of a batch that is larger than its quota.',
    killedBy: ['server/quotas.test'],
  },
  {
    file: 'src/server/throttle.ts',
    text: 'isInterNode && !context.isRefused',
    replacement: 'isInterNode',
    about: 'Who may not act as a node spends as much of the broker’s time as it likes.',
    killedBy: ['server/stages'],
  },
  {
    file: 'src/server/connection.ts',
    text: 'if (untilMs <= this.#mutedUntilMs || this.#isOver()) return',
    replacement: 'if (this.#isOver()) return',
    about: 'A short throttling ends a long one.',
    killedBy: ['server/connection.test'],
  },
  {
    file: 'src/server/connection.ts',
    text: 'this.#endMute()\n    if (error',
    replacement: 'if (error',
    about:
      'A timer of each throttled client that has gone is kept for as long as it would have been.',
    killedBy: ['server/connection.test'],
  },
  {
    file: 'src/server/connection-rates.ts',
    text: 'if (!isApart(listener)) ms',
    replacement: 'ms',
    about: 'Clients that connect too often keep brokers from connecting.',
    killedBy: ['server/connection-rates'],
  },
  {
    file: 'src/server/connection-rates.ts',
    text: "quota.add('', address, -1, this.#nowMs)",
    replacement: '',
    about: 'An address that tries on is never let in again.',
    killedBy: ['server/connection-rates'],
  },
]

export const ofMetadata: readonly Mutant[] = [
  {
    file: 'src/metadata/controller/quota-commands.ts',
    text: 'const isTwice = told.has(key) || hasTwice(entry)',
    replacement: 'const isTwice = hasTwice(entry)',
    about: 'A quota that a request sets twice is the last of the two, where Kafka has the first.',
    killedBy: ['controller/quota-commands'],
  },
  {
    file: 'src/metadata/controller/quota-commands.ts',
    text: 'if (!Number.isFinite(value)) throw',
    replacement: 'if (value === Infinity) throw',
    about: 'A quota that is no number is set, and nobody knows what it means.',
    killedBy: ['controller/quota-commands'],
  },
]

export const ofReplication: readonly Mutant[] = [
  {
    file: 'src/replication/fetch/session.ts',
    text: 'this.#sessions.delete(id)\n        return NO_SESSION',
    replacement: 'return NO_SESSION',
    about:
      'A throttled consumer leaves a fetch session behind with each try, until nobody has room for one.',
    killedBy: ['replication/fetch/session'],
  },
]
