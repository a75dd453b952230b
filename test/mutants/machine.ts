import type { Mutant } from './mutant.ts'

export const mutants: readonly Mutant[] = [
  {
    file: 'src/machine/runtime.ts',
    text: 'if (failure !== null) return this.#fail',
    replacement: 'if (failure === null) return this.#fail',
    about: 'A shard is dropped for an append that worked.',
    killedBy: ['machine/runtime'],
  },
  {
    file: 'src/machine/runtime.ts',
    text: 'if (turn <= this.#committed) release()\n      else this.#held.push({ turn, since, expired: false',
    replacement:
      'if (turn <= this.#turn) release()\n      else this.#held.push({ turn, since, expired: false',
    about: 'A reply is given before its facts are committed.',
    killedBy: ['machine/runtime'],
  },
  {
    file: 'src/machine/runtime.ts',
    text: 'if (turn <= this.#committed) release()\n      else this.#held.push({ turn, since, expired: true',
    replacement:
      'if (turn <= this.#turn) release()\n      else this.#held.push({ turn, since, expired: true',
    about: 'An effect runs for what may never be committed.',
    killedBy: ['machine/runtime'],
  },
  {
    file: 'src/machine/runtime.ts',
    text: 'return this.#groups.length > 0 ? this.#turn : this.#turn - 1',
    replacement: 'return this.#turn - 1',
    about: 'A read tells of what is not committed.',
    killedBy: ['machine/runtime'],
  },
  {
    file: 'src/machine/runtime.ts',
    text: 'machine.isVolatile?.(fact) ? -1 : offset++',
    replacement: 'offset++',
    about: 'Facts get other offsets than their records.',
    killedBy: ['machine/runtime'],
  },
  {
    file: 'src/machine/runtime.ts',
    text: 'if (refused.size === durable.length) return',
    replacement: 'if (refused.size > durable.length) return',
    about: 'A broker goes round in a circle over tombstones that no batch holds.',
    killedBy: ['machine/runtime'],
  },
  {
    file: 'src/machine/runtime.ts',
    text: 'groups: durable.filter((fact) => !refused.has(fact)).map((fact) => [fact]),',
    replacement: 'groups: [durable.filter((fact) => !refused.has(fact))],',
    about: 'What was to be split is appended as one batch.',
    killedBy: ['machine/runtime', 'coordinators/group/limits'],
  },
  {
    file: 'src/machine/runtime.ts',
    text: 'return this.#alarms.set(alarm, now + REFUSED_ALARM_AGAIN_MS)',
    replacement: 'return',
    about: 'An alarm that was refused once never rings again.',
    killedBy: ['machine/runtime'],
  },
  {
    file: 'src/machine/runtime.ts',
    text: 'if (instead === null) throw',
    replacement: 'if (instead !== null) throw',
    about: 'What follows a refusal is not carried out.',
    killedBy: ['machine/runtime'],
  },
  {
    file: 'src/machine/runtime.ts',
    text: 'for (const waiter of waiters) waiter.reject(error)',
    replacement: '',
    about: 'Requests hang when their shard is lost.',
    killedBy: ['machine/runtime'],
  },
  {
    file: 'src/machine/runtime.ts',
    text: 'this.#groupFacts += group.length',
    replacement: 'this.#groupFacts = group.length',
    about: 'Facts of one turn get the same offsets.',
    killedBy: ['machine/runtime'],
  },
  {
    file: 'src/machine/alarms.ts',
    text: 'if (at > now) {',
    replacement: 'if (at < now) {',
    about: 'A member that heartbeats is thrown out at its first time-out.',
    killedBy: ['machine/runtime', 'machine'],
  },
  {
    file: 'src/machine/alarms.ts',
    text: 'this.#times.delete(name)\n      return',
    replacement: 'return',
    about: 'An alarm that was cleared rings.',
    killedBy: ['machine/runtime'],
  },
  {
    file: 'src/machine/alarms.ts',
    text: 'if (queued !== undefined && queued.at <= at) return',
    replacement: 'if (queued !== undefined) return',
    about: 'An alarm that is set to an earlier time rings late.',
    killedBy: ['machine/runtime'],
  },
]
