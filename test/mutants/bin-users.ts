import type { Mutant } from './mutant.ts'

const file = 'bin/commands/users.ts'
const killedBy = ['bin/users']

export const mutants: readonly Mutant[] = [
  {
    file,
    text: 'if (before !== null) {',
    replacement: 'if (false) {',
    about: 'To add a user who is there already takes away the password that the user has.',
    killedBy,
  },
  {
    file,
    text: 'iterations: iterations ?? has.get(one) ?? LEAST_ITERATIONS,',
    replacement: 'iterations: iterations ?? LEAST_ITERATIONS,',
    about: 'A new password is easier to guess than the one before.',
    killedBy,
  },
  {
    file,
    text: 'const chosen = new Set(mechanism ?? MECHANISMS.filter((one) => has.has(one)))',
    replacement: 'const chosen = new Set(mechanism ?? [DEFAULT_MECHANISM])',
    about: 'By one of the mechanisms the former password is good for ever.',
    killedBy,
  },
  {
    file: 'bin/secret-input.ts',
    text: 'const secret = contentOf(path, option).split(/\\r?\\n/)[0]',
    replacement: 'const secret = contentOf(path, option)',
    about: 'The end of the line is part of the password.',
    killedBy,
  },
  {
    file: 'bin/secret-input.ts',
    text: '!== typed) {',
    replacement: "=== '') {",
    about: 'Whoever mistypes a new password locks the user out.',
    killedBy,
  },
  {
    file: 'bin/hidden-line.ts',
    text: 'output: nowhere, terminal',
    replacement: 'output, terminal',
    about: 'A password that is typed stands on the screen.',
    killedBy,
  },
]
