import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { SampledRate } from '../../../src/replication/quota/sampled-rate.ts'

/** Of RateFacts.java: milliseconds that pass, bytes that come then, and Kafka's rate after that. */
type Step = readonly [number, number, number]
type Course = readonly [samples: number, seconds: number, steps: readonly Step[]]

const sources: [string, () => string][] = [
  ['the committed facts', () => readFileSync('test/fixtures/replication/rates.json', 'utf8')],
]
const jars = process.env['OTTLA_KAFKA_JARS']
if (jars) {
  const program = 'test/replication/quota/RateFacts.java'
  sources.push([
    `the jars in ${jars}`,
    () => execFileSync('java', ['-cp', `${jars}/*`, program], { encoding: 'utf8' }),
  ])
}

test.each(sources)('A rate is what Kafka’s SimpleRate measures, by %s', (_, read) => {
  const courses = JSON.parse(read()) as Course[]
  expect(courses.length).toBeGreaterThan(20)
  for (const [count, seconds, steps] of courses) {
    const rate = new SampledRate({ count, lengthMs: seconds * 1000 })
    let nowMs = 5000
    const measured = steps.map(([passedMs, bytes, expected]) => {
      nowMs += passedMs
      if (bytes > 0) rate.record(bytes, nowMs)
      return [rate.at(nowMs), expected] as const
    })
    for (const [ours, kafkas] of measured) expect(ours).toBeCloseTo(kafkas, 5)
  }
})

describe('When a rate may have fallen', () => {
  /** Looks whenever it is told to. @returns the times of these looks, up to the one at which it has */
  const looks = (rate: SampledRate, bytesPerSecond: number, fromMs: number): number[] => {
    const found: number[] = []
    for (let nowMs = fromMs; rate.at(nowMs) > bytesPerSecond; found.push(nowMs)) {
      const nextMs = Math.ceil(rate.mayFallTo(bytesPerSecond, nowMs))
      expect(nextMs).toBeGreaterThan(nowMs)
      nowMs = nextMs
    }
    return found
  }

  test('is known to the millisecond while nothing is forgotten', () => {
    const rate = new SampledRate({ count: 11, lengthMs: 1000 })
    rate.record(4000, 0)
    expect(looks(rate, 1000, 0)).toEqual([4000])
    expect(rate.at(3999)).toBeGreaterThan(1000)
  })

  test('is looked at again when a sample is forgotten, and no more often', () => {
    const rate = new SampledRate({ count: 3, lengthMs: 1000 })
    rate.record(10_000, 0)
    rate.record(10_000, 1500)
    expect(looks(rate, 1000, 1500)).toEqual([3000, 4500])
  })
})
