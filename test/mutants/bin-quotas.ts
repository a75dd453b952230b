import type { Mutant } from './mutant.ts'

const file = 'bin/commands/quotas.ts'
const killedBy = ['bin/quotas']

export const mutants: readonly Mutant[] = [
  {
    file,
    text: 'matchType: match === null ? MatchType.DEFAULT : MatchType.EXACT,',
    replacement: 'matchType: MatchType.EXACT,',
    about: 'What the default user may use is not shown.',
    killedBy,
  },
  {
    file,
    text: '(await describe(admin.client, entity, true))',
    replacement: '(await describe(admin.client, entity, false))',
    about: 'To remove quotas of a user tells of removing those of the user with a client id.',
    killedBy,
  },
  {
    file,
    text: '.filter(({ key }) => chosen.size === 0 || chosen.has(key))',
    replacement: '',
    about: 'To remove one quota removes all.',
    killedBy,
  },
  {
    file,
    text: 'const body = { entries: [{ entity, ops }], validateOnly }',
    replacement: 'const body = { entries: [{ entity, ops }], validateOnly: validateOnly && false }',
    about: 'What should only be checked is done.',
    killedBy,
  },
  {
    file,
    text: 'if (isOfAddress(entity) && entity.length > 1) {',
    replacement: 'if (false) {',
    about: 'An address together with a user is found wrong by a broker only.',
    killedBy,
  },
]
