import { spawn } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/**
 * `npm test`: the unit tests, then the client suites. Each says what it took; the last line sums up. The client suites of
 * toolchains that this machine lacks are skipped with the reason, or fail where OTTLA_REQUIRE_CLIENTS is set.
 */
interface Counts {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
}

const NOTHING: Counts = { passed: 0, failed: 0, skipped: 0 }

/** Runs a program whose output is shown, and is returned too. */
function run(args: readonly string[]): Promise<{ output: string; code: number }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    let output = ''
    child.stdout.on('data', (bytes: Buffer) => {
      output += bytes.toString()
      process.stdout.write(bytes)
    })
    child.once('error', reject)
    child.once('close', (code) => resolve({ output, code: code ?? 1 }))
  })
}

async function units(): Promise<Counts> {
  const report = join(tmpdir(), `ottla-units-${process.pid}.json`)
  const { code } = await run([
    'node_modules/jest/bin/jest.js',
    '--silent',
    '--json',
    `--outputFile=${report}`,
  ])
  try {
    const result = JSON.parse(readFileSync(report, 'utf8')) as {
      numPassedTests: number
      numFailedTests: number
      numPendingTests: number
      numRuntimeErrorTestSuites: number
    }
    return {
      passed: result.numPassedTests,
      failed: result.numFailedTests + result.numRuntimeErrorTestSuites,
      skipped: result.numPendingTests,
    }
  } catch {
    return { ...NOTHING, failed: code === 0 ? 0 : 1 }
  } finally {
    rmSync(report, { force: true })
  }
}

async function clients(): Promise<Counts> {
  const { output, code } = await run(['dist/test/clients/run.js'])
  const line = /clients: (\d+) passed, (\d+) failed, (\d+) skipped/.exec(output)
  if (line === null) return { ...NOTHING, failed: 1 }
  const failed = Number(line[2])
  return {
    passed: Number(line[1]),
    failed: failed === 0 && code !== 0 ? 1 : failed,
    skipped: Number(line[3]),
  }
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

const all = [await timed('units', units), await timed('client suites', clients)]
const sum = (key: keyof Counts): number => all.reduce((total, counts) => total + counts[key], 0)
console.log(`${sum('passed')} passed, ${sum('failed')} failed, ${sum('skipped')} skipped`)
process.exitCode = sum('failed') > 0 ? 1 : 0
