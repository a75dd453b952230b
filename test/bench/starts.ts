import path from 'node:path'
import { type Broker, type BrokerOptions, prepareBroker } from './brokers.ts'
import type { Distribution } from './client.ts'
import type { Plan, Progress } from './load.ts'
import { pause } from './processes.ts'
import type { Line } from './report.ts'
import { type Compared, type Samples, forEachOf, linesOf, sampler } from './samples.ts'
import type { Target } from './workloads.ts'

/** A broker that has nothing to do settles within this time. */
const settleMs = 3_000

const createLimitMs = 300_000

export interface StartsOptions {
  readonly brokers: readonly Compared[]
  readonly directory: string
  readonly options: Omit<BrokerOptions, 'directory'>
  readonly plan: Plan
  readonly progress: Progress
}

let directories = 0

/** Gives a body a broker on a directory of its own, and stops the broker whatever happens. */
const withBroker = async (
  name: Compared,
  { directory, options }: StartsOptions,
  body: (broker: Broker) => Promise<void>,
): Promise<void> => {
  directories += 1
  const own = path.join(directory, `${name}-start-${directories}`)
  const broker = await prepareBroker(name, { ...options, directory: own })
  try {
    await body(broker)
  } finally {
    await broker.stop()
  }
}

/** Start on an empty directory to the first Metadata answer, and memory when idle. */
export const measureStarts = async (of: StartsOptions): Promise<Line[]> => {
  const samples: Samples = new Map()
  const failures: string[] = []
  const sample = sampler(samples)
  for (let round = 0; round < of.plan.rounds; round += 1) {
    await forEachOf('start on an empty directory', of, failures, (name) =>
      withBroker(name, of, async (broker) => {
        sample('to first Metadata, ms', name, await broker.start(0))
        if (round > 0) return
        await pause(settleMs)
        sample('idle memory, MB', name, broker.residentBytes() / 1e6)
      }),
    )
  }
  return linesOf(
    'start on an empty directory',
    samples,
    { 'idle memory, MB': { ottlaAtMost: 90 } },
    failures,
  )
}

/** A small node is killed and started again at once. */
export const measureKill = async (of: StartsOptions): Promise<Line[]> => {
  const samples: Samples = new Map()
  const failures: string[] = []
  const sample = sampler(samples)
  await forEachOf('kill -9', of, failures, (name) =>
    withBroker(name, of, async (broker) => {
      await broker.start(0)
      const topics = { topics: 'small:1' }
      await of.options.client.call('create', broker.address, topics, createLimitMs)
      const flags = { topic: 'small', produce: true }
      await of.options.client.call('probe', broker.address, flags, createLimitMs)
      await broker.kill9()
      sample('to first acknowledged record, ms', name, await broker.start(1, 'small'))
    }),
  )
  return linesOf('kill -9 of a small node', samples, {}, failures)
}

const topicsOf = (partitions: number): string => {
  if (partitions === 1) return 'growth-0:1'
  const each = partitions >= 10_000 ? 100 : 50
  return Array.from({ length: partitions / each }, (_, i) => `growth-${i}:${each}`).join(',')
}

/** How a clean start, memory and Metadata grow with the number of partitions. */
export const measurePartitions = async (of: StartsOptions): Promise<Line[]> => {
  const lines: Line[] = []
  for (const partitions of of.plan.quick ? [1, 1_000] : [1, 1_000, 10_000]) {
    const samples: Samples = new Map()
    const failures: string[] = []
    const sample = sampler(samples)
    const title = `${partitions.toLocaleString('en-US')} partition${partitions === 1 ? '' : 's'}`
    await forEachOf(title, of, failures, (name) =>
      withBroker(name, of, async (broker) => {
        const { client } = of.options
        await broker.start(0)
        const flags = { topics: topicsOf(partitions), timeout: `${createLimitMs}ms` }
        const limitMs = createLimitMs + 10_000
        const made = await client.call<{ seconds: number }>(
          'create',
          broker.address,
          flags,
          limitMs,
        )
        sample('create them, s', name, made.seconds)
        await broker.stop()
        sample('clean start to Metadata, ms', name, await broker.start(partitions))
        await pause(settleMs)
        sample('idle memory, MB', name, broker.residentBytes() / 1e6)
        const times = await client.call<Distribution>('metadata', broker.address, {}, limitMs)
        sample('Metadata of all topics, ms', name, times.p50Us / 1e3)
      }),
    )
    const targets: Record<string, Target> =
      partitions === 10_000 ? { 'clean start to Metadata, ms': { atMost: 0.3 } } : {}
    lines.push(...linesOf(title, samples, targets, failures))
  }
  return lines
}
