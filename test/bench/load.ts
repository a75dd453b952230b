import path from 'node:path'
import { writeBatch } from './batches.ts'
import { type BrokerName, type Loaded, deletedMs } from './brokers.ts'
import type { Client, Measurement } from './client.ts'
import { touchPageCache } from './page-cache.ts'
import { pause } from './processes.ts'
import { type Line, figureOf, median } from './report.ts'
import type { Workload } from './workloads.ts'

/** How long, how often and how much. Times in milliseconds. */
export interface Plan {
  readonly quick: boolean
  readonly rounds: number
  readonly durationMs: number
  /** Before the first measurement of a workload, per broker. */
  readonly warmupMs: number
  /** The same for Apache Kafka: a cold JVM is far slower than a warm one. */
  readonly kafkaWarmupMs: number
  readonly sinkMs: number
  /** A measured interval ends after so many bytes. */
  readonly maxBytes: number
}

/** Says what is going on to the person who waits. */
export type Progress = (text: string) => void

interface Series {
  readonly measurements: Measurement[]
  failure: string | null
}

/** Beyond the time that a call is meant to take. */
const graceMs = 60_000

interface Interval {
  readonly topic: string
  readonly durationMs: number
  readonly maxBytes: number
}

const measure = async (
  client: Client,
  broker: Loaded,
  workload: Workload,
  interval: Interval,
): Promise<Measurement> =>
  client.call<Measurement>(
    workload.command,
    broker.address,
    {
      ...workload.flags,
      ...(workload.batch && (await writeBatch(path.dirname(broker.directory), workload.batch))),
      topic: interval.topic,
      pid: broker.pids().join(),
      duration: `${interval.durationMs}ms`,
      'max-bytes': interval.maxBytes,
    },
    interval.durationMs + graceMs,
  )

/** Writes what a fetch workload reads, and reads it once with every CRC checked. */
const fill = async (
  client: Client,
  broker: Loaded,
  workload: Workload,
  bytes: number,
): Promise<void> => {
  const flags = { topic: workload.name, 'record-bytes': 1024 }
  const batch = Math.min(950, Math.floor(bytes / workload.partitions / 1100))
  const write = { ...flags, 'batch-records': batch, warmup: '0s', duration: '60s' }
  await client.call('produce', broker.address, { ...write, 'max-bytes': bytes }, 60_000 + graceMs)
  const read = { ...workload.flags, ...flags, verify: true, warmup: '0s', duration: '20s' }
  await client.call('fetch', broker.address, { ...read, 'max-bytes': bytes }, 20_000 + graceMs)
}

/** Runs one interval on a topic of its own, which is removed again so that the page cache does not fill up. */
const onFreshTopic = async (
  client: Client,
  broker: Loaded,
  workload: Workload,
  interval: Interval,
): Promise<Measurement> => {
  const { topic } = interval
  const { partitions, replicas = 1 } = workload
  const topics = `${topic}:${partitions}`
  await client.call('create', broker.address, { topics, replicas }, graceMs)
  if (workload.touchesMemory === true) {
    await touchPageCache(path.dirname(broker.directory), 1.5 * replicas * interval.maxBytes)
  }
  try {
    return await measure(client, broker, workload, interval)
  } finally {
    await client.call('delete', broker.address, { topics: topic }, graceMs).catch(() => {})
    if (broker.name !== 'sink') await pause(deletedMs)
  }
}

/** One interval of a workload on one broker; the warm-up writes what later ones read. */
export const runOn = async (
  client: Client,
  broker: Loaded,
  workload: Workload,
  plan: Plan,
  round: 'warm-up' | number,
): Promise<Measurement> => {
  const warmupMs = broker.name === 'kafka' ? plan.kafkaWarmupMs : plan.warmupMs
  const measuredMs = broker.name === 'sink' ? plan.sinkMs : plan.durationMs
  const durationMs = round === 'warm-up' ? warmupMs : measuredMs
  const interval = { durationMs, maxBytes: plan.maxBytes, topic: `${workload.name}-${round}` }
  if (workload.fillBytes === undefined) return onFreshTopic(client, broker, workload, interval)
  if (round === 'warm-up') {
    const topics = `${workload.name}:${workload.partitions}`
    await client.call('create', broker.address, { topics }, graceMs)
    const bytes = workload.fillBytes[plan.quick ? 'quick' : 'full']
    await fill(client, broker, workload, bytes)
  }
  // A fetch moves the same bytes again and again: only time ends it.
  return measure(client, broker, workload, { durationMs, maxBytes: 0, topic: workload.name })
}

/**
 * Runs one workload on all brokers in turn, round after round: A/B/A/B, so that what the machine does besides meets
 * both. The sink, which shows the client's own limit, takes part in the first round only.
 * @returns a line for each of the workload's figures
 */
export const runWorkload = async (
  client: Client,
  brokers: readonly Loaded[],
  workload: Workload,
  plan: Plan,
  progress: Progress,
): Promise<Line[]> => {
  const series = new Map<BrokerName, Series>()
  for (const { name } of brokers) series.set(name, { measurements: [], failure: null })
  for (let round = 0; round <= plan.rounds; round += 1) {
    for (const broker of brokers) {
      const of = series.get(broker.name)!
      if (of.failure !== null || (broker.name === 'sink' && round > 1)) continue
      const name = round === 0 ? 'warm-up' : round
      progress(`${workload.name}: ${broker.name}, ${round === 0 ? name : `round ${round}`}`)
      try {
        const measured = await runOn(client, broker, workload, plan, name)
        if (round > 0) of.measurements.push(measured)
      } catch (error) {
        of.failure = (error as Error).message
        progress(`${workload.name}: ${broker.name} failed: ${of.failure}`)
      }
    }
  }
  return linesOf(workload, series)
}

const linesOf = (workload: Workload, series: ReadonlyMap<BrokerName, Series>): Line[] => {
  const of = (name: BrokerName): readonly Measurement[] => series.get(name)?.measurements ?? []
  const failures = [...series]
    .filter(([, { failure }]) => failure !== null)
    .map(([name, { failure }]) => `${workload.name} on ${name}: ${failure}`)
  return workload.figures.map(([figure, target]) => {
    const isCpu = figure.startsWith('CPU')
    return {
      work: workload.title,
      measure: figure,
      ottla: median(of('ottla').map((measured) => figureOf(figure, measured))),
      kafka: median(of('kafka').map((measured) => figureOf(figure, measured))),
      client: median(
        of('sink').map((measured) => figureOf(figure, measured, isCpu ? 'client' : 'broker')),
      ),
      target,
      failures,
    }
  })
}
