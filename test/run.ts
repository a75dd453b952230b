import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runGuarded } from './support/guarded.ts'
import { PROGRESS_VARIABLE, unended } from './support/progress.ts'

/**
 * `npm test`: the unit tests, a sample of the deliberate bugs, then the client suites. Each says what it took; the last line sums up. The client suites of
 * toolchains that this machine lacks are skipped with the reason, or fail where OTTLA_REQUIRE_CLIENTS is set. Arguments
 * name the client suites to run, all unless given: `node dist/test/run.js kafkajs`. OTTLA_SKIP_UNITS is a pattern of test
 * files that are left out, and OTTLA_BUGS how many of the deliberate bugs are drawn: 40, or none.
 */
interface Counts {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
}

const NOTHING: Counts = { passed: 0, failed: 0, skipped: 0 }

/** For each suite, so that nothing can hang for good: several times what a slow machine takes. */
const LIMIT_MS = 70 * 60_000

interface Ran {
  readonly output: string
  readonly code: number
}

/** Runs a program whose output is shown, and is returned too; at the limit it is ended, which `code` tells. */
async function run(args: readonly string[], env: Record<string, string> = {}): Promise<Ran> {
  let output = ''
  const { isTimeOut, code } = await runGuarded(args, {
    limitMs: LIMIT_MS,
    env: { ...process.env, ...env },
    onOutput: (bytes) => {
      output += bytes.toString()
      process.stdout.write(bytes)
    },
    onError: (bytes) => void process.stderr.write(bytes),
  })
  if (isTimeOut) console.log(`ended after ${LIMIT_MS / 60_000} minutes: ${args.join(' ')}`)
  return { output, code: code ?? 1 }
}

interface TestFile {
  readonly name: string
  readonly startTime: number
  readonly endTime: number
  /** Why nothing in it could be run. */
  readonly message: string
  readonly assertionResults: readonly {
    readonly fullName: string
    readonly status: string
    readonly failureMessages: readonly string[]
  }[]
}

const shortName = (file: string): string =>
  file.replace(/^.*\/dist\/test\//, '').replace(/\.test\.js$/, '')

/** Said once more at the end: of a long output often only the end is kept. */
const failures: string[] = []

const LINES_OF_A_FAILURE = 12

function noteFailure(what: string, why: string): void {
  const lines = why.trim().split('\n').slice(0, LINES_OF_A_FAILURE)
  failures.push([what, ...lines].map((line) => `FAILED ${line}`).join('\n'))
}

function noteFailures({ name, message, assertionResults }: TestFile): void {
  const failed = assertionResults.filter(({ status }) => status === 'failed')
  for (const { fullName, failureMessages } of failed) {
    noteFailure(`${shortName(name)}: ${fullName}`, failureMessages.join('\n'))
  }
  if (assertionResults.length === 0) noteFailure(shortName(name), message)
}

const SLOWEST = 10

/** Which test files to look at when the tests take too long. */
function tellSlowest(files: readonly TestFile[]): void {
  const seconds = files.map(({ name, startTime, endTime }) => ({
    name: shortName(name),
    took: (endTime - startTime) / 1000,
  }))
  seconds.sort((a, b) => b.took - a.took)
  const lines = seconds.slice(0, SLOWEST).map(({ name, took }) => `  ${took.toFixed(1)} s ${name}`)
  console.log(['the slowest test files:', ...lines].join('\n'))
}

function tellUnended(progress: string): void {
  try {
    const files = unended(readFileSync(progress, 'utf8'))
    if (files.length > 0) console.log(['test files that have not ended:', ...files].join('\n  '))
  } catch {
    console.log('no test file has begun')
  }
}

async function units(): Promise<Counts> {
  const { code } = await run(
    [
      'node_modules/jest/bin/jest.js',
      '--silent',
      '--json',
      `--outputFile=${report}`,
      '--reporters=default',
      '--reporters=./dist/test/support/progress.js',
    ],
    { [PROGRESS_VARIABLE]: progress },
  )
  try {
    const result = JSON.parse(readFileSync(report, 'utf8')) as {
      numPassedTests: number
      numFailedTests: number
      numPendingTests: number
      numRuntimeErrorTestSuites: number
      testResults: readonly TestFile[]
    }
    tellSlowest(result.testResults)
    result.testResults.forEach(noteFailures)
    const failed = result.numFailedTests + result.numRuntimeErrorTestSuites
    return {
      passed: result.numPassedTests,
      failed: failed === 0 && code !== 0 ? 1 : failed,
      skipped: result.numPendingTests,
    }
  } catch {
    // Whatever its exit code: a runner that ended before its tests had passed nothing.
    tellUnended(progress)
    return { ...NOTHING, failed: 1 }
  }
}

async function clients(): Promise<Counts> {
  const { output, code } = await run(['dist/test/clients/run.js', ...process.argv.slice(2)])
  for (const [line] of output.matchAll(/^failed .*$/gm)) noteFailure('a client suite', line)
  const line = /clients: (\d+) passed, (\d+) failed, (\d+) skipped/.exec(output)
  if (line === null) return { ...NOTHING, failed: 1 }
  const failed = Number(line[2])
  return {
    passed: Number(line[1]),
    failed: failed === 0 && code !== 0 ? 1 : failed,
    skipped: Number(line[3]),
  }
}

/** Some of the deliberate bugs, the same each time: tests must notice them. */
async function mutants(): Promise<Counts> {
  const sample = process.env['OTTLA_BUGS'] ?? '40'
  if (sample === '0') return NOTHING
  const after = existsSync(report) ? ['--after', report] : []
  const { output } = await run(['dist/test/mutants/run.js', '--sample', sample, ...after])
  for (const [line] of output.matchAll(/^(?:survived|broken) .*$/gm)) {
    noteFailure('a deliberate bug', line)
  }
  const line = /^mutants: (\d+) killed, (\d+) survived, (\d+) broken/m.exec(output)
  if (line === null) return { ...NOTHING, failed: 1 }
  return { passed: Number(line[1]), failed: Number(line[2]) + Number(line[3]), skipped: 0 }
}

async function timed(name: string, suite: () => Promise<Counts>): Promise<Counts> {
  const startMs = performance.now()
  const counts = await suite()
  const seconds = ((performance.now() - startMs) / 1000).toFixed(1)
  console.log(
    `${name}: ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped, ${seconds} s`,
  )
  return counts
}

const folder = mkdtempSync(join(tmpdir(), 'ottla-tests-'))
const report = join(folder, 'units.json')
const progress = join(folder, 'progress')
const all = [
  await timed('units', units),
  await timed('deliberate bugs', mutants),
  await timed('client suites', clients),
]
rmSync(folder, { recursive: true, force: true })
if (failures.length > 0) console.log(failures.join('\n'))
const sum = (key: keyof Counts): number => all.reduce((total, counts) => total + counts[key], 0)
console.log(`${sum('passed')} passed, ${sum('failed')} failed, ${sum('skipped')} skipped`)
process.exitCode = sum('failed') > 0 ? 1 : 0
