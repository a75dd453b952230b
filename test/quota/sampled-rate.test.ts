import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { ClientRate, SampledRate } from '../../src/quota/sampled-rate.ts'
import type { RateWindows } from '../../src/quota/sampled-rate.ts'
import { TokenBucket } from '../../src/quota/token-bucket.ts'
import { quickJava } from '../support/quick-java.ts'

/** Of RateFacts.java: milliseconds that pass, what comes then, and what Kafka measures after that. */
type Step = readonly [
  passedMs: number,
  amount: number,
  simple: number,
  rate: number,
  windowMs: number,
  tokens: number,
]
type Course = readonly [samples: number, seconds: number, quota: number, steps: readonly Step[]]

const sources: [string, () => string][] = [
  ['the committed facts', () => readFileSync('test/fixtures/quota/rates.json', 'utf8')],
]
const jars = process.env['OTTLA_KAFKA_JARS']
if (jars) {
  const program = 'test/quota/RateFacts.java'
  sources.push([
    `the jars in ${jars}`,
    () => execFileSync('java', [...quickJava(jars), program], { encoding: 'utf8' }),
  ])
}

describe.each(sources)('By %s', (_, read) => {
  let courses: Course[]

  beforeAll(() => {
    courses = JSON.parse(read()) as Course[]
    expect(courses.length).toBeGreaterThan(20)
  })

  /** @param measure what is there after so much has come, and what Kafka measures */
  const follow = (
    begin: (
      windows: RateWindows,
      quota: number,
    ) => (amount: number, nowMs: number, step: Step) => readonly [ours: number, kafkas: number],
  ): void => {
    for (const [count, seconds, quota, steps] of courses) {
      const measure = begin({ count, lengthMs: seconds * 1000 }, quota)
      let nowMs = 5000
      for (const step of steps) {
        nowMs += step[0]
        const [ours, kafkas] = measure(step[1], nowMs, step)
        expect(ours).toBeCloseTo(kafkas, 5)
      }
    }
  }

  test('a rate of replication is what Kafka’s SimpleRate measures', () => {
    follow((windows) => {
      const rate = new SampledRate(windows)
      return (amount, nowMs, [, , simple]) => {
        if (amount > 0) rate.record(amount, nowMs)
        return [rate.at(nowMs), simple]
      }
    })
  })

  test('a rate of clients is what Kafka’s Rate measures', () => {
    follow((windows) => {
      const rate = new ClientRate(windows)
      return (amount, nowMs, [, , , kafkas]) => {
        if (amount > 0) rate.record(amount, nowMs)
        return [rate.at(nowMs), kafkas]
      }
    })
  })

  test('a client that exceeds its rate is throttled for as long as Kafka’s QuotaUtils says', () => {
    let throttled = 0
    follow((windows, quota) => {
      const rate = new ClientRate(windows)
      return (amount, nowMs, [, , , kafkas, windowMs]) => {
        if (amount > 0) rate.record(amount, nowMs)
        const ms = rate.excessMs(quota, nowMs)
        if (ms > 0) throttled++
        return [ms, kafkas > quota ? Math.round(((kafkas - quota) / quota) * windowMs) : 0]
      }
    })
    expect(throttled).toBeGreaterThan(50)
  })

  test('a bucket of tokens has what Kafka’s TokenBucket has, however it began', () => {
    let empty = 0
    follow((windows, quota) => {
      const bucket = new TokenBucket(windows)
      return (amount, nowMs, [, , , , , tokens]) => {
        if (amount > 0) bucket.take(amount, quota, nowMs)
        const ours = bucket.at(quota, nowMs)
        if (ours < 0) empty++
        const excessMs = ours < 0 ? Math.round((-tokens / quota) * 1000) : 0
        expect(bucket.excessMs(quota, nowMs)).toBe(excessMs)
        return [ours, tokens]
      }
    })
    expect(empty).toBeGreaterThan(50)
  })
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
