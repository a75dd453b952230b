import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { randomIntegers, seed, seedOf } from '../soak.ts'
import { type NodeUnderTest } from './broker.ts'
import { type Started } from './driver.ts'
import { type Step } from './scenario.ts'
import { type Suite, suites } from './suites.ts'
import { within } from './wait.ts'

// Runs the suites of real clients against a broker of its own each: node dist/test/clients/run.js [NAME ...]
// OTTLA_REQUIRE_CLIENTS=1 makes a missing client a failure; OTTLA_CLIENTS_PARALLEL says how many run at a time,
// OTTLA_CLIENTS_PARTS=records,positions,members,crash,transactions which parts of the common scenario (all),
// OTTLA_CLIENTS_SECURED=java,kcat which clients the suite secured tries (all), OTTLA_CLIENTS_ROUNDS how often (once).
// In soak transactions alone are tested, twenty times, but all once against three brokers that are killed. What is killed when
// follows from OTTLA_SEED, which a failure prints.

const isRequired = process.env['OTTLA_REQUIRE_CLIENTS'] === '1'
const parallel = Number(process.env['OTTLA_CLIENTS_PARALLEL'] ?? 2)
const rounds = process.env['OTTLA_CLIENTS_ROUNDS']

interface Outcome {
  readonly name: string
  readonly result: 'passed' | 'failed' | 'skipped'
  readonly seconds: number
  readonly why?: string
}

const now = (): number => performance.now()
const secondsSince = (start: number): number => (now() - start) / 1000
const print = (line: string): void => void process.stdout.write(`${line}\n`)

/** What must be ended and removed when the runner is told to stop. */
interface Running {
  readonly directory: string
  readonly drivers: Started[]
  broker: NodeUnderTest | null
}

const running = new Set<Running>()

const endAll = async (): Promise<void> => {
  for (const { directory, drivers, broker } of running) {
    await Promise.all([...drivers.map((driver) => driver.kill9()), broker?.kill9()])
    await rm(directory, { recursive: true, force: true })
  }
}

/** A suite that is to be run, and the seed of its random numbers. */
interface Due {
  readonly suite: Suite
  readonly seed: number
}

/** Everything that is needed to see what went wrong. */
const report = (
  { suite, seed }: Due,
  error: unknown,
  broker: NodeUnderTest | null,
  drivers: Started[],
) => {
  print(`${suite.name}: FAILED: ${error instanceof Error ? (error.stack ?? error.message) : error}`)
  print(`${suite.name}: with OTTLA_SEED=${seed} it kills at the same points again`)
  if (broker !== null) print(`${suite.name}: the broker's last lines:\n${broker.tail()}`)
  for (const driver of drivers)
    print(`${suite.name}: last lines of driver ${driver.name}:\n${driver.tail()}`)
}

/** The steps of a suite, silent as soon as the suite is over. */
const stepsOf = (suite: Suite, isOver: () => boolean): Step => {
  return async (name, run) => {
    const start = now()
    const say = (outcome: string): void => {
      if (!isOver())
        print(`  ${suite.name}: ${name}: ${outcome} (${secondsSince(start).toFixed(1)} s)`)
    }
    try {
      const result = await run()
      say('passed')
      return result
    } catch (error) {
      say(`FAILED: ${error instanceof Error ? error.message : error}`)
      throw error
    }
  }
}

/** Pseudo-random integers of a suite's own. */
const chanceOf = ({ name }: Suite, from: number): ((bound: number) => number) =>
  randomIntegers(seedOf(name, from))

const runSuite = async ({ suite, seed }: Due): Promise<Outcome> => {
  const start = now()
  const missing = await suite.missing()
  if (missing !== null) {
    print(`${suite.name}: ${isRequired ? 'FAILED' : 'skipped'}: ${missing}`)
    const result = isRequired ? 'failed' : 'skipped'
    return { name: suite.name, result, seconds: secondsSince(start), why: missing }
  }
  const directory = await mkdtemp(path.join(tmpdir(), `ottla-clients-${suite.name}-`))
  const drivers: Started[] = []
  let isOver = false
  const step = stepsOf(suite, () => isOver)
  const entry: Running = { directory, drivers, broker: null }
  running.add(entry)
  const keep = <Kept extends Started>(driver: Kept): Kept => {
    drivers.push(driver)
    return driver
  }
  try {
    const { broker, run } = await suite.prepare(path.join(directory, 'broker'))
    entry.broker = broker
    await step('start', () => broker.start())
    await within(
      run({ step, directory, keep, chance: chanceOf(suite, seed) }),
      suite.name,
      suite.limitMs,
    )
    return { name: suite.name, result: 'passed', seconds: secondsSince(start) }
  } catch (error) {
    report({ suite, seed }, error, entry.broker, drivers)
    const why = error instanceof Error ? error.message : String(error)
    return { name: suite.name, result: 'failed', seconds: secondsSince(start), why }
  } finally {
    isOver = true
    await Promise.all(drivers.map((driver) => driver.close()))
    await entry.broker?.stop()
    await rm(directory, { recursive: true, force: true })
    running.delete(entry)
  }
}

const chosen = (names: readonly string[]): readonly Suite[] => {
  const known = suites.map((suite) => suite.name)
  const unknown = names.filter((name) => !known.includes(name))
  if (unknown.length === 0)
    return suites.filter(({ name, rounds }) =>
      names.length === 0 ? rounds > 0 : names.includes(name),
    )
  print(`no such suite: ${unknown.join(', ')}. There are: ${known.join(', ')}`)
  process.exit(2)
}

const main = async (): Promise<void> => {
  const asked = chosen(process.argv.slice(2))
  const roundsOf = (suite: Suite): number => Number(rounds ?? Math.max(1, suite.rounds))
  const most = Math.max(...asked.map(roundsOf))
  const queue = Array.from({ length: most }, (_, round) =>
    asked
      .filter((suite) => round < roundsOf(suite))
      .map((suite): Due => ({ suite, seed: seed + round })),
  ).flat()
  const outcomes: Outcome[] = []
  const work = async (): Promise<void> => {
    for (let due = queue.shift(); due !== undefined; due = queue.shift()) {
      const outcome = await runSuite(due)
      print(`${outcome.name}: ${outcome.result} (${outcome.seconds.toFixed(1)} s)`)
      outcomes.push(outcome)
    }
  }
  await Promise.all(Array.from({ length: parallel }, work))
  const count = (result: string): number =>
    outcomes.filter((outcome) => outcome.result === result).length
  for (const { name, result, seconds, why } of outcomes)
    print(
      `${result.padEnd(8)}${seconds.toFixed(1).padStart(6)} s  ${name}${why === undefined ? '' : `: ${why}`}`,
    )
  print(
    `clients: ${count('passed')} passed, ${count('failed')} failed, ${count('skipped')} skipped`,
  )
  // Parts of a failed suite may still be waiting.
  process.exit(count('failed') > 0 ? 1 : 0)
}

for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => void endAll().finally(() => process.exit(130)))

await main()
