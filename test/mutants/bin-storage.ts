import type { Mutant } from './mutant.ts'

/** Of the command that formats directories. */
export const mutants: readonly Mutant[] = [
  {
    file: 'bin/storage/voters.ts',
    text: 'voters.sort((left, right) => left.id - right.id)',
    replacement: '',
    about: 'Nodes that were given one list in two orders begin with two sets of voters.',
    killedBy: ['bin/storage'],
  },
  {
    file: 'bin/storage/format.ts',
    text: "if (wanted.kind === 'standalone' || wanted.kind === 'initial') {",
    replacement: "if (wanted.kind === 'initial') {",
    about: 'A node of a static quorum is told to be one of its own, and nobody minds.',
    killedBy: ['bin/storage'],
  },
  {
    file: 'bin/commands/storage.ts',
    text: 'if (given.size > 1) throw',
    replacement: 'if (given.size > 3) throw',
    about: 'Of two options that exclude each other the last one wins.',
    killedBy: ['bin/storage'],
  },
  {
    file: 'bin/storage/info.ts',
    text: 'if (one.directoryId !== null && same !== undefined) {',
    replacement: 'if (one.directoryId === null && same !== undefined) {',
    about: 'A copied directory goes unnoticed until the cluster takes two disks for one.',
    killedBy: ['bin/storage'],
  },
]
