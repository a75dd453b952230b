import tseslint from 'typescript-eslint'

/**
 * The folders of the house in rank order: a file imports from its own folder, from a lower rank, or from protocol/.
 * src/broker.ts and src/index.ts are rank 11.
 */
const ranks = [
  ['host'],
  ['config'],
  ['log'],
  ['machine', 'peer'],
  ['quorum'],
  ['metadata'],
  ['security'],
  ['replication'],
  ['coordinators'],
  ['handlers'],
  ['server'],
]

const folders = ranks.flatMap((names, rank) =>
  names.map((folder) => ({ folder, rank, beside: names.filter((name) => name !== folder) })),
)
const rankRules = folders.map(({ folder, rank, beside }) => ({
  files: [`src/${folder}/**/*.ts`],
  rules: {
    'no-restricted-imports': [
      'error',
      {
        patterns: [
          {
            regex: `^(\\.\\./)+(src/)?(${ranks
              .slice(rank + 1)
              .flat()
              .concat(beside, 'bin', 'test', 'broker', 'index')
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
        ],
      },
    ],
  },
}))

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
