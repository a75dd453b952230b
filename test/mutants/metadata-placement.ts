import type { Mutant } from './mutant.ts'

export const mutants: readonly Mutant[] = [
  {
    file: 'src/metadata/controller/placement/stripes.ts',
    text: ' && !isCordoned(broker)',
    replacement: '',
    about: 'New partitions are put on a broker that an operator empties.',
    killedBy: ['metadata/controller/controller'],
  },
  {
    file: 'src/metadata/controller/placement/stripes.ts',
    text: 'replicationFactor > all.length',
    replacement: 'replicationFactor > all.length + 1',
    about: 'A broker is asked for more replicas than there are brokers, and the search never ends.',
    killedBy: ['metadata/controller/placement/stripes'],
  },
  {
    file: 'src/metadata/controller/placement/stripes.ts',
    text: '        skip = -1\n',
    replacement: '',
    about: 'A partition gets no second replica from the rack of its leader.',
    killedBy: ['metadata/controller/placement/stripes'],
  },
  {
    file: 'src/metadata/controller/placement/stripes.ts',
    text: 'return broker < 0 ? fenced.next(this.#round, avoided) : broker',
    replacement: 'return broker',
    about: 'Fenced brokers are never used, and the search never ends.',
    killedBy: ['metadata/controller/placement/stripes'],
  },
  {
    file: 'src/metadata/controller/placement/stripes.ts',
    text: 'if (this.#round === this.#unfenced && this.#unfenced > 1)',
    replacement: 'if (this.#round < 0)',
    about:
      'The same brokers always follow each other: when one stops, one other takes all its load.',
    killedBy: ['metadata/controller/placement/stripes'],
  },
  {
    file: 'src/metadata/controller/placement/stripes.ts',
    text: 'if (brokers.length > 0) this.#offset = random.below(brokers.length)',
    replacement: '',
    about: 'Every topic of one partition is led by the first broker.',
    killedBy: ['metadata/controller/placement/stripes'],
  },
  {
    file: 'src/metadata/controller/placement/stripes.ts',
    text: 'if (left === null) return -1',
    replacement: 'if (left === null) return 1',
    about: 'Brokers without a rack are not the first.',
    killedBy: ['metadata/controller/placement/stripes'],
  },
  {
    file: 'src/metadata/controller/placement/stripes.ts',
    text: ' || avoided.has(this.#machines.get(broker)!)) continue',
    replacement: ') continue',
    about: 'When a machine stops, all replicas of a partition stop with it.',
    killedBy: ['metadata/controller/placement/stripes'],
  },
  {
    file: 'src/metadata/controller/placement/machines.ts',
    text: 'host.toLowerCase()',
    replacement: 'host',
    about: 'One machine under two spellings is taken for two.',
    killedBy: ['metadata/controller/placement/stripes'],
  },
  {
    file: 'src/metadata/controller/placement/machines.ts',
    text: 'return placed.sort((left, right) => left.at - right.at).map(({ id }) => id)',
    replacement: 'return brokers',
    about: 'Of the brokers of a machine one gets all the replicas.',
    killedBy: ['metadata/controller/placement/stripes'],
  },
  {
    file: 'src/metadata/controller/election-commands.ts',
    text: "if (result.errorCode !== 'ELECTION_NOT_NEEDED') partitionResult",
    replacement: 'partitionResult',
    about: 'Of all partitions those that need no election are told as errors.',
    killedBy: ['metadata/controller/election-commands'],
  },
]
