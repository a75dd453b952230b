import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { CreateTopics } from '../../protocol/messages/create-topics.ts'
import { Fetch } from '../../protocol/messages/fetch.ts'
import { FindCoordinator } from '../../protocol/messages/find-coordinator.ts'
import { Heartbeat } from '../../protocol/messages/heartbeat.ts'
import { InitProducerId } from '../../protocol/messages/init-producer-id.ts'
import { ListOffsets } from '../../protocol/messages/list-offsets.ts'
import { Produce } from '../../protocol/messages/produce.ts'
import { readBatches, readRecords } from '../../protocol/records/batch.ts'
import { nodeHost } from '../../src/host/node.ts'
import { startBroker } from '../../src/index.ts'
import { apacheUnderTest } from '../clients/broker.ts'
import { RawClient, SilenceError } from '../support/raw-client.ts'
import { temporaryDirectories } from '../support/temporary.ts'
import { administering } from './bad-input/administering.ts'
import { TOPICS, batchOf, codecs } from './bad-input/case.ts'
import type { BadInput, Told, World } from './bad-input/case.ts'
import { describing } from './bad-input/describing.ts'
import { ending } from './bad-input/ending.ts'
import { expelled } from './bad-input/expelled.ts'
import { fencing } from './bad-input/fencing.ts'
import { framing } from './bad-input/framing.ts'
import { grouping } from './bad-input/grouping.ts'
import { producing } from './bad-input/produce.ts'
import { reading } from './bad-input/reading.ts'
import { times } from './bad-input/times.ts'
import { transacting } from './bad-input/transacting.ts'
import { eventually } from '../clients/wait.ts'

/**
 * What Apache Kafka 4.4.0 answers to each case. With OTTLA_KAFKA_JARS (the folder of Kafka's jars) the same bytes go to a
 * real one, whose answers must be these; OTTLA_RECORD=1 writes them down anew.
 */
const EXPECTED = join(process.cwd(), 'test/fixtures/bad-input.json')
const expected = JSON.parse(readFileSync(EXPECTED, 'utf8')) as Record<string, Told>
const groups: Readonly<Record<string, readonly BadInput[]>> = {
  frames: framing,
  Produce: producing,
  reading,
  administration: administering,
  groups: grouping,
  'times and sizes of records': times,
  transactions: transacting,
  'identities of transactional producers': fencing,
  'ends of transactions': ending,
  'members of groups in transactions': expelled,
  'what is told of transactions': describing,
}
const all = Object.values(groups).flat()

const directories = temporaryDirectories()
afterAll(() => directories.removeAll())

/** Of both brokers. */
const SETTINGS = {
  'transaction.abort.timed.out.transaction.cleanup.interval.ms': '200',
  'group.initial.rebalance.delay.ms': '0',
}

/** What Apache Kafka answers it answers in well under a second: who has heard nothing by then won't. */
const SILENCE_MS = 10_000

interface At {
  readonly host: string
  readonly port: number
}

/** Makes the topics and waits until their partitions have a leader and groups a coordinator. */
async function prepare(at: At): Promise<World> {
  const client = await RawClient.connect(at)
  const { topics } = await client.request(CreateTopics, 7, {
    topics: TOPICS.map(({ name, configs }) => ({
      name,
      numPartitions: 1,
      replicationFactor: 1,
      assignments: [],
      configs: Object.entries(configs).map(([key, value]) => ({ name: key, value })),
    })),
    timeoutMs: 30_000,
  })
  expect(topics.map(({ errorCode }) => errorCode)).toEqual(TOPICS.map(() => 'NONE'))
  for (const { name } of TOPICS) {
    await eventually(async () => {
      const answer = await client.request(ListOffsets, 7, {
        replicaId: -1,
        topics: [{ name, partitions: [{ partitionIndex: 0, timestamp: -1n }] }],
      })
      return answer.topics[0]!.partitions[0]!.errorCode === 'NONE'
    }, 'the topics')
  }
  await eventually(async () => {
    await client.request(FindCoordinator, 4, { keyType: 0, coordinatorKeys: ['bad-input'] })
    const member = { groupId: 'bad-input', generationId: 1, memberId: 'nobody' }
    const { errorCode } = await client.request(Heartbeat, 4, member)
    return errorCode === 'UNKNOWN_MEMBER_ID'
  }, 'the groups')
  client.destroy()
  const { topicId } = topics.find(({ name }) => name === 'plain')!
  return { topicId, connect: () => RawClient.connect(at) }
}

/** @param limitMs how long one answer may take, where it isn't a RawClient's usual limit */
async function ask(
  at: At,
  world: World,
  { name, ask: say }: BadInput,
  limitMs?: number,
): Promise<Told> {
  const client = await RawClient.connect(at, limitMs)
  try {
    // What JSON can't hold is not told.
    return JSON.parse(JSON.stringify(await say(client, world))) as Told
  } catch (error) {
    if (client.isClosed) return 'closed'
    if (error instanceof SilenceError) return 'silence'
    throw new Error(`case: ${name}`, { cause: error })
  } finally {
    client.destroy()
  }
}

/** A producer that goes on and on, while others misbehave. */
class SteadyProducer {
  readonly #client: RawClient
  readonly #producerId: number
  readonly #producerEpoch: number
  #sequence = 0
  #isStopping = false
  readonly #done: Promise<void>

  static async start(at: At): Promise<SteadyProducer> {
    const client = await RawClient.connect(at)
    const { producerId, producerEpoch } = await client.request(InitProducerId, 4, {
      transactionalId: null,
      transactionTimeoutMs: 1000,
    })
    return new SteadyProducer(client, producerId, producerEpoch)
  }

  private constructor(client: RawClient, producerId: number, producerEpoch: number) {
    this.#client = client
    this.#producerId = producerId
    this.#producerEpoch = producerEpoch
    this.#done = this.#run()
  }

  async #run(): Promise<void> {
    while (!this.#isStopping) {
      const records = batchOf({
        producerId: this.#producerId,
        producerEpoch: this.#producerEpoch,
        baseSequence: this.#sequence,
        records: [{ timestamp: Date.now(), key: null, value: Buffer.from(String(this.#sequence)) }],
      })
      const { responses } = await this.#client.request(Produce, 9, {
        acks: -1,
        timeoutMs: 5000,
        topicData: [{ name: 'steady', partitionData: [{ index: 0, records }] }],
      })
      expect(responses[0]!.partitionResponses[0]).toMatchObject({
        errorCode: 'NONE',
        baseOffset: this.#sequence,
      })
      this.#sequence++
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }

  /** Resolves with how many records were acknowledged, each by the offset that is its number. */
  async stop(): Promise<number> {
    this.#isStopping = true
    await this.#done
    this.#client.destroy()
    return this.#sequence
  }
}

/** The values in partition `steady-0`. */
async function readAll(at: At): Promise<string[]> {
  const client = await RawClient.connect(at)
  const values: string[] = []
  for (;;) {
    const { responses } = await client.request(Fetch, 11, {
      maxWaitMs: 0,
      minBytes: 0,
      topics: [
        {
          topic: 'steady',
          partitions: [{ partition: 0, fetchOffset: values.length, partitionMaxBytes: 1 << 20 }],
        },
      ],
    })
    const [partition] = responses[0]!.partitions
    const before = values.length
    for (const batch of readBatches(partition!.records ?? Buffer.alloc(0))) {
      for (const { value } of readRecords(batch, codecs)) values.push(String(value))
    }
    if (values.length === before) break
  }
  client.destroy()
  return values
}

test('every case has one expected answer', () => {
  const names = all.map(({ name }) => name)
  expect(new Set(names).size).toBe(names.length)
  if (process.env['OTTLA_RECORD'] !== '1') expect(Object.keys(expected)).toEqual(names)
})

describe('what a client should not say', () => {
  let at: At
  let world: World
  let steady: SteadyProducer
  let stop: () => Promise<void>

  beforeAll(async () => {
    const broker = await startBroker({
      host: nodeHost({ log: { level: 'silent' } }),
      directory: directories.make(),
      settings: {
        'offsets.topic.num.partitions': 1,
        'transaction.state.log.num.partitions': 1,
        'auto.create.topics.enable': true,
        ...SETTINGS,
      },
    })
    stop = () => broker.close()
    at = broker
    world = await prepare(at)
    steady = await SteadyProducer.start(at)
  })
  afterAll(async () => {
    await steady?.stop()
    await stop?.()
  })

  for (const [title, cases] of Object.entries(groups)) {
    describe(title, () => {
      test.each(cases)('$name', async (bad) => {
        const { name, instead } = bad
        expect(await ask(at, world, bad)).toEqual(instead ?? expected[name])
      })
    })
  }

  test('disturbs nobody else, and nothing is lost', async () => {
    const acknowledged = await steady.stop()
    expect(acknowledged).toBeGreaterThan(10)
    expect(await readAll(at)).toEqual(Array.from({ length: acknowledged }, (_, i) => String(i)))
  })
})

// Each on a broker of its own: after a few lines of a kind, a broker only counts.
describe('who wonders why a client was cut off finds in the log, after', () => {
  test.each(all.filter(({ log }) => log !== undefined))('$name', async (bad) => {
    const lines: string[] = []
    const destination = { write: (line: string): void => void lines.push(line) }
    const host = nodeHost({ log: { destination } })
    const broker = await startBroker({ host, directory: directories.make() })
    lines.length = 0
    try {
      await ask(broker, { topicId: '', connect: () => RawClient.connect(broker) }, bad)
      expect(lines.filter((line) => bad.log!.test(line))).toHaveLength(1)
    } finally {
      await broker.close()
    }
  })
})

const jars = process.env['OTTLA_KAFKA_JARS']
const withKafka = jars === undefined ? test.skip : test
withKafka(
  'Apache Kafka answers the same (needs OTTLA_KAFKA_JARS)',
  async () => {
    const broker = await apacheUnderTest(directories.make(), {
      'offsets.topic.num.partitions': '1',
      'transaction.state.log.num.partitions': '1',
      ...SETTINGS,
    })
    try {
      await broker.start()
      const [host, port] = broker.bootstrap.split(':') as [string, string]
      const at = { host, port: Number(port) }
      const world = await prepare(at)
      const answers: Record<string, Told> = {}
      const isRecorded = process.env['OTTLA_RECORD'] === '1'
      for (const bad of all) {
        const limitMs = !isRecorded && expected[bad.name] === 'silence' ? SILENCE_MS : undefined
        answers[bad.name] = await ask(at, world, bad, limitMs)
      }
      if (isRecorded) {
        writeFileSync(EXPECTED, `${JSON.stringify(answers, null, 2)}\n`)
      } else {
        expect(answers).toEqual(expected)
      }
    } finally {
      await broker.stop()
    }
  },
  600_000,
)
