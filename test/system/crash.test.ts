import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { Fetch } from '../../protocol/messages/fetch.ts'
import { Metadata } from '../../protocol/messages/metadata.ts'
import { Produce } from '../../protocol/messages/produce.ts'
import { buildBatch } from '../../protocol/records/batch.ts'
import { until } from '../clients/wait.ts'
import { randomIntegers, seed, soaking } from '../soak.ts'
import { killAll, startProcess } from '../support/broker-process.ts'
import { RawClient } from '../support/raw-client.ts'
import { temporaryDirectories } from '../support/temporary.ts'
import { codecs, createTopic, readNumbers } from './load.ts'
import { churn, commits, compacted, numbers, type Workload } from './workloads.ts'

const directories = temporaryDirectories()
afterAll(async () => {
  await killAll()
  directories.removeAll()
})

/** 3 in `npm test`, 200 in the soak (about ten minutes); CI asks for 10. */
const KILLS = Number(process.env['OTTLA_CRASHES'] ?? (soaking ? 200 : 3))
const LONGEST_LIFE_MS = soaking ? 1500 : 500
/** So often everything is read, and not only what is new. */
const THOROUGH_EVERY = 20

const SETTINGS = {
  // Checkpoints come often enough that kills come before, between and behind them.
  'log.flush.offset.checkpoint.interval.ms': 300,
  'log.flush.start.offset.checkpoint.interval.ms': 300,
  'log.cleaner.backoff.ms': 100,
  'log.retention.check.interval.ms': 500,
  'log.initial.task.delay.ms': 100,
  'offsets.topic.num.partitions': 3,
}

const workloads = (): Workload[] => [
  numbers('numbers'),
  numbers('again'),
  numbers('plain', { isIdempotent: false }),
  numbers('flushed', { settings: { 'flush.messages': '1' } }),
  numbers('flushed-soon', { settings: { 'flush.ms': '20' }, paddingBytes: 300 }),
  numbers('rolled', { settings: { 'segment.bytes': '1048576' }, paddingBytes: 3000, trims: true }),
  numbers('preallocated', { settings: { preallocate: 'true', 'segment.bytes': '1048576' } }),
  compacted('compacted'),
  churn('churn'),
  commits('group', 'committed'),
]

test(`soak: ${KILLS} kills under load lose nothing that was acknowledged (seed ${seed})`, async () => {
  const random = randomIntegers(seed)
  const settings = { 'log.dirs': directories.make(), ...SETTINGS }
  let broker = await startProcess(settings)
  const all = workloads()
  for (const workload of all) await workload.prepare(broker)
  let longestMs = 0
  const check = async (isThorough: boolean): Promise<void> => {
    for (const workload of all) {
      try {
        await workload.check(broker, isThorough)
      } catch (error) {
        throw new Error(`seed ${seed}: ${(error as Error).message}`, { cause: error })
      }
    }
  }
  for (let kill = 1; kill <= KILLS; kill++) {
    // Before the first kill all have begun: some take long for their first answer, and kills may come sooner ever after.
    const beginning = kill === 1 ? all : [all[0]!]
    const before = beginning.map(({ acknowledged }) => acknowledged)
    const writing = Promise.all(all.map((workload) => workload.run(broker, () => false)))
    const haveBegun = (): boolean =>
      beginning.every(({ acknowledged }, index) => acknowledged > before[index]!)
    const begun = until(haveBegun, 'an answer', 20_000)
    await Promise.race([begun, writing.then(() => begun)])
    await new Promise((resolve) => setTimeout(resolve, random(LONGEST_LIFE_MS)))
    broker.kill('SIGKILL')
    await broker.ended()
    await writing
    const killedMs = performance.now()
    broker = await startProcess(settings)
    longestMs = Math.max(longestMs, performance.now() - killedMs)
    await check(kill % THOROUGH_EVERY === 0)
  }
  // At the end everything that is still on its way arrives.
  await Promise.all(all.map((workload) => workload.run(broker, () => true)))
  await check(true)
  broker.kill('SIGTERM')
  expect(await broker.ended()).toMatchObject({ code: 0 })
  const counts = all.map(({ name, acknowledged }) => `${name} ${acknowledged}`).join(', ')
  console.log(
    `${KILLS} kills, seed ${seed}: at most ${longestMs.toFixed(0)} ms until it served; acknowledged: ${counts}`,
  )
  for (const { name, acknowledged } of all) expect([name, acknowledged > 0]).toEqual([name, true])
})

describe('a signal to stop', () => {
  test.each(['SIGTERM', 'SIGINT'] as const)(
    '%s lets requests in flight be answered, marks the directory as clean, and exits with 0',
    async (signal) => {
      const directory = directories.make()
      const broker = await startProcess({ 'log.dirs': directory })
      await createTopic(broker, 'stopping', 1)
      expect(existsSync(join(directory, '.kafka_cleanshutdown'))).toBe(false)
      const waiting = await RawClient.connect(broker)
      // A fetch that waits for a record that never comes, and a produce that is written when the signal arrives.
      waiting.send(Fetch, 11, {
        maxWaitMs: 800,
        minBytes: 1,
        topics: [
          {
            topic: 'stopping',
            partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 9 }],
          },
        ],
      })
      const asking = await RawClient.connect(broker)
      await asking.request(Metadata, 9, { topics: [] })
      broker.kill(signal)
      const { responses } = await waiting.receive(Fetch, 11)
      expect(responses[0]!.partitions[0]!.errorCode).toBe('NONE')
      await Promise.all([waiting.closed, asking.closed])
      expect(await broker.ended()).toMatchObject({ code: 0, signal: null })
      expect(existsSync(join(directory, '.kafka_cleanshutdown'))).toBe(true)
    },
  )

  test('a record that was acknowledged before it is there after the next start', async () => {
    const settings = { 'log.dirs': directories.make() }
    const first = await startProcess(settings)
    await createTopic(first, 'kept', 1)
    const record = { timestamp: Date.now(), key: null, value: Buffer.from('7') }
    const seven = buildBatch({ records: [record] }, codecs)
    const client = await RawClient.connect(first)
    const { responses } = await client.request(Produce, 9, {
      acks: -1,
      timeoutMs: 1000,
      topicData: [
        {
          name: 'kept',
          partitionData: [{ index: 0, records: seven }],
        },
      ],
    })
    expect(responses[0]!.partitionResponses[0]!.errorCode).toBe('NONE')
    first.kill('SIGTERM')
    await first.ended()
    const second = await startProcess(settings)
    expect(await readNumbers(second, 'kept', 0)).toEqual([7])
    second.kill('SIGTERM')
    await second.ended()
  })

  test('a second one does not wait for requests in flight', async () => {
    const broker = await startProcess({ 'log.dirs': directories.make() })
    await createTopic(broker, 'stopping', 1)
    const waiting = await RawClient.connect(broker)
    waiting.send(Fetch, 11, {
      maxWaitMs: 60_000,
      minBytes: 1,
      topics: [
        { topic: 'stopping', partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 9 }] },
      ],
    })
    const other = await RawClient.connect(broker)
    await other.request(Metadata, 9, { topics: [] })
    broker.kill('SIGTERM')
    // The first one has been heard when the other connection, which has nothing in flight, is closed.
    await other.closed
    broker.kill('SIGTERM')
    const { code } = await broker.ended()
    expect(code).not.toBe(0)
  })
})
