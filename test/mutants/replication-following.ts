import type { Mutant } from './mutant.ts'

export const mutants: readonly Mutant[] = [
  {
    file: 'src/replication/follower/fetcher.ts',
    text: '    await Promise.all(works)\n    // All of it is written, or given up.\n    this.#memory.give()\n',
    replacement: '    this.#memory.give()\n    await Promise.all(works)\n',
    about:
      'What one leader answers lies on what another one has answered, which is not written yet.',
    killedBy: ['replication/follower/follower'],
  },
  {
    file: 'src/replication/follower/fetcher.ts',
    text: 'else if (this.#look !== null) this.#look.isQuiet = true',
    replacement: '',
    about: 'Of thousands of partitions to which nobody writes each is looked at for each fetch.',
    killedBy: ['replication/follower/follower'],
  },
  {
    file: 'src/replication/follower/fetcher.ts',
    text: ' && !quota.isLimited',
    replacement: '',
    about: 'A follower that is limited asks on for what its quota holds back.',
    killedBy: ['replication/follower/follower'],
  },
  {
    file: 'src/replication/follower/fetcher.ts',
    text: ' && look.repeats++ < MOST_REPEATS',
    replacement: '',
    about:
      'Consumers are sent for ever to a follower in their rack that has long removed what they want.',
    killedBy: ['replication/follower/follower'],
  },
  {
    file: 'src/replication/follower/fetcher.ts',
    text: '    this.#look = null\n',
    replacement: '',
    about: 'Where nothing comes, what is followed from now on is fetched five seconds later.',
    killedBy: ['replication/follower/follower'],
  },
  {
    file: 'src/replication/follower/session.ts',
    text: 'return this.#epoch !== FIRST_EPOCH && this.#known.size === wanted.size',
    replacement: 'return this.#epoch !== FIRST_EPOCH',
    about:
      'Of very many partitions those behind the four thousandth are fetched later than they could be.',
    killedBy: ['replication/follower/session'],
  },
  {
    file: 'src/replication/follower/fetcher.ts',
    text: 'or given up.\n    this.#memory.give()\n',
    replacement: 'or given up.\n',
    about:
      'Each answer to a follower has memory of its own, and the garbage collector most of the work.',
    killedBy: ['replication/follower/follower'],
  },
  {
    file: 'src/replication/partition/partition.ts',
    text: 'if (leadsEnded !== this.#leadsEnded) {',
    replacement: 'if (this.#leadsEnded < 0) {',
    about: 'A record is acknowledged that another leader has cut off before this one led again.',
    killedBy: ['replication/partition/acks'],
  },
  {
    file: 'src/replication/partition/partition.ts',
    text: '      this.#leadsEnded++\n',
    replacement: '      if (this.#leader !== null) this.#leadsEnded++\n',
    about: 'The end of the lead is overlooked where only writes are under way.',
    killedBy: ['replication/partition/acks'],
  },
  {
    file: 'src/replication/replica-manager.ts',
    text: '    try {\n      follow()\n    } catch (error) {',
    replacement: '    follow()\n    try {\n    } catch (error) {',
    about: 'One topic that can not be followed leaves all that came with it where they were.',
    killedBy: ['replication/replica-manager'],
  },
  {
    file: 'src/replication/replica-manager.ts',
    text: 'for (const index of topic.partitions.keys()) this.#creation.forget(topic, index)',
    replacement: '',
    about: 'A topic that is deleted while its log is made is served until the next start.',
    killedBy: ['replication/replica-manager'],
  },
  {
    file: 'src/replication/replica-manager.ts',
    text: '      this.#creation.forget(topic, index)\n      if (partition',
    replacement: '      if (partition',
    about: 'A replica that other brokers have by now is made all the same, and never removed.',
    killedBy: ['replication/replica-manager'],
  },
  {
    file: 'src/replication/replica-manager.ts',
    text: '    this.#logs.deleteLog(topic, index)\n    this.#host',
    replacement: '    this.#host',
    about: 'A replica that was moved to another broker keeps its disk full here.',
    killedBy: ['replication/replica-manager'],
  },
  {
    file: 'src/replication/log-creation.ts',
    text: 'const wanted = this.#wanted.get(key)\n      if (wanted?.topic',
    replacement: 'const wanted = begun as WantedLog | undefined\n      if (wanted?.topic',
    about:
      'A partition whose leader changed while its log was made takes records as the old leader.',
    killedBy: ['replication/replica-manager'],
  },
  {
    file: 'src/replication/log-creation.ts',
    text: 'if (log !== null) remove(begun.topic.name, begun.index)',
    replacement: '',
    about: 'A topic made anew under its name goes on with the log of the one that was deleted.',
    killedBy: ['replication/replica-manager'],
  },
  {
    file: 'src/replication/log-creation.ts',
    text: '    if (this.#jobs.has(key)) return\n',
    replacement: '',
    about: 'A log is made twice at the same time, by two changes of one partition.',
    killedBy: ['replication/replica-manager'],
  },
  {
    file: 'src/replication/log-creation.ts',
    text: 'this.#settling[count]!.upTo < oldest',
    replacement: 'true',
    about: 'A topic is answered when the first of its partitions serves.',
    killedBy: ['replication/replica-manager'],
  },
  {
    file: 'src/replication/log-creation.ts',
    text: '    if (next === undefined) this.#running--\n',
    replacement: '    if (next === undefined) return\n',
    about: 'After so many partitions none is made any more.',
    killedBy: ['replication/replica-manager'],
  },
  {
    file: 'src/replication/log-creation.ts',
    text: 'if (this.#running >= MADE_AT_ONCE) {',
    replacement: 'if (this.#running < 0) {',
    about: 'Thousands of logs are made at the same time, and nobody is served meanwhile.',
    killedBy: ['replication/replica-manager'],
  },
]
