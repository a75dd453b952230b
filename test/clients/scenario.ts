import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { soaking } from '../soak.ts'
import { type BrokerUnderTest } from './broker.ts'
import { type Copying, copyInTransactions } from './copying.ts'
import { type Codec, type Driver, type Started, codecNumbers } from './driver.ts'
import {
  type ReadRecord,
  type RecordLimits,
  checkReadBack,
  checkStream,
  sentRecord,
} from './records.ts'
import { until } from './wait.ts'

/** What the common scenario must know of a client. */
export interface Client {
  readonly codecs: readonly Codec[]
  /** Whether its producer can be idempotent. */
  readonly idempotent: boolean
  /** Whether a producer that is not idempotent may change the order when it sends again. */
  readonly retriesReorder?: boolean
  /** Whether its driver can copy in transactions. */
  readonly transactions?: boolean
  /** Whether its transactional producer waits for ever once the only broker was restarted, Apache Kafka too. */
  readonly hangsAfterRestart?: boolean
  /** Whether it can't ask for offsets that no transaction is about to change (KIP-447). */
  readonly unstableOffsets?: boolean
  /** A driver of another client that reads what was committed, where this one shows aborted records, of Apache Kafka too. */
  readonly committedReader?: (() => Driver) | undefined
  readonly records?: RecordLimits
  /** Starts one more process of the client; it is ended with the suite. */
  driver(): Driver
}

/** Runs a named part of a suite: prints its name, seconds and outcome; a failure fails the suite. */
export type Step = <T>(name: string, run: () => Promise<T>) => Promise<T>

/** What a suite gets to run with. */
export interface SuiteRun<Broker = BrokerUnderTest> {
  readonly broker: Broker
  readonly step: Step
  /** A folder for the suite's own files, removed at its end. */
  readonly directory: string
  /** Integers from 0 up to, but without, the bound, which follow from the seed of the run. */
  readonly chance: (bound: number) => number
  /** Takes note of a process, whose end the runner sees to. */
  keep<Kept extends Started>(started: Kept): Kept
}

const recordCount = 10_000
const patienceMs = 150_000
const memberPartitions = 6

const numbers = (from: number, to: number): number[] =>
  Array.from({ length: to - from }, (_, index) => from + index)

/** How many records of a topic are in batches of each codec, by the codec's number, from the broker's own files. */
const recordsByCodec = async (
  broker: BrokerUnderTest,
  topic: string,
): Promise<Map<number, number>> => {
  const found = new Map<number, number>()
  for (const directory of await broker.partitionDirectories(topic)) {
    const log = await readFile(path.join(directory, '00000000000000000000.log'))
    for (let at = 0; at + 61 <= log.length; at += 12 + log.readInt32BE(at + 8)) {
      if (log.readInt32BE(at + 8) <= 0) break
      const codec = log.readInt16BE(at + 21) & 7
      found.set(codec, (found.get(codec) ?? 0) + log.readInt32BE(at + 57))
    }
  }
  return found
}

const roundTrip = async (broker: BrokerUnderTest, client: Client, driver: Driver, codec: Codec) => {
  const topic = `round-trip-${codec}`
  const sent = numbers(0, recordCount).map((index) => sentRecord(index, client.records ?? {}))
  await driver.call('create', { topic, partitions: 3 })
  await driver.call('produce', { topic, codec, records: sent })
  // Clients leave a batch that is too small to gain by it as it is.
  const onDisk = await recordsByCodec(broker, topic)
  if ((onDisk.get(codecNumbers[codec]) ?? 0) < 0.9 * recordCount)
    throw new Error(`sent with ${codec}, the log has ${JSON.stringify([...onDisk])}`)
  const { records } = await driver.call('consume', { topic, count: recordCount })
  checkReadBack(sent, records)
}

const group = 'readers'
const positionsTopic = 'positions'

const positions = async (client: Client, driver: Driver, step: Step) => {
  const topic = positionsTopic
  const sent = numbers(0, 1000).map((index) => sentRecord(index, client.records ?? {}))
  const read: ReadRecord[] = []
  await step('commit and go on', async () => {
    await driver.call('create', { topic, partitions: 2 })
    await driver.call('produce', { topic, codec: 'none', records: sent })
    read.push(...(await driver.call('work', { topic, group, count: 400 })).records)
    const { offsets } = await driver.call('committed', { topic, group })
    const committed = Object.values(offsets).reduce((sum, offset) => sum + offset, 0)
    if (read.length !== 400 || committed !== 400)
      throw new Error(`read ${read.length} of 400 records, committed ${JSON.stringify(offsets)}`)
    read.push(...(await driver.call('work', { topic, group, count: 600 })).records)
    checkReadBack(sent, read)
  })
  await step('seek', async () => {
    const expected = read.filter(([partition]) => partition === 0).slice(100, 150)
    const ask = { topic, partition: 0, offset: 100, count: 50 }
    const { records } = await driver.call('seek', ask)
    if (JSON.stringify(records) !== JSON.stringify(expected))
      throw new Error(`offsets 100 to 149 are not what was read before`)
  })
}

const membersTopic = 'members'

/** The members' partitions, if each has some, none two owners, and all an owner. */
const shared = (drivers: readonly Driver[], members: readonly string[]): boolean => {
  const lists = members.map(
    (member) => drivers.map((driver) => driver.assigned.get(member)).find((list) => list) ?? [],
  )
  const all = lists.flat().toSorted((a, b) => a - b)
  return (
    lists.every((list) => list.length > 0) &&
    JSON.stringify(all) === JSON.stringify(numbers(0, memberPartitions))
  )
}

const members = async (client: Client, driver: Driver, step: Step) => {
  const other = client.driver()
  const drivers = [driver, other]
  const topic = membersTopic
  const told = (): string => JSON.stringify(drivers.map((each) => [...each.assigned]))
  const share = (names: readonly string[]) =>
    until(
      () => shared(drivers, names),
      () => `${names.join(', ')} to share ${topic}: ${told()}`,
      patienceMs,
    )
  await step('three members share a topic', async () => {
    await driver.call('create', { topic, partitions: memberPartitions })
    const ask = { topic, group: 'team' }
    await Promise.all([
      driver.call('join', { ...ask, member: 'ada' }),
      other.call('join', { ...ask, member: 'boris' }),
      driver.call('join', { ...ask, member: 'cyril' }),
    ])
    await share(['ada', 'boris', 'cyril'])
    const records = numbers(0, 300).map((index) => sentRecord(index, client.records ?? {}))
    await driver.call('produce', { topic, codec: 'none', records })
    const read = (): number =>
      drivers.flatMap((each) => [...each.consumed.values()]).reduce((sum, count) => sum + count, 0)
    await until(
      () => read() >= 300,
      () => `the members to read 300 records: ${read()}`,
      patienceMs,
    )
  })
  await step('one leaves, two share', async () => {
    await driver.call('leave', { member: 'cyril' })
    await share(['ada', 'boris'])
  })
  await step('one dies, one has all', async () => {
    await other.kill9()
    await share(['ada'])
  })
}

const crash = async (broker: BrokerUnderTest, client: Client, driver: Driver) => {
  const kinds = client.idempotent ? [false, true] : [false]
  const streams = kinds.map((idempotent) => ({
    idempotent,
    topic: `stream-${idempotent ? 'idempotent' : 'plain'}`,
  }))
  const acked = (topic: string): number => driver.acked.get(topic) ?? 0
  const report = (): string => JSON.stringify([...driver.acked])
  for (const { topic } of streams) await driver.call('create', { topic, partitions: 1 })
  const running = streams.map(({ topic, idempotent }) =>
    driver.call('stream', { stream: topic, topic, idempotent }, 4 * patienceMs),
  )
  const each = (check: (topic: string) => boolean): boolean =>
    streams.every(({ topic }) => check(topic))
  const failed = Promise.race(running).then(() => {
    throw new Error('a stream ended before it was told to')
  })
  const meanwhile = (promise: Promise<void>): Promise<void> => Promise.race([promise, failed])
  failed.catch(() => {})
  const more = (): Promise<void> => {
    const before = new Map(driver.acked)
    return until(
      () => each((topic) => acked(topic) >= (before.get(topic) ?? 0) + 1000),
      () => `1,000 more than ${JSON.stringify([...before])} acked: ${report()}`,
      patienceMs,
    )
  }
  await meanwhile(more())
  await meanwhile(broker.crash(streams[0]!.topic, more))
  await meanwhile(more())
  await Promise.all(streams.map(({ topic }) => driver.call('stop', { stream: topic })))
  const results = await Promise.all(running)
  for (const [index, { topic, idempotent }] of streams.entries()) {
    await driver.call('produce', { topic, codec: 'none', records: [['end', 'end', []]] })
    const { records } = await driver.call('consume', { topic, until: 'end' })
    const inOrder = idempotent || client.retriesReorder !== true
    checkStream(results[index]!, records.slice(0, -1), { once: idempotent, inOrder })
  }
}

const afterCrash = async (client: Client, driver: Driver) => {
  const { offsets } = await driver.call('committed', { topic: positionsTopic, group })
  const committed = Object.values(offsets).reduce((sum, offset) => sum + offset, 0)
  if (committed !== 1000)
    throw new Error(`the committed offsets are not those before: ${JSON.stringify(offsets)}`)
  const before = driver.consumed.get('ada') ?? 0
  const records = numbers(300, 360).map((index) => sentRecord(index, client.records ?? {}))
  await driver.call('produce', { topic: membersTopic, codec: 'none', records })
  const read = (): number => (driver.consumed.get('ada') ?? 0) - before
  await until(
    () => read() >= 60,
    () => `the member that was there before to read 60: ${read()}`,
    patienceMs,
  )
}

const copyOf = (
  broker: BrokerUnderTest,
  client: Client,
  driver: Driver,
  chance: SuiteRun['chance'],
): Copying => ({
  name: 'copy',
  driver,
  reader: client.committedReader?.(),
  partitions: [2, 3],
  copier: client.driver,
  disturb: async () => {
    if (client.hangsAfterRestart === true && broker.brokers === 1) return
    await broker.crash('target-copy')
  },
  chance,
})

type Part = 'records' | 'positions' | 'members' | 'crash' | 'transactions'

/**
 * Parts that are left out when the environment asks for others only: for work on one of them. Soak asks for nothing but transactions
 * of one broker, and for all of three; without it these have no transactions, which take long.
 */
const askedOf = ({ brokers }: BrokerUnderTest, part: Part): boolean => {
  const asked = process.env['OTTLA_CLIENTS_PARTS']
  if (asked !== undefined) return asked.split(',').includes(part)
  const isOne = brokers === 1
  return part === 'transactions' ? isOne || soaking : !isOne || !soaking
}

/**
 * What is asked of every client, against a broker that has just been started: records in every codec, committed
 * positions and groups at the same time, then a broker that is killed.
 */
export const scenario = async (
  { broker, step, chance }: SuiteRun,
  client: Client,
): Promise<void> => {
  const driver = client.driver()
  const isAsked = (part: Part): boolean => askedOf(broker, part)
  const roundTrips = async (): Promise<void> => {
    for (const codec of client.codecs)
      await step(`10,000 records, ${codec}`, () => roundTrip(broker, client, driver, codec))
  }
  await Promise.all([
    isAsked('records') && roundTrips(),
    isAsked('positions') && positions(client, driver, step),
    isAsked('members') && members(client, driver, step),
  ])
  if (isAsked('crash')) {
    await step('kill -9 in the middle', () => crash(broker, client, driver))
    if (isAsked('positions') && isAsked('members'))
      await step('groups go on after it', () => afterCrash(client, driver))
  }
  // A coordinator that others take over from answers a client that can't ask for stable offsets with those of before the transaction
  // that it has just committed, until its marker is written.
  const isCopied = client.transactions === true && (broker.brokers === 1 || !client.unstableOffsets)
  if (isAsked('transactions') && isCopied)
    await step('a copy in transactions', () =>
      copyInTransactions(copyOf(broker, client, driver, chance)),
    )
}
