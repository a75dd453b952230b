import { connect, EARLIEST_TIMESTAMP, listOffsets, type Client } from '../../bin/client/index.ts'
import { CreateTopics } from '../../protocol/messages/create-topics.ts'
import { DeleteRecords } from '../../protocol/messages/delete-records.ts'
import type { Driver } from '../clients/driver.ts'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { eventually, until } from '../clients/wait.ts'

/** A record as the Java program takes it: partition, timestamp, key, value, and headers as pairs. */
type Sent = readonly [
  number,
  number,
  string | null,
  string | null,
  ...(readonly [string, string])[],
]

/** All that a broker says of the topics and groups, as text. */
export type Observed = Readonly<Record<string, Readonly<Record<string, unknown>>>>

export interface Workload {
  readonly topics: readonly string[]
  readonly groups: readonly string[]
  /** Milliseconds since 1970, as text; look-ups by time are made with these. */
  readonly timestamps: readonly string[]
}

/** Of the topics whose files are compared byte for byte. */
export const CONFIGS = {
  codecs: { 'index.interval.bytes': '512', 'max.message.bytes': '600000' },
  segments: { 'segment.bytes': '1048576' },
}
export const CODECS = ['none', 'gzip', 'snappy', 'lz4', 'zstd']
/** Records are of the last hour: old ones would be deleted. */
const HOUR_MS = 3_600_000

/** The Java program and a broker that it writes to. */
export class Writer {
  readonly #driver: Driver
  readonly #bootstrap: string
  readonly #startMs: number

  constructor(driver: Driver, bootstrap: string, startMs = Date.now() - HOUR_MS) {
    this.#driver = driver
    this.#bootstrap = bootstrap
    this.#startMs = startMs
  }

  call(name: string, ask: object): Promise<object> {
    const all = { bootstrap: this.#bootstrap, ...ask }
    return this.#driver.call(name as 'create', all as never, 180_000)
  }

  at(ms: number): number {
    return this.#startMs + ms
  }

  /** Records numbered from one on, a second apart. */
  records(count: number, from: number, partition = 0): Sent[] {
    return Array.from({ length: count }, (_, index) => {
      const number = from + index
      const headers: [string, string][] = number % 3 === 0 ? [['number', `${number}`]] : []
      return [partition, this.at(1000 * number), `key ${number}`, `value ${number}`, ...headers]
    })
  }

  async produce(topic: string, records: readonly Sent[], more: object = {}): Promise<void> {
    await this.call('produce', { topic, records, ...more })
  }

  async observe(workload: Workload): Promise<Observed> {
    const { id, ...observed } = (await this.call('observe', workload)) as { id: number } & Observed
    if (id === undefined) throw new Error('There is no answer')
    return observed
  }
}

type Configs = Readonly<Record<string, string>>

/** Makes topics with their settings. */
export async function createTopic(
  client: Client,
  name: string,
  numPartitions: number,
  configs: Configs = {},
): Promise<void> {
  const { topics } = await client.request(CreateTopics, {
    topics: [
      {
        name,
        numPartitions,
        replicationFactor: 1,
        assignments: [],
        configs: Object.entries(configs).map(([key, value]) => ({ name: key, value })),
      },
    ],
    timeoutMs: 30_000,
    validateOnly: false,
  })
  if (topics[0]?.errorCode !== 'NONE') throw new Error(`${name}: ${JSON.stringify(topics)}`)
  await client.retry(
    async () => {
      const found = (await client.metadata([name])).topics[0]!
      if (found.partitions.some(({ leaderId }) => leaderId < 0)) throw new Error('no leader')
    },
    { isRetriable: () => true },
  )
}

export async function withClientOf<T>(
  bootstrap: string,
  use: (client: Client) => Promise<T>,
): Promise<T> {
  const [host, port] = bootstrap.split(':') as [string, string]
  const client = await connect(host, Number(port))
  try {
    return await use(client)
  } finally {
    await client.close()
  }
}

/** A topic of a partition for each codec, and a group that has read some of it. */
export async function writeCodecs(writer: Writer, client: Client): Promise<Workload> {
  await createTopic(client, 'codecs', CODECS.length, CONFIGS.codecs)
  for (const [partition, codec] of CODECS.entries()) {
    const settings = { 'compression.type': codec }
    await writer.produce('codecs', writer.records(300, 0, partition), { settings, batch: 25 })
  }
  await writer.call('work', { topic: 'codecs', group: 'classic', protocol: 'classic', count: 50 })
  return {
    topics: ['codecs'],
    groups: ['classic'],
    timestamps: [0, 1500, 60_000, 200_000, 299_000, 500_000, 2 * HOUR_MS].map(
      (ms) => `${writer.at(ms)}`,
    ),
  }
}

/** What both brokers can be asked to write: codecs, segments, cut off, deleted and cleaned ones, groups. */
export async function writePlain(
  writer: Writer,
  client: Client,
  dataDirectory: string,
): Promise<Workload> {
  const codecs = await writeCodecs(writer, client)
  // Without idempotence there are no producer ids.
  await writer.produce('codecs', writer.records(20, 400), {
    settings: { 'enable.idempotence': 'false', acks: '1' },
  })
  await createTopic(client, 'segments', 1, CONFIGS.segments)
  await writer.produce('segments', large(writer, 320), { batch: 3 })
  await createTopic(client, 'cut', 1, { 'segment.bytes': '1048576' })
  await writer.produce('cut', large(writer, 320), { batch: 3 })
  await deleteRecordsBefore(client, 'cut', 217)
  // The log start that a client asked for survives a crash from its checkpoint on.
  const checkpoint = join(dataDirectory, 'log-start-offset-checkpoint')
  await until(
    () => existsSync(checkpoint) && /^cut 0 217$/m.test(readFileSync(checkpoint, 'utf8')),
    'the log start to be kept',
  )
  await createTopic(client, 'log-append-time', 1, { 'message.timestamp.type': 'LogAppendTime' })
  await writer.produce('log-append-time', writer.records(30, 0), { batch: 10 })
  await createTopic(client, 'nulls', 1, {
    'retention.ms': '86400000',
    'cleanup.policy': 'compact,delete',
  })
  await writer.produce('nulls', [
    [0, writer.at(1), 'a', null],
    [0, writer.at(2), 'b', ''],
    [0, writer.at(0), '', 'earlier than those before it'],
  ])
  await createTopic(client, 'empty', 2)
  await createTopic(client, 'retained', 1, {
    'segment.bytes': '1048576',
    'retention.bytes': '1048576',
  })
  await writer.produce('retained', large(writer, 400), { batch: 3 })
  await eventually(
    // A check amid the writes deletes the first one, and the next check the other.
    async () => (await logStartOf(client, 'retained')) > 200,
    'the two oldest of four segments to be deleted',
  )
  await writeCompacted(writer, client, dataDirectory)
  const more = ['segments', 'cut', 'log-append-time', 'nulls', 'empty', 'retained', 'compacted']
  return { ...codecs, topics: [...codecs.topics, ...more] }
}

/** Several workloads as one; the first one's look-ups by time are made. */
export function together(first: Workload, second: Workload): Workload {
  return {
    topics: [...first.topics, ...second.topics],
    groups: [...first.groups, ...second.groups],
    timestamps: first.timestamps,
  }
}

/** What a broker writes that goes on with a directory: to logs of every kind, and to groups. */
export async function goOn(
  writer: Writer,
  from: number,
  topics: readonly string[] = ['codecs', 'segments', 'cut', 'nulls', 'empty'],
): Promise<void> {
  for (const topic of topics) {
    await writer.produce(topic, writer.records(10, from))
  }
  await writer.call('work', { topic: 'codecs', group: 'classic', protocol: 'classic', count: 20 })
}

/** Records of ten kilobytes each. */
function large(writer: Writer, count: number): Sent[] {
  return Array.from({ length: count }, (_, index) => [
    0,
    writer.at(100 * index),
    `key ${index}`,
    `${index} `.repeat(10_000).slice(0, 10_240),
  ])
}

async function deleteRecordsBefore(client: Client, topic: string, offset: number): Promise<void> {
  const { topics } = await client.request(DeleteRecords, {
    topics: [{ name: topic, partitions: [{ partitionIndex: 0, offset }] }],
    timeoutMs: 30_000,
  })
  const found = topics[0]!.partitions[0]!
  if (found.errorCode !== 'NONE' || found.lowWatermark !== offset) {
    throw new Error(`${topic}: ${JSON.stringify(found)}`)
  }
}

/** What Apache Kafka writes and Ottla doesn't, yet: transactions, and groups of newer kinds. */
export async function writeApaches(writer: Writer, client: Client): Promise<Workload> {
  await writer.call('settle', {})
  await createTopic(client, 'transactions', 2)
  const run = (name: string, from: number, end: string, more: object = {}) =>
    writer.produce('transactions', writer.records(5, from), {
      settings: { 'transactional.id': name, 'transaction.timeout.ms': '900000' },
      end,
      ...more,
    })
  await run('first', 0, 'commit', {
    offsets: { group: 'transactional', topic: 'codecs', offset: 17 },
  })
  await run('second', 5, 'abort', {
    offsets: { group: 'transactional', topic: 'codecs', offset: 18 },
  })
  await writer.produce('transactions', writer.records(5, 10))
  await run('second', 15, 'commit')
  await run('first', 20, 'abort')
  await run('left-open', 25, 'open', {
    offsets: { group: 'undecided', topic: 'codecs', offset: 19 },
  })
  await writer.produce('transactions', writer.records(5, 30))
  await run('first', 35, 'commit')
  await writer.call('work', { topic: 'codecs', group: 'consumer', protocol: 'consumer', count: 50 })
  await writer.call('share', { topic: 'codecs', group: 'share', count: 5 })
  return {
    topics: ['transactions'],
    groups: ['consumer', 'transactional', 'undecided'],
    timestamps: [],
  }
}

async function writeCompacted(
  writer: Writer,
  client: Client,
  dataDirectory: string,
): Promise<void> {
  await createTopic(client, 'compacted', 1, {
    'cleanup.policy': 'compact',
    'segment.ms': '100',
    'min.cleanable.dirty.ratio': '0.01',
  })
  const keyed = (round: number): Sent[] =>
    Array.from({ length: 20 }, (_, index) => [
      0,
      writer.at(1000 * (20 * round + index)),
      `key ${index}`,
      (round + index) % 7 === 0 ? null : `round ${round}`,
    ])
  for (let round = 0; round < 8; round++) {
    const settings = { 'compression.type': CODECS[round % CODECS.length] }
    await writer.produce('compacted', keyed(round), { settings, batch: 9 })
  }
  await until(() => isCleaned(dataDirectory), 'the compacted topic to be cleaned')
}

/** Whether the cleaner has been through all but the active segment: nothing more changes then. */
function isCleaned(dataDirectory: string): boolean {
  const checkpoint = join(dataDirectory, 'cleaner-offset-checkpoint')
  if (!existsSync(checkpoint)) return false
  const cleaned = /^compacted 0 (\d+)$/m.exec(readFileSync(checkpoint, 'utf8'))?.[1]
  const segments = readdirSync(join(dataDirectory, 'compacted-0')).filter((name) =>
    name.endsWith('.log'),
  )
  return cleaned !== undefined && Number(cleaned) === Number.parseInt(segments.sort().at(-1)!, 10)
}

/** Asks again and again until the condition holds; fails with what it waited for when a minute is over. */
async function logStartOf(client: Client, topic: string): Promise<number> {
  const query = { topic, partition: 0, timestamp: EARLIEST_TIMESTAMP }
  const [found] = await listOffsets(client, [query])
  return found!.offset
}
