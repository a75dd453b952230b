import type { Mutant } from './mutant.ts'

export const mutants: readonly Mutant[] = [
  {
    file: 'protocol/codec.ts',
    text: 'this.#inTurns = isPaused && !isSmall(shape)',
    replacement: 'this.#inTurns = false',
    about:
      'A topic of a hundred thousand partitions is encoded in one turn, and nobody else is answered.',
    killedBy: ['protocol/codec'],
  },
]
