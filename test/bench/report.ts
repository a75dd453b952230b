import type { Measurement } from './client.ts'
import type { Figure, Target } from './workloads.ts'

/** One line of the table; null where nothing was measured. */
export interface Line {
  readonly work: string
  readonly measure: string
  readonly ottla: number | null
  readonly kafka: number | null
  /** The client's own figure against the null sink: its limit, or for CPU what it spends itself. */
  readonly client: number | null
  readonly target: Target | null
  /** Why there is no figure. */
  readonly failures: readonly string[]
}

/** The middle value; the mean of the two middle values of an even number; null of none. */
export const median = (values: readonly number[]): number | null => {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  if (sorted.length === 0) return null
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/** A figure of one measurement. `cpu` says whose processor time is meant. */
export const figureOf = (
  figure: Figure,
  measured: Measurement,
  cpu: 'broker' | 'client' = 'broker',
): number => {
  const cpuSeconds = cpu === 'broker' ? measured.brokerCpuSeconds : measured.clientCpuSeconds
  const latencyMs = (name: 'p50Us' | 'p99Us' | 'p999Us'): number =>
    measured.latency === null ? Number.NaN : measured.latency[name] / 1e3
  switch (figure) {
    case 'MB/s':
      return measured.bytes / 1e6 / measured.seconds
    case 'requests/s':
    case 'transactions/s':
      return measured.requests / measured.seconds
    case 'records/s':
      return measured.records / measured.seconds
    case 'CPU s/GB':
      return cpuSeconds / (measured.bytes / 1e9)
    case 'CPU µs/request':
    case 'CPU µs/transaction':
      return (cpuSeconds * 1e6) / measured.requests
    case 'CPU µs/record':
      return (cpuSeconds * 1e6) / measured.records
    case 'retries/transaction':
      return measured.retries / measured.requests
    case 'p50 ms':
    case 'commit p50 ms':
    case 'commit to arrival, p50 ms':
      return latencyMs('p50Us')
    case 'p99 ms':
    case 'commit p99 ms':
    case 'commit to arrival, p99 ms':
      return latencyMs('p99Us')
    case 'p99.9 ms':
      return latencyMs('p999Us')
  }
}

/** Ottla to Apache Kafka, or null where one of the two is missing. */
export const ratioOf = (line: Line): number | null =>
  line.ottla === null || line.kafka === null || line.kafka === 0 ? null : line.ottla / line.kafka

/** Whether the target is reached; null without a target or without what it is about. */
export const reaches = (line: Line): boolean | null => {
  const { target, ottla, client } = line
  if (target === null) return null
  if ('ottlaAtMost' in target) return ottla === null ? null : ottla <= target.ottlaAtMost
  const ratio = ratioOf(line)
  if (ratio === null) return null
  if ('atMost' in target) return ratio <= target.atMost
  const { atLeast, orOfClient } = target
  const isLimit = orOfClient !== undefined && client !== null && ottla! >= orOfClient * client
  return ratio >= atLeast || isLimit
}

const number = (value: number | null): string => {
  if (value === null || Number.isNaN(value)) return '-'
  if (value >= 1000) return Math.round(value).toLocaleString('en-US')
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2)
}

const targetOf = (target: Target): string => {
  if ('ottlaAtMost' in target) return `Ottla ≤ ${target.ottlaAtMost}`
  return 'atLeast' in target ? `≥ ${target.atLeast}` : `≤ ${target.atMost}`
}

const targetText = (line: Line): string => {
  if (line.target === null) return ''
  const wanted = targetOf(line.target)
  const reached = reaches(line)
  return reached === null ? wanted : `${wanted} ${reached ? 'yes' : 'NO'}`
}

/** A figure, and how it compares with that of the smallest size. */
export interface GrowthOf {
  readonly value: number | null
  readonly growth: number | null
}

/** A line of the table that shows how cost grows. */
export interface GrowthLine {
  readonly work: string
  readonly measure: string
  readonly ottla: GrowthOf
  readonly kafka: GrowthOf
  /** Why there is no figure. */
  readonly failures: readonly string[]
}

/** A byte may cost so much more in a large cluster or log than in a small one. */
const mostGrowth = 1.3

interface Column {
  readonly head: string
  readonly isText: boolean
}

const text = (head: string): Column => ({ head, isText: true })
const figure = (head: string): Column => ({ head, isText: false })

/** Markdown, its columns aligned so that a terminal shows it well too; below it what failed. */
const markdown = (
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  failures: readonly string[],
): string => {
  const widths = columns.map(({ head }, column) =>
    Math.max(head.length, ...rows.map((row) => row[column]!.length)),
  )
  const print = (cells: readonly string[]): string =>
    `| ${cells
      .map((cell, column) =>
        columns[column]!.isText ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!),
      )
      .join(' | ')} |`
  const rule = widths.map((width, column) =>
    columns[column]!.isText ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`,
  )
  const notes = [...new Set(failures)].map((failure) => `- not measured: ${failure}`)
  return [
    print(columns.map(({ head }) => head)),
    print(rule),
    ...rows.map(print),
    ...(notes.length ? ['', ...notes] : []),
  ].join('\n')
}

const unlessRepeated = (lines: readonly { readonly work: string }[], index: number): string =>
  lines[index - 1]?.work === lines[index]!.work ? '' : lines[index]!.work

const times = (ratio: number | null): string => (ratio === null ? '-' : `${ratio.toFixed(2)}×`)

/** The table of what was compared with Apache Kafka. */
export const tableOf = (lines: readonly Line[]): string =>
  markdown(
    [
      text('work'),
      text('measure'),
      figure('Ottla'),
      figure('Kafka'),
      figure('Ottla:Kafka'),
      text('target'),
      figure('client alone'),
    ],
    lines.map((line, index) => [
      unlessRepeated(lines, index),
      line.measure,
      number(line.ottla),
      number(line.kafka),
      times(ratioOf(line)),
      targetText(line),
      line.client === null ? '' : number(line.client),
    ]),
    lines.flatMap(({ failures }) => failures),
  )

const growthText = (growth: number | null): string =>
  growth === null ? '' : `≤ ${mostGrowth} ${growth <= mostGrowth ? 'yes' : 'NO'}`

/** The table of how the cost of a byte grows. */
export const growthTableOf = (lines: readonly GrowthLine[]): string =>
  markdown(
    [
      text('work'),
      text('measure'),
      figure('Ottla'),
      figure('growth'),
      text('target'),
      figure('Kafka'),
      figure('growth'),
    ],
    lines.map(({ measure, ottla, kafka }, index) => [
      unlessRepeated(lines, index),
      measure,
      number(ottla.value),
      times(ottla.growth),
      growthText(ottla.growth),
      number(kafka.value),
      times(kafka.growth),
    ]),
    lines.flatMap(({ failures }) => failures),
  )
