import type { Mutant } from './mutant.ts'
import { compileMutant } from './mutant.ts'
import type { Outcome } from './trial.ts'
import { tryMutant } from './trial.ts'

const ROOT = process.cwd()

const bug = (text: string, replacement: string): Mutant => ({
  file: 'test/mutants/sample.ts',
  text,
  replacement,
  about: 'Twice as much is not twice as much.',
  killedBy: ['mutants/sample'],
})

const tried = (mutant: Mutant | null, sample: string, limitMs = 300_000): Promise<Outcome> =>
  tryMutant(mutant, ['mutants/sample'], {
    root: ROOT,
    limitMs,
    environment: { OTTLA_SAMPLE: sample },
  })

/** All at once: each is a process of its own that mostly starts. */
const begin = () => ({
  here: tried(bug('return value * 2', 'return value * 3'), 'here'),
  thread: tried(bug('return value * 2', 'return value * 3'), 'thread'),
  process: tried(bug('return value * 2', 'return value * 3'), 'process'),
  nothing: tried(bug('return value * 2', 'return 2 * value'), 'here'),
  unloadable: tried(bug('export function double', 'export function triple'), 'here'),
  endless: tried(bug('return value * 2', 'for (;;) value++'), 'here', 3_000),
})

let outcomes: ReturnType<typeof begin>
beforeAll(async () => {
  outcomes = begin()
  await Promise.all(Object.values(outcomes))
})

test.each([
  ['here', 'the test itself doubles'],
  ['thread', 'a thread doubles'],
  ['process', 'a process that a test starts doubles'],
] as const)('a bug is in the code that runs: %s', async (where, test) => {
  expect(await outcomes[where]).toMatchObject({ verdict: 'killed', how: test })
})

test('what changes nothing survives', async () => {
  expect(await outcomes.nothing).toMatchObject({ verdict: 'survived' })
})

test('what can’t be loaded is not taken for a bug that was noticed', async () => {
  expect(await outcomes.unloadable).toMatchObject({ verdict: 'broken' })
})

test('what never ends is noticed by the limit', async () => {
  expect(await outcomes.endless).toMatchObject({ verdict: 'killed', how: 'the time limit' })
})

test.each([
  ['the text is not there', bug('return value * 4', '')],
  ['more than once', bug('double', 'triple')],
  ['does not compile', bug('return value * 2', 'return value *')],
  ['changes nothing', bug('return value * 2', 'return value * 2')],
])('an entry that doesn’t fit its file is refused: %s', (why, mutant) => {
  expect(() => compileMutant(mutant, ROOT)).toThrow(why)
})
