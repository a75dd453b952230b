import type { Mutant } from './mutant.ts'

export const mutants: readonly Mutant[] = [
  {
    file: 'protocol/wire/reader.ts',
    text: 'if (count > MAX_ARRAY_ELEMENTS)',
    replacement: 'if (count >= MAX_ARRAY_ELEMENTS)',
    about: 'An array of as many elements as Kafka takes is refused.',
    killedBy: ['protocol/wire'],
  },
  {
    file: 'protocol/wire/reader.ts',
    text: 'this.#spend(count * elementCost)',
    replacement: 'this.#spend(elementCost)',
    about: 'Forty million empty names are taken for one.',
    killedBy: ['protocol/wire'],
  },
  {
    file: 'protocol/wire/reader.ts',
    text: 'this.#spend(length * TEXT_COST)',
    replacement: '',
    about: 'A request of long names takes more memory than one may.',
    killedBy: ['protocol/wire'],
  },
  {
    file: 'protocol/wire/reader.ts',
    text: 'if (count > MAX_TAGGED_FIELDS)',
    replacement: 'if (count >= MAX_TAGGED_FIELDS)',
    about: 'A structure of as many tagged fields as Kafka takes is refused.',
    killedBy: ['protocol/wire'],
  },
  {
    file: 'protocol/wire/reader.ts',
    text: 'this.#spend(count * TAG_COST)',
    replacement: '',
    about: 'Tags that nobody knows hold the loop for as long as a client likes.',
    killedBy: ['protocol/wire'],
  },
  {
    file: 'protocol/wire/reader.ts',
    text: 'this.#cost += cost\n',
    replacement: 'this.#cost = cost\n',
    about: 'Each array of a request is held against the limit by itself.',
    killedBy: ['protocol/wire'],
  },
  {
    file: 'protocol/codec.ts',
    text: 'if (w.size >= w.turnEnd) yield',
    replacement: 'if (w.size >= w.turnEnd + 1) yield',
    about: 'A turn of an answer ends an element late.',
    killedBy: [],
    equivalent:
      'Only where an element ends exactly at the end of the turn, and a turn may be an element longer.',
  },
  {
    file: 'protocol/codec.ts',
    text: '    this.#inTurns = inTurns\n',
    replacement: '',
    about: 'What follows a tagged field of a large answer is encoded in one go.',
    killedBy: ['protocol/codec'],
  },
]
