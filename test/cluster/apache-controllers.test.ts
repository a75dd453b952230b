import { execFile } from 'node:child_process'
import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Metadata } from '../../protocol/messages/metadata.ts'
import { readBatches, readRecords } from '../../protocol/records/batch.ts'
import { nodeCodecs } from '../../src/host/codecs.ts'
import { copyInTransactions } from '../clients/copying.ts'
import type { Driver } from '../clients/driver.ts'
import { checkStream } from '../clients/records.ts'
import type { ReadRecord } from '../clients/records.ts'
import { eventually, until } from '../clients/wait.ts'
import {
  compileJavaDriver,
  describeWithApache,
  formatApache,
  killApache,
  NEWEST,
  startApache,
} from '../interchange/apache.ts'
import type { RunningNode } from '../interchange/apache.ts'
import { randomIntegers, seed, soaking } from '../soak.ts'
import type { BrokerProcess } from '../support/broker-process.ts'
import { killAll, startInVain } from '../support/broker-process.ts'
import { quickJava } from '../support/quick-java.ts'
import { temporaryDirectories } from '../support/temporary.ts'
import { answers, ask, brokerSettings, format, startJoiningBroker } from './nodes.ts'

const APACHE = 1
const OTTLA = 2
/** Those of Apache Kafka 4.4.0 that Ottla's brokers don't have, and one that is lowered with them. */
const MISSING_FEATURES = ['group.version', 'share.version', 'streams.version']
const STREAM = 'streamed'
const RECORDS = 300

const CODECS = nodeCodecs()
const directories = temporaryDirectories()
const drivers: Driver[] = []
afterAll(async () => {
  await Promise.all(drivers.map((driver) => driver.kill9()))
  await killApache()
  await killAll()
  directories.removeAll()
})

/** An Apache Kafka node that is broker and controller, and soon a broker of Ottla's beside it. */
class Migration {
  readonly apache: RunningNode
  readonly driver: Driver
  readonly #apacheDirectory: string
  readonly #root = directories.make()
  #ottla: BrokerProcess | null = null

  constructor(apache: RunningNode, apacheDirectory: string, start: () => Driver) {
    this.apache = apache
    this.#apacheDirectory = apacheDirectory
    this.driver = start()
  }

  /** What one of Apache's tools prints; each is a process of its own. */
  async tool(name: string, args: readonly string[]): Promise<string> {
    const java = ['-Xmx256m', ...quickJava(NEWEST.jars)]
    java.push(`org.apache.kafka.tools.${name}`)
    const bootstrap = ['--bootstrap-server', this.apache.bootstrap]
    // It takes the option behind its command, the others before theirs.
    if (name === 'ClusterTool') java.push(...args, ...bootstrap)
    else java.push(...bootstrap, ...args)
    return (await promisify(execFile)('java', java)).stdout
  }

  get #controllers(): number[] {
    return [this.apache.controllerPort!]
  }

  async format(): Promise<void> {
    await format(brokerSettings(this.#root, OTTLA, this.#controllers), [])
  }

  /** What it says where it can't join. */
  async joinInVain(): Promise<string> {
    const { code, stderr } = await startInVain(brokerSettings(this.#root, OTTLA, this.#controllers))
    expect(code).not.toBe(0)
    return stderr
  }

  async join(): Promise<void> {
    this.#ottla = await startJoiningBroker(this.#root, OTTLA, this.#controllers)
  }

  async leave(): Promise<void> {
    this.#ottla!.kill('SIGTERM')
    expect(await this.#ottla!.ended()).toMatchObject({ code: 0 })
  }

  async partitions() {
    const [host, port] = this.apache.bootstrap.split(':') as [string, string]
    const { topics } = await ask({ host, port: Number(port) }, Metadata, {
      topics: null,
      allowAutoTopicCreation: false,
    })
    return topics.flatMap(({ name, partitions }) =>
      partitions.map((each) => ({ topic: name!, ...each })),
    )
  }

  /** Has all partitions of all topics moved by kafka-reassign-partitions; the first replica leads each at last. */
  async move(replicas: readonly number[]): Promise<void> {
    const all = await this.partitions()
    const partitions = all.map(({ topic, partitionIndex: partition }) => {
      return { topic, partition, replicas }
    })
    const file = join(this.#root, 'reassignment.json')
    writeFileSync(file, JSON.stringify({ version: 1, partitions }))
    const name = 'reassign.ReassignPartitionsCommand'
    const args = ['--reassignment-json-file', file]
    await this.tool(name, [...args, '--execute'])
    await eventually(async () => {
      const told = await this.tool(name, [...args, '--verify'])
      return !/still in progress/.test(told)
    }, `all on ${replicas.join()}`)
    await this.tool('LeaderElectionCommand', [
      '--election-type',
      'preferred',
      '--all-topic-partitions',
    ])
    await answers(
      `all led by ${replicas[0]}`,
      () => this.partitions(),
      (those) =>
        those.every(
          ({ leaderId, isrNodes }) =>
            leaderId === replicas[0] && isrNodes.length === replicas.length,
        ),
    )
  }

  logOf(id: number, topic: string, partition: number): Buffer {
    const root = id === OTTLA ? join(this.#root, `node-${OTTLA}`) : this.#apacheDirectory
    const directory = join(root, `${topic}-${partition}`)
    const names = readdirSync(directory).filter((name) => name.endsWith('.log'))
    return Buffer.concat(names.sort().map((name) => readFileSync(join(directory, name))))
  }

  /** Both have the same batches of everything, to the byte. */
  async areEqual(): Promise<void> {
    const all = await this.partitions()
    await answers(
      'equal logs',
      () =>
        Promise.resolve(
          all.filter(({ topic, partitionIndex }) => {
            const [one, other] = [APACHE, OTTLA].map((id) => this.logOf(id, topic, partitionIndex))
            return !one!.equals(other!)
          }),
        ),
      (differing) => differing.length === 0,
    )
  }

  /** So many more records of the stream are acknowledged. */
  async more(): Promise<void> {
    const acked = (): number => this.driver.acked.get(STREAM) ?? 0
    const wanted = acked() + RECORDS
    await until(
      () => acked() >= wanted,
      () => `${acked()} of ${wanted} records`,
    )
  }
}

function recordsOf(log: Buffer): ReadRecord[] {
  const records: ReadRecord[] = []
  for (const each of readBatches(log)) {
    for (const { offset, value } of readRecords(each, CODECS)) {
      records.push([0, offset, null, String(value), []])
    }
  }
  return records
}

// Six processes, and minutes.
const describeInSoak = soaking ? describeWithApache : describe.skip

describeInSoak('a broker of Ottla’s under a controller of Apache Kafka’s', () => {
  test(`takes over all topics while clients write in transactions, and gives them back (soak, seed ${seed})`, async () => {
    const beganMs = performance.now()
    const apacheDirectory = directories.make()
    await formatApache(apacheDirectory)
    const start = await compileJavaDriver(directories.make())
    const apache = await startApache(apacheDirectory)
    const startDriver = (): Driver => {
      const driver = start(apache.bootstrap)
      drivers.push(driver)
      return driver
    }
    const migration = new Migration(apache, apacheDirectory, startDriver)
    const { driver } = migration
    await migration.format()
    expect(await migration.joinInVain()).toMatch(
      /has finalized a feature at a level that it does not support/,
    )
    const levels = (level: number): string[] =>
      MISSING_FEATURES.flatMap((name) => ['--feature', `${name}=${level}`])
    await migration.tool('FeatureCommand', ['downgrade', ...levels(0)])
    await driver.call('create', { topic: STREAM, partitions: 1 })
    const ask = { stream: STREAM, topic: STREAM, idempotent: true, pauseMs: 2 }
    const streaming = driver.call('stream', ask, 1_200_000)
    streaming.catch(() => {})
    await migration.more()
    await migration.join()
    await copyInTransactions({
      name: 'there',
      driver,
      partitions: [3, 3],
      copier: startDriver,
      disturb: async () => {
        await migration.move([APACHE, OTTLA])
        await migration.move([OTTLA])
        await migration.more()
      },
      chance: randomIntegers(seed),
    })
    // Nobody may raise what one of the brokers lacks.
    const raise = ['upgrade', '--feature', 'group.version=1']
    await expect(migration.tool('FeatureCommand', raise)).rejects.toThrow(/group\.version/)
    await copyInTransactions({
      name: 'back',
      driver,
      partitions: [3, 3],
      copier: startDriver,
      disturb: () => migration.move([OTTLA, APACHE]),
      chance: randomIntegers(seed + 1),
    })
    await driver.call('stop', { stream: STREAM })
    const result = await streaming
    expect(result.failed).toEqual([])
    await migration.areEqual()
    checkStream(result, recordsOf(migration.logOf(OTTLA, STREAM, 0)), { once: true, inOrder: true })
    await migration.move([APACHE])
    await migration.leave()
    await migration.tool('ClusterTool', ['unregister', '--id', String(OTTLA)])
    await migration.tool('FeatureCommand', ['upgrade', '--release-version', '4.4'])
    await apache.stop()
    const seconds = ((performance.now() - beganMs) / 1000).toFixed(1)
    process.stdout.write(`to a broker of Ottla’s and back: ${seconds} s\n`)
  }, 1_200_000)
})
