import path from 'node:path'
import { type Broker, deletedMs, prepareBroker, removeAll } from './brokers.ts'
import type { Flags, Measurement } from './client.ts'
import { touchPageCache } from './page-cache.ts'
import { pause } from './processes.ts'
import { type GrowthLine, type GrowthOf, median } from './report.ts'
import type { Compared } from './samples.ts'
import type { StartsOptions } from './starts.ts'

/** One size of what grows, on a broker process of its own. */
interface Size {
  readonly label: string
  readonly partitions: number
  /** Settings of the topic, as the client's `create` takes them. */
  readonly configs: string
  /** Each round needs a topic of its own, or there would be ever more segments. */
  readonly isFresh: boolean
  /** What a round writes. */
  readonly bytes: number
}

interface Subject extends Size {
  readonly broker: Broker
  readonly produced: Measurement[]
  readonly fetched: Measurement[]
  failure: string | null
}

/** Batches of 15 KB, near the size to which Kafka's producers fill theirs (`batch.size`). */
const records: Flags = { 'record-bytes': 1024, 'batch-records': 15 }
const producers: Flags = { ...records, connections: 2, 'in-flight': 5, acks: -1 }

const segmentsWanted = 50

const sizesOf = (quick: boolean): Size[] => {
  const logBytes = quick ? 3e8 : 8e8
  const partitions = (quick ? [1, 100] : [1, 100, 10_000]).map((count) => ({
    label: `${count.toLocaleString('en-US')} partition${count === 1 ? '' : 's'}`,
    partitions: count,
    configs: '',
    isFresh: false,
    bytes: quick ? 1.5e8 : 3e8,
  }))
  return [
    ...partitions,
    { label: '1 segment', partitions: 1, configs: '', isFresh: true, bytes: logBytes },
    {
      label: `${segmentsWanted} segments`,
      partitions: 1,
      configs: `segment.bytes=${logBytes / segmentsWanted}`,
      isFresh: true,
      bytes: logBytes,
    },
  ]
}

const limitMs = 300_000

const topicOf = (size: Size, round: number): string => (size.isFresh ? `growth-${round}` : 'growth')

const create = async (of: StartsOptions, { broker, ...size }: Subject, round: number) => {
  const topics = `${topicOf(size, round)}:${size.partitions}`
  const flags = { topics, configs: size.configs, timeout: `${limitMs}ms` }
  await of.options.client.call('create', broker.address, flags, limitMs + 10_000)
}

/** Writes so many bytes, one partition after the other. */
const produce = async (of: StartsOptions, subject: Subject, round: number) => {
  await touchPageCache(of.directory, 1.5 * subject.bytes)
  return of.options.client.call<Measurement>(
    'produce',
    subject.broker.address,
    {
      ...producers,
      topic: topicOf(subject, round),
      pid: subject.broker.pids().join(),
      warmup: '0s',
      duration: '120s',
      'max-bytes': subject.bytes,
    },
    limitMs,
  )
}

/** Reads all partitions from the page cache, in one session. */
const fetch = (of: StartsOptions, subject: Subject, round: number, durationMs: number) =>
  of.options.client.call<Measurement>(
    'fetch',
    subject.broker.address,
    {
      topic: topicOf(subject, round),
      session: true,
      pid: subject.broker.pids().join(),
      duration: `${durationMs}ms`,
    },
    limitMs,
  )

/** Runs a step for each size in turn; one that fails takes no part any more. */
const inTurn = async (
  what: string,
  subjects: readonly Subject[],
  { progress }: StartsOptions,
  step: (subject: Subject) => Promise<void>,
): Promise<void> => {
  for (const subject of subjects) {
    if (subject.failure !== null) continue
    const name = `growth: ${subject.broker.name}, ${subject.label}, ${what}`
    progress(name)
    try {
      await step(subject)
    } catch (error) {
      subject.failure = `${name}: ${(error as Error).message}`
      progress(subject.failure)
    }
  }
}

/** All sizes on one kind of broker, round after round, so that what the machine does besides meets all of them. */
const measureKind = async (of: StartsOptions, name: Compared): Promise<Subject[]> => {
  const { plan, options, directory } = of
  const subjects: Subject[] = []
  try {
    for (const size of sizesOf(plan.quick)) {
      const own = path.join(directory, `growth-${name}-${subjects.length}`)
      const broker = await prepareBroker(name, { ...options, directory: own })
      subjects.push({ ...size, broker, produced: [], fetched: [], failure: null })
      await broker.start(0)
    }
    await inTurn('warm-up', subjects, of, async (subject) => {
      await create(of, subject, 0)
      await produce(of, subject, 0)
    })
    for (let round = 1; round <= plan.rounds; round += 1) {
      await inTurn(`produce, round ${round}`, subjects, of, async (subject) => {
        const topics = topicOf(subject, round - 1)
        if (subject.isFresh) {
          await options.client.call('delete', subject.broker.address, { topics }, limitMs)
          await create(of, subject, round)
          await pause(deletedMs)
        }
        subject.produced.push(await produce(of, subject, round))
      })
    }
    const warmupMs = name === 'kafka' ? plan.kafkaWarmupMs : plan.warmupMs
    for (let round = 0; round <= plan.rounds; round += 1) {
      const durationMs = round === 0 ? warmupMs : plan.durationMs
      await inTurn(`fetch, round ${round}`, subjects, of, async (subject) => {
        const measured = await fetch(of, subject, plan.rounds, durationMs)
        if (round > 0) subject.fetched.push(measured)
      })
    }
  } finally {
    await Promise.all(subjects.map(({ broker }) => broker.stop()))
    for (const index of subjects.keys())
      await removeAll(path.join(directory, `growth-${name}-${index}`))
  }
  return subjects
}

const perGigabyte = {
  's/GB': ({ seconds, bytes }: Measurement) => seconds / (bytes / 1e9),
  'CPU s/GB': ({ brokerCpuSeconds, bytes }: Measurement) => brokerCpuSeconds / (bytes / 1e9),
}

/** The first of its kind is what the others are held against. */
const firstOf = (subjects: readonly Subject[], { isFresh }: Size): Subject | undefined =>
  subjects.find((subject) => subject.isFresh === isFresh)

/**
 * What a byte costs, produced and fetched, by the number of partitions and of a log's segments. Every size has a broker
 * process of its own, and is compared with the smallest one.
 */
export const measureGrowth = async (of: StartsOptions): Promise<GrowthLine[]> => {
  const kinds = new Map<Compared, Subject[]>()
  for (const name of of.brokers) kinds.set(name, await measureKind(of, name))
  const lines: GrowthLine[] = []
  for (const [what, list] of [
    ['produce', 'produced'],
    ['fetch', 'fetched'],
  ] as const) {
    for (const size of sizesOf(of.plan.quick)) {
      for (const [measure, figure] of Object.entries(perGigabyte)) {
        const growthOf = (name: Compared): GrowthOf => {
          const subjects = kinds.get(name) ?? []
          const value = (subject: Subject | undefined): number | null =>
            median((subject?.[list] ?? []).map(figure))
          const own = value(subjects.find(({ label }) => label === size.label))
          const first = value(firstOf(subjects, size))
          return { value: own, growth: own === null || first === null ? null : own / first }
        }
        const failures = [...kinds.values()].flat().flatMap(({ failure }) => failure ?? [])
        const work = `${what}, ${size.label}`
        lines.push({ work, measure, ottla: growthOf('ottla'), kafka: growthOf('kafka'), failures })
      }
    }
  }
  return lines
}
