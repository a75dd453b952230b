import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { randomIntegers } from '../soak.ts'
import { rooms } from './all.ts'
import type { Mutant } from './mutant.ts'
import { placeOf } from './mutant.ts'
import type { Outcome } from './trial.ts'
import { tryMutant } from './trial.ts'

/**
 * `npm run mutants`: puts each deliberate bug into the code and runs the tests that it names, of which one must fail.
 * `--room log`, `--only <text of file or sentence>`, `--sample 40 [--seed N]`, `--jobs 2`, `--after <jest's report of all
 * tests>`: they have just passed without a bug, and needn't be run for that once more; of a sample those are left out whose
 * tests took long.
 */
const ROOT = process.cwd()
/** Without a bug. A bug that takes ten times as long as the tests without it is taken for one that hangs. */
const BASELINE_LIMIT_MS = 300_000
const MIN_LIMIT_MS = 15_000
/** A sample is to be cheap. Which of its bugs are tried depends on the machine, which are drawn doesn't. */
const CHEAP_MS = 2_000

const { values: options } = parseArgs({
  options: {
    room: { type: 'string' },
    only: { type: 'string' },
    sample: { type: 'string' },
    seed: { type: 'string' },
    after: { type: 'string' },
    jobs: { type: 'string', default: String(Math.min(4, availableParallelism())) },
  },
})

/** CI draws the same ones each time: one that nobody notices must not stop somebody else's work. Soak tries all. */
const SAMPLE_SEED = 51_457_905

function selected(): Mutant[] {
  const { room, only, sample, seed } = options
  if (room !== undefined && rooms[room] === undefined) {
    throw new Error(`No room ${room}: there are ${Object.keys(rooms).join(', ')}`)
  }
  const all = (room === undefined ? Object.values(rooms).flat() : rooms[room]!).filter(
    ({ file, about }) => only === undefined || file.includes(only) || about.includes(only),
  )
  if (sample === undefined) return all
  const effective = all.filter(({ equivalent }) => equivalent === undefined)
  const from = seed === undefined ? SAMPLE_SEED : Number(seed)
  console.log(`A sample of ${sample}, drawn by --seed ${from}`)
  const below = randomIntegers(from)
  const drawn: Mutant[] = []
  while (drawn.length < Number(sample) && effective.length > 0) {
    drawn.push(...effective.splice(below(effective.length), 1))
  }
  const cheap = drawn.filter(isCheap)
  if (cheap.length < drawn.length) {
    console.log(`Of these ${drawn.length - cheap.length} are left out: their tests take long here`)
  }
  return cheap
}

interface Report {
  readonly testResults: readonly {
    readonly name: string
    readonly status: string
    readonly startTime: number
    readonly endTime: number
  }[]
}

const after =
  options.after === undefined
    ? null
    : (JSON.parse(readFileSync(options.after, 'utf8')) as Report).testResults

/** What the tests of the patterns came to in the run before; null without one, or where some of them failed. */
function outcomeBefore(patterns: readonly string[]): Outcome | null {
  const files = after?.filter(({ name }) => patterns.some((pattern) => name.match(pattern))) ?? []
  if (files.length === 0 || files.some(({ status }) => status !== 'passed')) return null
  const ms = files.reduce((sum, { startTime, endTime }) => sum + endTime - startTime, 0)
  return { verdict: 'survived', how: 'all tests passed', ms }
}

function isCheap({ killedBy }: Mutant): boolean {
  const before = outcomeBefore(killedBy)
  return after === null || (before !== null && before.ms <= CHEAP_MS)
}

/** Runs the tasks, some at a time, in their order. */
async function inParallel<T>(tasks: readonly T[], run: (task: T) => Promise<void>): Promise<void> {
  const queue = [...tasks]
  const worker = async (): Promise<void> => {
    for (let task = queue.shift(); task !== undefined; task = queue.shift()) await run(task)
  }
  await Promise.all(Array.from({ length: Math.max(1, Number(options.jobs)) }, worker))
}

const keyOf = (patterns: readonly string[]): string => [...patterns].sort().join(' ')

/** The tests without a bug, once for each choice of them: what fails anyway notices nothing. */
async function baselines(mutants: readonly Mutant[]): Promise<Map<string, Outcome>> {
  const outcomes = new Map<string, Outcome>()
  const choices = new Map(mutants.map(({ killedBy }) => [keyOf(killedBy), killedBy]))
  await inParallel([...choices], async ([key, patterns]) => {
    const before = outcomeBefore(patterns)
    if (before !== null) outcomes.set(key, before)
    else
      outcomes.set(key, await tryMutant(null, patterns, { root: ROOT, limitMs: BASELINE_LIMIT_MS }))
  })
  return outcomes
}

async function tryOne(mutant: Mutant, baseline: Outcome): Promise<Outcome> {
  if (baseline.verdict !== 'survived') {
    const how = `without the bug its tests don't pass either: ${baseline.how}`
    return { verdict: 'broken', how, ms: 0 }
  }
  const limitMs = Math.max(MIN_LIMIT_MS, 10 * baseline.ms)
  try {
    return await tryMutant(mutant, mutant.killedBy, { root: ROOT, limitMs })
  } catch (error) {
    return { verdict: 'broken', how: (error as Error).message, ms: 0 }
  }
}

function describePlace(mutant: Mutant): string {
  try {
    const { file, line } = placeOf(mutant, ROOT)
    return `${file}:${line}`
  } catch {
    return mutant.file
  }
}

const startMs = performance.now()
const mutants = selected()
const toTry = mutants.filter(({ equivalent }) => equivalent === undefined)
const counts = { killed: 0, survived: 0, broken: 0 }
const without = await baselines(toTry)
await inParallel(toTry, async (mutant) => {
  const { verdict, how, ms } = await tryOne(mutant, without.get(keyOf(mutant.killedBy))!)
  counts[verdict]++
  const by = verdict === 'killed' ? `by ${how}` : how
  const seconds = (ms / 1000).toFixed(1)
  console.log(`${verdict.padEnd(8)} ${describePlace(mutant)} (${seconds} s): ${mutant.about}`)
  if (verdict === 'killed') return void console.log(`         ${by}`)
  console.log(`         ${mutant.killedBy.join(' ')}: ${by}`)
  console.log(`         again: npm run mutants -- --only ${JSON.stringify(mutant.about)}`)
})
const seconds = Math.round((performance.now() - startMs) / 1000)
console.log(
  `mutants: ${counts.killed} killed, ${counts.survived} survived, ${counts.broken} broken, ` +
    `${mutants.length - toTry.length} without effect, ${seconds} s`,
)
const isNothing = mutants.length === 0 && options.sample === undefined
process.exitCode = counts.survived + counts.broken > 0 || isNothing ? 1 : 0
