import tseslint from 'typescript-eslint'

/**
 * The folders of the house in rank order: a file imports from its own folder, from a lower rank, or from protocol/.
 * src/node.ts and src/index.ts are rank 12.
 */
const ranks = [
  ['host'],
  ['config'],
  ['log'],
  ['machine', 'peer'],
  ['quorum'],
  ['metadata'],
  ['security', 'quota'],
  ['replication'],
  ['coordinators'],
  ['handlers'],
  ['server'],
  ['broker', 'controller'],
]

const folders = ranks.flatMap((names, rank) =>
  names.map((folder) => ({ folder, rank, beside: names.filter((name) => name !== folder) })),
)
/**
 * The rooms of a folder in rank order: a file imports from its own room, from one named before it, or from the files beside
 * the rooms, but for the doors: these stand on the rooms. A door is open to the rooms of `doors` that are named with it.
 */
const rooms = {
  log: {
    order: [
      'base',
      'segment',
      'producers',
      'state',
      'read',
      'append',
      'recovery',
      'cleaner',
      'directory',
    ],
    doors: { log: ['directory'], manager: [], copying: [] },
  },
  coordinators: { order: ['runtime', 'group', 'transaction'], doors: { 'internal-topics': [] } },
  quorum: { order: ['wire'], doors: { quorum: [], 'open-quorum': [] } },
  replication: {
    order: ['isr', 'quota', 'partition', 'fetch', 'follower', 'directories'],
    doors: { 'replica-manager': [] },
  },
}

const outward = ({ folder, rank, beside }) => [
  {
    regex: `^(\\.\\./)+(src/)?(${ranks
      .slice(rank + 1)
      .flat()
      .concat(beside, 'bin', 'test', 'node', 'index')
      .join('|')})(/|\\.ts$)`,
    message: `src/${folder} has rank ${rank}: it may import only from its own folder, a lower rank, or protocol/.`,
  },
  ...(folder === 'host'
    ? []
    : [
        {
          regex: '^(node:(?!assert|buffer$)|fs$|net$|zlib$|crypto$)',
          message: 'Only src/host touches the machine: go through the Host.',
        },
      ]),
]
const upward = (room, { order, doors }) => {
  const closed = Object.keys(doors).filter((door) => !doors[door].includes(room))
  const above = order.slice(order.indexOf(room) + 1).map((name) => `${name}/`)
  return {
    regex: `^\\.\\./(${[...above, ...closed.map((door) => `${door}\\.ts$`)].join('|')})`,
    message: `The room ${room} may import only from itself and the rooms before it: ${order.join(', ')}.`,
  }
}
const importing = (files, patterns) => ({
  files,
  rules: { 'no-restricted-imports': ['error', { patterns }] },
})
const rankRules = folders.flatMap((place) => [
  importing([`src/${place.folder}/**/*.ts`], outward(place)),
  ...(rooms[place.folder]?.order ?? []).map((room) =>
    importing(
      [`src/${place.folder}/${room}/**/*.ts`],
      [...outward(place), upward(room, rooms[place.folder])],
    ),
  ),
])

const banned = (name, instead) => ({ name, message: `Use ${instead} instead.` })
const hostOnly = [
  banned('Date', 'host.clock.now()'),
  banned('performance', 'host.clock.monotonic()'),
  banned('setTimeout', 'host.clock.after()'),
  banned('setInterval', 'host.clock.after()'),
  banned('setImmediate', 'host.clock.endOfTurn()'),
  banned('queueMicrotask', 'host.clock.endOfTurn()'),
  banned('process', 'the Host, or a parameter'),
  banned('fetch', 'host.network'),
]

export default tseslint.config(
  { ignores: ['dist/**', 'node_modules/**', 'test/clients/**/node_modules/**'] },
  ...tseslint.configs.recommended,
  {
    rules: {
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'no-restricted-exports': ['error', { restrictDefaultExports: { direct: true } }],
    },
  },
  {
    files: ['protocol/**/*.ts', 'src/**/*.ts'],
    ignores: ['src/host/**'],
    rules: {
      'no-restricted-globals': ['error', ...hostOnly],
      'no-restricted-properties': [
        'error',
        { object: 'Math', property: 'random', message: 'Use host.random instead.' },
      ],
    },
  },
  {
    files: ['protocol/**/*.ts', 'src/**/*.ts', 'bin/**/*.ts'],
    rules: {
      'max-lines': ['error', { max: 500, skipBlankLines: true, skipComments: true }],
      'max-lines-per-function': ['error', { max: 80, skipBlankLines: true, skipComments: true }],
    },
  },
  {
    files: ['protocol/**/*.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            {
              regex: '^(node:|[a-z@])|/(src|bin|test)/',
              message: 'protocol/ is pure: it imports nothing but itself.',
            },
          ],
        },
      ],
    },
  },
  ...rankRules,
  { files: ['**/*.js', '**/*.cjs'], rules: { 'no-restricted-exports': 'off' } },
)
