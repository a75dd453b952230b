import type { Command } from 'commander'
import { withSecurityOptions, type SecurityOptions } from './client-security.ts'
import { UsageError } from './errors.ts'
import type { Terminal } from './terminal.ts'

const DEFAULT_BOOTSTRAP = 'localhost:9092'
const BOOTSTRAP_VARIABLE = 'OTTLA_BOOTSTRAP_SERVER'

/** What every command that speaks to a broker has. */
export interface ClientCommandOptions extends SecurityOptions {
  readonly bootstrapServer: string
  readonly timeout: number
  readonly json?: boolean
  readonly terminal: Terminal
}

/** Adds what every command that speaks to a broker has. */
export function withClientOptions(command: Command): Command {
  const client = command
    .option(
      '-b, --bootstrap-server <host:port>',
      `a broker of the cluster, or several with commas (default: ${BOOTSTRAP_VARIABLE} of the environment, else ${DEFAULT_BOOTSTRAP})`,
    )
    .option(
      '--timeout <ms>',
      'how long to wait for an answer, and to try again',
      parseTimeout,
      30_000,
    )
    .option('--json', 'print JSON')
  return withSecurityOptions(client)
}

/** Gives a command's options what they have from the place where it is called. */
export function bindTerminal(command: Command, terminal: Terminal): void {
  command.setOptionValue('terminal', terminal)
  if (command.getOptionValue('bootstrapServer') === undefined) {
    const fallback = terminal.environment[BOOTSTRAP_VARIABLE] || DEFAULT_BOOTSTRAP
    command.setOptionValue('bootstrapServer', fallback)
  }
}

/** Adds examples below a command's help. */
export function withExamples(command: Command, ...examples: readonly string[]): Command {
  return command.addHelpText(
    'after',
    `\nExamples:\n${examples.map((example) => `  $ ottla ${example}`).join('\n')}`,
  )
}

/** An integer option; what it may be is said in the message when it is not. */
export function integer(
  name: string,
  least = 0,
  most = Number.MAX_SAFE_INTEGER,
): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (!/^-?\d+$/.test(text) || value < least || value > most) {
      const range = most === Number.MAX_SAFE_INTEGER ? `at least ${least}` : `${least} to ${most}`
      throw new UsageError(`${name} takes a whole number, ${range}: not ${JSON.stringify(text)}`)
    }
    return value
  }
}

/** Milliseconds. */
export function parseTimeout(text: string): number {
  return integer('--timeout', 1, 2 ** 31 - 1)(text)
}

/** One of a few words. */
export function choice<const T extends string>(
  name: string,
  choices: readonly T[],
): (text: string) => T {
  return (text) => {
    const found = choices.find((one) => one === text)
    if (found !== undefined) return found
    throw new UsageError(`${name} is one of ${choices.join(', ')}: not ${JSON.stringify(text)}`)
  }
}

/** Collects an option that may be given more than once. */
export function collect<T>(parse: (text: string) => T): (text: string, sofar?: T[]) => T[] {
  return (text, sofar = []) => [...sofar, parse(text)]
}

/** `name=value`; the value may contain further equals signs. What is none may be a secret, and is not told. */
export function keyValue(option: string): (text: string) => { name: string; value: string } {
  return (text) => {
    const at = text.indexOf('=')
    if (at < 1) {
      const where = at < 0 ? 'there is no equals sign' : 'there is no name'
      throw new UsageError(`${option} takes NAME=VALUE: ${where} in what was given`)
    }
    return { name: text.slice(0, at), value: text.slice(at + 1) }
  }
}

/** Partition numbers with commas. */
export function partitionList(text: string): number[] {
  return text.split(',').map((part) => integer('--partition', 0, 2 ** 31 - 1)(part.trim()))
}

/**
 * A time: milliseconds since 1970 (of at least 10 digits), or ISO 8601 (without a zone: this machine's), or a time back
 * from now as in `-1h30m` (d, h, m, s).
 */
export function parseTime(option: string): (text: string) => number {
  return (text) => {
    if (/^\d{10,}$/.test(text)) return Number(text)
    const back = /^-(.+)$/.exec(text)
    if (back !== null) return Date.now() - parseDuration(option)(back[1]!)
    const time = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : NaN
    if (!Number.isNaN(time)) return time
    throw new UsageError(
      `${option} takes a time such as 2026-01-31T12:00:00Z, 1769860800000 or -1h30m: not ${JSON.stringify(text)}`,
    )
  }
}

const UNIT_MS = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1000 } as const

/** A duration in milliseconds: `1h30m`, `2d`, or ISO 8601's `PT1H30M` as Kafka's own tool takes it. */
export function parseDuration(option: string): (text: string) => number {
  return (text) => {
    const plain = /^(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s)?$/i
    const iso = /^P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?$/i
    const match = plain.exec(text) ?? iso.exec(text)
    const [, days, hours, minutes, seconds] = match ?? []
    if (match === null || [days, hours, minutes, seconds].every((part) => part === undefined)) {
      throw new UsageError(
        `${option} takes a duration such as 1h30m or P1DT2H: not ${JSON.stringify(text)}`,
      )
    }
    const amount = (count: string | undefined, unitMs: number): number =>
      Number(count ?? 0) * unitMs
    return (
      amount(days, UNIT_MS.d) +
      amount(hours, UNIT_MS.h) +
      amount(minutes, UNIT_MS.m) +
      amount(seconds, UNIT_MS.s)
    )
  }
}
