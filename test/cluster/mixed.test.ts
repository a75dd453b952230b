import { Produce } from '../../protocol/messages/produce.ts'
import { readBatches, readRecords } from '../../protocol/records/batch.ts'
import { ZERO_UUID } from '../../protocol/schema.ts'
import { nodeCodecs } from '../../src/host/codecs.ts'
import { copyInTransactions } from '../clients/copying.ts'
import type { Driver } from '../clients/driver.ts'
import { checkStream } from '../clients/records.ts'
import type { ReadRecord } from '../clients/records.ts'
import { until } from '../clients/wait.ts'
import { batch } from '../handlers/test-node.ts'
import { compileJavaDriver, describeWithApache } from '../interchange/apache.ts'
import { randomIntegers, seed, soaking } from '../soak.ts'
import { killAll } from '../support/broker-process.ts'
import { temporaryDirectories } from '../support/temporary.ts'
import { killApacheBrokers } from './apache-brokers.ts'
import { MixedCluster } from './mixed-cluster.ts'
import { answers, ask } from './nodes.ts'

const CODECS = nodeCodecs()
const directories = temporaryDirectories()
const drivers: Driver[] = []
afterAll(async () => {
  await Promise.all(drivers.map((driver) => driver.kill9()))
  await killApacheBrokers()
  await killAll()
  directories.removeAll()
})

/** Replicas of both kinds have both kinds of leaders; what is only in the soak has coordinators of both kinds, too. */
const OTTLA = [2, 3]
const APACHE = soaking ? [9, 10] : [9]
/** Each has a partition that clients write to all the time, and another one. */
const TOPICS = [
  { topic: 'led-by-ottla', replicas: [2, 9, 3] },
  { topic: 'led-by-apache', replicas: [9, 3, 2] },
  ...(soaking
    ? [
        { topic: 'led-by-ottla-over-apache', replicas: [3, 10, 9] },
        { topic: 'led-by-apache-over-both', replicas: [10, 9, 2] },
      ]
    : []),
]
const STREAMED = 0
const QUIET = 1
const SOAKED_ROUNDS = 3
const LIMIT_MS = 1_200_000
const RECORDS = 300
/** Without it they would take all of the machine. */
const PAUSE_MS = 2

/** Two batches at least that no follower has fetched: a first one may go out with the fetch that waits. */
const LOST = ['lost-1', 'lost-2', 'lost-3']

/** Idempotent producers with acks of all, one for each topic. */
class Streams {
  readonly #driver: Driver
  readonly #running

  constructor(driver: Driver) {
    this.#driver = driver
    this.#running = TOPICS.map(({ topic }) =>
      driver.call('stream', { stream: topic, topic, idempotent: true, pauseMs: PAUSE_MS }, 600_000),
    )
    // A test that has failed ends the driver, and nobody waits for these then.
    for (const each of this.#running) each.catch(() => {})
  }

  /** Resolves when so many more of each were acknowledged. */
  async more(count: number): Promise<void> {
    const acked = (topic: string): number => this.#driver.acked.get(topic) ?? 0
    const wanted = TOPICS.map(({ topic }) => acked(topic) + count)
    await until(
      () => TOPICS.every(({ topic }, index) => acked(topic) >= wanted[index]!),
      () => TOPICS.map(({ topic }) => `${topic}: ${acked(topic)}`).join(),
    )
  }

  /** Stops them; what was acknowledged is there, once and in order. */
  async check(cluster: MixedCluster): Promise<void> {
    for (const { topic } of TOPICS) await this.#driver.call('stop', { stream: topic })
    for (const [index, { topic, replicas }] of TOPICS.entries()) {
      const result = await this.#running[index]!
      expect(result.failed).toEqual([])
      const read = recordsOf(cluster.logOf(replicas[0]!, topic, STREAMED))
      checkStream(result, read, { once: true, inOrder: true })
    }
  }
}

/** All that a log has; the driver would have to write down each of so many. */
function recordsOf(log: Buffer): ReadRecord[] {
  const records: ReadRecord[] = []
  for (const each of readBatches(log)) {
    for (const { offset, value } of readRecords(each, CODECS)) {
      records.push([STREAMED, offset, null, String(value), []])
    }
  }
  return records
}

async function produce(
  cluster: MixedCluster,
  leader: number,
  topic: string,
  value: string,
  acks: number,
) {
  const { responses } = await ask(
    cluster.at(leader).place,
    Produce,
    {
      transactionalId: null,
      acks,
      timeoutMs: 30_000,
      topicData: [
        {
          name: topic,
          topicId: ZERO_UUID,
          partitionData: [{ index: QUIET, records: batch([value]) }],
        },
      ],
    },
    11,
  )
  return responses[0]!.partitionResponses[0]!.errorCode
}

/** A follower of both kinds of leaders hangs: both take it out of the ISR, and in again. */
async function hang(cluster: MixedCluster, follower: number): Promise<void> {
  const has = ({ replicas }: (typeof TOPICS)[number]): boolean =>
    replicas.slice(1).includes(follower)
  cluster.at(follower).signal('SIGSTOP')
  for (const { topic, replicas } of TOPICS.filter(has)) {
    await cluster.has(
      `${topic} without ${follower}`,
      replicas[0]!,
      [topic, STREAMED],
      ({ isr }) => {
        return !isr.includes(follower)
      },
    )
  }
  cluster.at(follower).signal('SIGCONT')
  await cluster.isWhole(follower)
}

/** The leader of a topic dies with records that nobody else has, and comes back. */
async function killLeader(
  cluster: MixedCluster,
  topic: string,
  replicas: readonly number[],
): Promise<void> {
  const [leader, ...followers] = replicas as [number, ...number[]]
  for (const id of followers) cluster.at(id).signal('SIGSTOP')
  for (const value of LOST) expect(await produce(cluster, leader, topic, value, 1)).toBe('NONE')
  await cluster.at(leader).kill9()
  for (const id of followers) cluster.at(id).signal('SIGCONT')
  const former = cluster.logOf(leader, topic, QUIET)
  const next = await cluster.has('another leader', followers[0]!, [topic, QUIET], (state) =>
    followers.includes(state.leader),
  )
  // Another broker may know of it before the leader itself does.
  await answers(
    'the leader to lead',
    () => produce(cluster, next.leader, topic, `after ${leader}`, -1),
    (errorCode) => errorCode === 'NONE',
  )
  await cluster.at(leader).start()
  await cluster.isWhole(leader)
  const log = cluster.logOf(leader, topic, QUIET)
  expect(log.subarray(0, former.length).equals(former)).toBe(false)
  expect(log.includes(LOST.at(-1)!)).toBe(false)
  await cluster.electPreferred(leader)
}

describeWithApache('brokers of Ottla and of Apache Kafka on a controller of Ottla’s', () => {
  const name =
    'replicate the same partitions, to the byte, whoever of them leads, hangs or is killed'
  test(
    soaking ? `${name} (soak, seed ${seed})` : name,
    async () => {
      const beganMs = performance.now()
      const classes = directories.make()
      const [cluster, start] = await Promise.all([
        MixedCluster.open(directories.make(), OTTLA, APACHE),
        compileJavaDriver(classes),
      ])
      for (const { topic, replicas } of TOPICS) await cluster.create(topic, [replicas, replicas])
      const startDriver = (): Driver => {
        const driver = start(cluster.bootstrap)
        drivers.push(driver)
        return driver
      }
      const driver = startDriver()
      const streams = new Streams(driver)
      await streams.more(RECORDS)
      await hang(cluster, 3)
      await streams.more(RECORDS)
      const killLeaders = async (): Promise<void> => {
        for (const { topic, replicas } of TOPICS) {
          await killLeader(cluster, topic, replicas)
          await streams.more(RECORDS)
        }
      }
      // What waits for its coordinators, and starts three more processes, is left to the soak.
      if (soaking) {
        for (let round = 0; round < SOAKED_ROUNDS; round++) {
          await copyInTransactions({
            name: `mixed-${round}`,
            driver,
            partitions: [3, 3],
            copier: startDriver,
            disturb: killLeaders,
            chance: randomIntegers(seed + round),
          })
        }
      } else await killLeaders()
      await streams.check(cluster)
      expect(await cluster.areEqual(2)).toBeGreaterThanOrEqual(2 * TOPICS.length)
      await Promise.all(drivers.map((each) => each.close()))
      await cluster.stop()
      expect(cluster.apache.flatMap(({ complaints }) => complaints)).toEqual([])
      const seconds = ((performance.now() - beganMs) / 1000).toFixed(1)
      process.stdout.write(`brokers of both kinds: ${seconds} s\n`)
    },
    LIMIT_MS,
  )
})
