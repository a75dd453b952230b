import { DescribeTransactions } from '../../protocol/messages/describe-transactions.ts'
import { connect, type Client } from '../../bin/client/index.ts'
import { listOffsets, LATEST_TIMESTAMP } from '../../bin/client/offsets.ts'
import { PartitionReader } from '../../bin/client/reader.ts'
import { nodeCodecs } from '../../src/host/codecs.ts'
import { stableOffset, TransactionSession, type Dialect } from '../sim/transactions/session.ts'
import { killAll } from '../support/broker-process.ts'
import { temporaryDirectories } from '../support/temporary.ts'
import { describeWithApache, formatApache, killApache, startApache } from './apache.ts'
import type { RunningNode } from './apache.ts'
import { expectSound, startOttla } from './ottla.ts'
import { eventually } from '../clients/wait.ts'
import { createTopic } from './workload.ts'

const codecs = nodeCodecs()
const TOPIC = 'transacted'
const PATIENCE_MS = 120_000
/** Of the transaction that nobody ends: longer than its broker takes to be killed. */
const TIMES_OUT_MS = 15_000

type Start = (directory: string) => Promise<RunningNode>

function clientOf({ bootstrap }: RunningNode): Promise<Client> {
  const [host, port] = bootstrap.split(':') as [string, string]
  return connect(host, Number(port))
}

async function topicOf(client: Client) {
  const { topics } = await client.metadata([TOPIC])
  return { name: TOPIC, topicId: topics[0]!.topicId }
}

async function begin(
  client: Client,
  transactionalId: string,
  dialect: Dialect,
  timeoutMs = 600_000,
): Promise<TransactionSession> {
  const topic = await topicOf(client)
  return TransactionSession.begin({ client, codecs, transactionalId, dialect, timeoutMs, topic })
}

/** What read_committed consumers see, once no transaction is open. */
async function committed(client: Client): Promise<string[]> {
  const ends = async (isolationLevel: 'read_committed' | 'read_uncommitted') => {
    const query = { topic: TOPIC, partition: 0, timestamp: LATEST_TIMESTAMP }
    return (await listOffsets(client, [query], isolationLevel))[0]!.offset
  }
  await eventually(async () => {
    return (await ends('read_committed')) === (await ends('read_uncommitted'))
  }, 'all transactions to be decided')
  const from = { topic: TOPIC, partition: 0, offset: 0, endOffset: await ends('read_committed') }
  const reader = new PartitionReader(client, [from], {
    codecs,
    maxWaitMs: 10,
    isolationLevel: 'read_committed',
  })
  const values: string[] = []
  while (!reader.isDone) {
    for (const { records } of await reader.poll()) {
      for (const { value } of records) values.push(String(value))
    }
  }
  return values
}

const APACHE: Start = async (directory) => startApache(directory)
const cases: [string, Start, Start, Dialect][] = [
  ['Apache Kafka to Ottla', APACHE, startOttla, 'changes epochs'],
  ['Ottla to Apache Kafka', startOttla, APACHE, 'changes epochs'],
  ['Apache Kafka to Ottla, of older producers', APACHE, startOttla, 'names partitions'],
  ['Ottla to Apache Kafka, of older producers', startOttla, APACHE, 'names partitions'],
]

/**
 * Resolves when the ends have their markers. Apache Kafka 4.4.0 that starts with transactions in PrepareCommit fences the
 * former life of its broker some seconds later; partitions that have no leader then it takes for deleted, and completes the
 * transactions without their markers ("Couldn't find leader endpoint for partitions").
 */
async function complete(client: Client, transactionalIds: string[]): Promise<void> {
  await eventually(async () => {
    const { transactionStates } = await client.request(DescribeTransactions, { transactionalIds })
    return transactionStates.every(({ transactionState }) => /^Complete/.test(transactionState))
  }, 'the ends to have their markers')
}

describeWithApache('Transactions under way', () => {
  const directories = temporaryDirectories()
  afterAll(async () => {
    await Promise.all([killApache(), killAll()])
    directories.removeAll()
  }, 60_000)

  test.each(cases)(
    'go from %s: open ones are gone on with or time out, what was to end is ended, and back',
    async (_name, startFirst, startSecond, dialect) => {
      const directory = `${directories.make()}/data`
      if (startFirst === APACHE) await formatApache(directory)
      const first = await startFirst(directory)
      const before = await clientOf(first)
      await createTopic(before, TOPIC, 1)
      const open = await begin(before, 'open', dialect)
      await open.write(0, ['open 1', 'open 2'], Date.now())
      await open.commitOffset(7)
      const left = await begin(before, 'left', dialect, TIMES_OUT_MS)
      await left.write(0, ['left 1'], Date.now())
      const aborted = await begin(before, 'aborted', dialect)
      await aborted.write(0, ['aborted 1'], Date.now())
      const ended = await begin(before, 'ended', dialect)
      await ended.write(0, ['ended 1'], Date.now())
      await ended.commitOffset(3)
      // What is decided is answered before the markers are written.
      await Promise.all([aborted.end(false), ended.end(true)])
      if (startSecond === APACHE) await complete(before, ['aborted', 'ended'])
      await first.kill9()
      await before.close()

      const second = await startSecond(directory)
      const between = await clientOf(second)
      open.goOnWith(between)
      await open.write(0, ['open 3'], Date.now())
      await open.end(true)
      expect(await committed(between)).toEqual(['open 1', 'open 2', 'ended 1', 'open 3'])
      const { topicId } = await topicOf(between)
      expect(await stableOffset(between, 'open', topicId)).toBe(7)
      expect(await stableOffset(between, 'ended', topicId)).toBe(3)
      await open.write(0, ['open 4'], Date.now())
      await open.commitOffset(8)
      await between.close()
      await second.stop()

      const third = await startFirst(directory)
      const after = await clientOf(third)
      open.goOnWith(after)
      await open.end(true)
      const fenced = await begin(after, 'left', dialect)
      await fenced.write(0, ['left 2'], Date.now())
      await fenced.end(true)
      expect(await committed(after)).toEqual([
        'open 1',
        'open 2',
        'ended 1',
        'open 3',
        'open 4',
        'left 2',
      ])
      expect(await stableOffset(after, 'open', topicId)).toBe(8)
      await after.close()
      await third.stop()
      await expectSound(directory)
    },
    4 * PATIENCE_MS,
  )
})
