import type { Mutant } from './mutant.ts'

export const mutants: readonly Mutant[] = [
  {
    file: 'src/controller/registration.ts',
    text: 'return known || !features.has(METADATA_VERSION)',
    replacement: 'return known',
    about: 'A controller registers before the metadata say in which version records are written.',
    killedBy: [],
    equivalent: 'Who leads writes the first records of a cluster before it takes other commands.',
  },
  {
    file: 'src/controller/registration.ts',
    text: '    const known = controllers.get(controllerId)?.incarnationId === incarnationId\n',
    replacement: '    const known = controllers.has(controllerId)\n',
    about: 'A controller that comes back elsewhere is looked for where it was.',
    killedBy: ['controller/quorum-member'],
  },
  {
    file: 'src/controller/own-vote.ts',
    text: 'if (!joins || kraftVersion === 0) return null',
    replacement: 'if (kraftVersion === 0) return null',
    about: 'A controller that only follows votes after a while, though nobody has asked for it.',
    killedBy: ['controller/voters'],
  },
  {
    file: 'src/controller/own-vote.ts',
    text: 'if (known !== undefined) {\n      const body',
    replacement: 'if (known === null) {\n      const body',
    about: 'A controller with a new disk never votes again.',
    killedBy: ['controller/voters'],
  },
]
