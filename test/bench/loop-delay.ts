import { readdirSync, statSync } from 'node:fs'
import path from 'node:path'
import { deletedMs, prepareBroker, removeAll } from './brokers.ts'
import type { BrokerName } from './brokers.ts'
import type { Distribution, Measurement } from './client.ts'
import { pause } from './processes.ts'
import { type Line, median } from './report.ts'
import type { StartsOptions } from './starts.ts'

const limitMs = 120_000

/** A thousand producers that send a record ten times a second each, and one that keeps the log cleaner busy. */
const background = {
  connections: {
    topic: 'many',
    connections: 1000,
    'in-flight': 1,
    acks: -1,
    'record-bytes': 100,
    'batch-records': 1,
    pause: '100ms',
  },
  compaction: {
    topic: 'compacted',
    connections: 1,
    'in-flight': 1,
    acks: -1,
    'record-bytes': 1024,
    'batch-records': 200,
    keys: 100,
    pause: '5ms',
  },
}

const compacted = 'cleanup.policy=compact,segment.bytes=1048576,min.cleanable.dirty.ratio=0.01'

/** The bytes of all segments of the topic that is compacted, wherever the broker keeps them. */
const bytesLeft = (directory: string): number =>
  readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.includes(`${path.sep}compacted-`) || name.startsWith('compacted-'))
    .filter((name) => name.endsWith('.log'))
    .reduce((sum, name) => sum + statSync(path.join(directory, name)).size, 0)

interface Sample extends Distribution {
  /** Of the compacted topic, after the round: that the cleaner was at work shows in that it doesn't grow. */
  readonly leftBytes: number | null
}

const measureOn = async (of: StartsOptions, name: BrokerName, index: number): Promise<Sample[]> => {
  const { client } = of.options
  const directory = path.join(of.directory, `loop-delay-${name}-${index}`)
  const broker = await prepareBroker(name, { ...of.options, directory })
  const samples: Sample[] = []
  try {
    await broker.start(0)
    await client.call('create', broker.address, { topics: 'many:10' }, limitMs)
    const topics = { topics: 'compacted:2', configs: compacted }
    await client.call('create', broker.address, topics, limitMs)
    const rounds = name === 'sink' ? 1 : of.plan.rounds
    for (let round = 0; round <= rounds; round += 1) {
      of.progress(`loop-delay: ${name}, ${round === 0 ? 'warm-up' : `round ${round}`}`)
      const duration = `${2 * of.plan.durationMs}ms`
      const [ping] = await Promise.all([
        client.call<Measurement>(
          'ping',
          broker.address,
          { topic: 'many', pause: '1ms', warmup: '1s', duration },
          limitMs,
        ),
        ...[background.connections, background.compaction].map((flags) =>
          client.call<Measurement>(
            'produce',
            broker.address,
            { ...flags, warmup: '1s', duration },
            limitMs,
          ),
        ),
      ])
      if (round === 0 || ping.latency === null) continue
      await pause(deletedMs)
      samples.push({ ...ping.latency, leftBytes: name === 'sink' ? null : bytesLeft(directory) })
    }
  } finally {
    await broker.stop()
    await removeAll(directory)
  }
  return samples
}

const figures: readonly (readonly [string, (sample: Sample) => number | null])[] = [
  ['p99 ms', ({ p99Us }) => p99Us / 1e3],
  ['p99.9 ms', ({ p999Us }) => p999Us / 1e3],
  ['max ms', ({ maxUs }) => maxUs / 1e3],
  ['compacted topic, MB', ({ leftBytes }) => leftBytes && leftBytes / 1e6],
]

/**
 * How long other work holds a broker up: while a thousand connections send records and the log cleaner compacts, a
 * connection of its own asks for something that costs nothing, every millisecond.
 */
export const measureLoopDelay = async (
  of: StartsOptions,
  brokers: readonly BrokerName[],
): Promise<Line[]> => {
  const samples = new Map<BrokerName, Sample[]>()
  const failures: string[] = []
  for (const [index, name] of brokers.entries()) {
    try {
      samples.set(name, await measureOn(of, name, index))
    } catch (error) {
      failures.push(`loop-delay on ${name}: ${(error as Error).message}`)
      of.progress(failures.at(-1)!)
    }
  }
  return figures.map(([measure, figure]) => {
    const value = (name: BrokerName): number | null =>
      median((samples.get(name) ?? []).map(figure).filter((each) => each !== null))
    return {
      work: 'an answer meanwhile: 1,000 connections and compaction',
      measure,
      ottla: value('ottla'),
      kafka: value('kafka'),
      client: value('sink'),
      target: null,
      failures,
    }
  })
}
