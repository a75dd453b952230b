import type { Measurement } from './client.ts'
import { type Line, figureOf, median, ratioOf, growthTableOf, reaches, tableOf } from './report.ts'

const measurement: Measurement = {
  seconds: 2,
  requests: 1_000,
  records: 10_000,
  bytes: 4e9,
  retries: 250,
  brokerCpuSeconds: 3,
  clientCpuSeconds: 1,
  latency: { meanUs: 10, p50Us: 20, p99Us: 3_000, p999Us: 4_000, maxUs: 5_000 },
}

const line: Line = {
  work: 'produce',
  measure: 'MB/s',
  ottla: 300,
  kafka: 200,
  client: 2_000,
  target: { atLeast: 1.3 },
  failures: [],
}

describe('benchmark report', () => {
  test('a median does not depend on the order, and none of nothing', () => {
    expect(median([3, 1, 2])).toBe(2)
    expect(median([4, 1])).toBe(2.5)
    expect(median([])).toBeNull()
  })

  test('processor time is per 10⁹ bytes, per request and per record', () => {
    expect(figureOf('MB/s', measurement)).toBe(2_000)
    expect(figureOf('CPU s/GB', measurement)).toBe(0.75)
    expect(figureOf('CPU s/GB', measurement, 'client')).toBe(0.25)
    expect(figureOf('CPU µs/request', measurement)).toBe(3_000)
    expect(figureOf('CPU µs/record', measurement)).toBe(300)
    expect(figureOf('p99 ms', measurement)).toBe(3)
  })

  test('a transaction counts as a request, and its latency is that of the commit', () => {
    expect(figureOf('transactions/s', measurement)).toBe(500)
    expect(figureOf('CPU µs/transaction', measurement)).toBe(3_000)
    expect(figureOf('commit p99 ms', measurement)).toBe(3)
    expect(figureOf('retries/transaction', measurement)).toBe(0.25)
    expect(figureOf('records/s', measurement)).toBe(5_000)
  })

  test('a ratio needs both brokers, and a target says which side is good', () => {
    expect(ratioOf(line)).toBe(1.5)
    expect(reaches(line)).toBe(true)
    expect(reaches({ ...line, target: { atMost: 0.4 } })).toBe(false)
    expect(ratioOf({ ...line, kafka: null })).toBeNull()
    expect(reaches({ ...line, kafka: null })).toBeNull()
  })

  test('what the client alone reaches may be the limit, and a figure may have a target of its own', () => {
    const slow = { ...line, ottla: 240, target: { atLeast: 1.3, orOfClient: 0.9 } }
    expect(reaches(slow)).toBe(false)
    expect(reaches({ ...slow, client: 260 })).toBe(true)
    expect(reaches({ ...line, kafka: null, target: { ottlaAtMost: 300 } })).toBe(true)
    expect(reaches({ ...line, target: { ottlaAtMost: 299 } })).toBe(false)
  })

  test('growth is held against what it may be', () => {
    const kafka = { value: null, growth: null }
    const work = { work: 'fetch', measure: 'CPU s/GB', kafka, failures: [] }
    const table = growthTableOf([
      { ...work, ottla: { value: 0.3, growth: 1 } },
      { ...work, ottla: { value: 0.5, growth: 1.67 } },
    ]).split('\n')
    expect(table[2]).toContain('1.00× | ≤ 1.3 yes |')
    expect(table[3]).toContain('1.67× | ≤ 1.3 NO  |')
  })

  test('a line without a figure stays in the table, with the reason below it', () => {
    const table = tableOf([
      line,
      { ...line, measure: 'CPU s/GB', ottla: null, failures: ['it broke'] },
    ])
    expect(table.split('\n')[2]).toBe(
      '| produce | MB/s     |   300 |   200 |       1.50× | ≥ 1.3 yes |        2,000 |',
    )
    expect(table.split('\n')[3]).toContain('CPU s/GB |     - |')
    expect(table).toContain('- not measured: it broke')
  })
})
