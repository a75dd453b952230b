import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { GuardedEnd } from '../support/guarded.ts'
import { runGuarded } from '../support/guarded.ts'
import type { Patch } from './hooks.ts'
import { MUTANT_VARIABLE } from './hooks.ts'
import type { Mutant } from './mutant.ts'
import { compileMutant, outputOf } from './mutant.ts'

export type Verdict =
  /** A test noticed. */
  | 'killed'
  /** All tests passed. */
  | 'survived'
  /** No test was run to its end, so nothing is known. */
  | 'broken'

export interface Outcome {
  readonly verdict: Verdict
  /** The name of the first test that failed, or what else happened. */
  readonly how: string
  readonly ms: number
}

interface TrialOptions {
  /** The root of the repository, built. */
  readonly root: string
  readonly limitMs: number
  readonly environment?: Readonly<Record<string, string>>
  /** How the names of the tests begin that are run; all unless given. */
  readonly only?: string
}

interface Report {
  readonly numPassedTests: number
  readonly numFailedTests: number
  readonly testResults: readonly {
    readonly name: string
    readonly message: string
    readonly assertionResults: readonly {
      readonly status: string
      readonly ancestorTitles: readonly string[]
      readonly title: string
    }[]
  }[]
}

/**
 * Runs the tests whose paths match, with one bug in the code or with none, in a process group of its own.
 * @param mutant null: none, the way it must pass
 * @throws BrokenMutantError when the bug doesn't fit its file
 */
export async function tryMutant(
  mutant: Mutant | null,
  patterns: readonly string[],
  { root, limitMs, environment = {}, only = '' }: TrialOptions,
): Promise<Outcome> {
  const compiled = mutant === null ? null : compileMutant(mutant, root)
  const folder = mkdtempSync(join(tmpdir(), 'ottla-mutant-'))
  try {
    let patch = ''
    if (mutant !== null && compiled !== null) {
      const path = join(folder, 'mutant.js')
      writeFileSync(path, compiled)
      const url = pathToFileURL(join(root, outputOf(mutant))).href
      patch = JSON.stringify({ url, path } satisfies Patch)
    }
    const startMs = performance.now()
    const end = await jest(patterns, { root, limitMs, environment, only, folder, patch })
    return { ...judge(join(folder, 'report.json'), end), ms: performance.now() - startMs }
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 })
  }
}

interface Run extends Required<TrialOptions> {
  /** Its own, for all that it leaves behind. */
  readonly folder: string
  readonly patch: string
}

interface End extends GuardedEnd {
  readonly output: string
}

async function jest(patterns: readonly string[], run: Run): Promise<End> {
  const { root, limitMs, folder, patch } = run
  const register = pathToFileURL(join(root, 'dist/test/mutants/register.js')).href
  // What the tests leave behind when they are killed goes with the folder.
  const temporary = join(folder, 'tmp')
  mkdirSync(temporary)
  const env: NodeJS.ProcessEnv = { OTTLA_SEED: '1', ...process.env }
  // Which tests run must not depend on what else this machine has; what the trial is told to run is another matter.
  delete env['OTTLA_KAFKA_JARS']
  delete env['OTTLA_SOAK']
  Object.assign(env, run.environment, {
    NODE_OPTIONS: `${process.env['NODE_OPTIONS'] ?? ''} --import=${register}`.trim(),
    [MUTANT_VARIABLE]: patch,
    TMPDIR: temporary,
  })
  let output = ''
  const args = [
    'node_modules/jest/bin/jest.js',
    '--runInBand',
    '--silent',
    '--json',
    `--outputFile=${join(folder, 'report.json')}`,
    '--testPathPatterns',
    ...patterns,
    `--testNamePattern=^${run.only}`,
  ]
  const end = await runGuarded(args, {
    limitMs,
    cwd: root,
    env,
    onError: (bytes) => (output = (output + bytes.toString()).slice(-4000)),
  })
  return { ...end, output }
}

function judge(path: string, end: End): Omit<Outcome, 'ms'> {
  if (end.isTimeOut) return { verdict: 'killed', how: 'the time limit' }
  let report: Report
  try {
    report = JSON.parse(readFileSync(path, 'utf8')) as Report
  } catch {
    // A test waits for what never comes, so that the process has nothing left to do; or the bug ended the process.
    const last = end.output.trim().split('\n').slice(-12).join('\n')
    if (/SyntaxError|ERR_MODULE_NOT_FOUND/.test(end.output)) {
      return { verdict: 'broken', how: `jest ended with code ${end.code}:\n${last}` }
    }
    return { verdict: 'killed', how: `the end of the process (code ${end.code})` }
  }
  for (const file of report.testResults) {
    const failed = file.assertionResults.find(({ status }) => status === 'failed')
    if (failed === undefined) continue
    return { verdict: 'killed', how: [...failed.ancestorTitles, failed.title].join(': ') }
  }
  const unloaded = report.testResults.find(({ assertionResults }) => assertionResults.length === 0)
  if (unloaded !== undefined) {
    const message = unloaded.message.trim().split('\n').slice(0, 12).join('\n')
    return { verdict: 'broken', how: `${unloaded.name} has not run:\n${message}` }
  }
  if (report.numPassedTests === 0) return { verdict: 'broken', how: 'no test has run' }
  return { verdict: 'survived', how: `${report.numPassedTests} tests passed` }
}
