import { ottla, type Ended } from '../bin/command.ts'
import { compareDumps } from '../bin/compare-dumps.ts'
import type { Driver } from '../clients/driver.ts'
import { until } from '../clients/wait.ts'
import { killAll } from '../support/broker-process.ts'
import { temporaryDirectories } from '../support/temporary.ts'
import {
  describeWithApache,
  formatApache,
  killApache,
  startApache,
  startInterchange,
} from './apache.ts'
import { copyOf, expectSound, hasSnapshot, onOttla, type Written } from './ottla.ts'
import { filesOf, sendBatches } from './same-bytes.ts'
import {
  CODECS,
  CONFIGS,
  createTopic,
  goOn,
  together,
  withClientOf,
  writeApaches,
  writePlain,
  Writer,
  type Workload,
} from './workload.ts'

describeWithApache('A directory that Apache Kafka wrote', () => {
  const directories = temporaryDirectories()
  let driver: Driver
  let workload: Workload
  let killed: Written
  let stopped: Written
  let whileRunning: Ended
  /** What only Apache Kafka acts upon, as it told it. */
  let settled: object

  beforeAll(async () => {
    driver = await startInterchange(directories.make())
    const directory = `${directories.make()}/data`
    await formatApache(directory)
    const first = await startApache(directory)
    const writer = new Writer(driver, first.bootstrap)
    workload = await withClientOf(first.bootstrap, async (client) => {
      const plain = await writePlain(writer, client, directory)
      return together(plain, await writeApaches(writer, client))
    })
    const before = await writer.observe(workload)
    whileRunning = await ottla(['log', 'verify', directory])
    await first.kill9()
    killed = { directory: copyOf(directory, directories), observed: before }
    const second = await startApache(directory)
    await goOn(new Writer(driver, second.bootstrap), 500)
    const observed = await new Writer(driver, second.bootstrap).observe(workload)
    const { quotas, users } = (await new Writer(driver, second.bootstrap).call('settled', {})) as {
      quotas: object
      users: object
    }
    settled = { quotas, users }
    expect([quotas, users].map((each) => Object.keys(each).length)).toEqual([2, 1])
    await second.stop()
    stopped = { directory, observed }
  }, 600_000)

  afterAll(async () => {
    await driver?.close()
    await Promise.all([killApache(), killAll()])
    directories.removeAll()
  }, 60_000)

  test('is sound, and every file of it is what Apache Kafka says it is', async () => {
    expect(whileRunning).toMatchObject({ code: 0 })
    for (const { directory } of [killed, stopped]) await expectSound(directory)
    const compared = await compareDumps(killed.directory)
    expect(Object.keys(compared).sort()).toEqual([
      'checkpoint',
      'index',
      'log',
      'snapshot',
      'timeindex',
      'txnindex',
    ])
  }, 300_000)

  test('has the files that Ottla makes of the same batches, byte for byte', async () => {
    const directory = `${directories.make()}/data`
    const partitions: [string, number][] = [['segments', 0]]
    for (const index of CODECS.keys()) partitions.push(['codecs', index])
    await onOttla(directory, ({ bootstrap }) =>
      withClientOf(bootstrap, async (client) => {
        await createTopic(client, 'codecs', CODECS.length, CONFIGS.codecs)
        await createTopic(client, 'segments', 1, CONFIGS.segments)
        for (const [topic, index] of partitions) {
          await sendBatches(client, `${killed.directory}/${topic}-${index}`, topic, index)
        }
      }),
    )
    for (const [topic, index] of partitions) {
      const theirs = filesOf(`${killed.directory}/${topic}-${index}`)
      expect(filesOf(`${directory}/${topic}-${index}`)).toEqual(theirs)
      expect(theirs.size).toBe(topic === 'segments' ? 12 : 1)
    }
  }, 120_000)

  test('and was killed over is served by Ottla as Apache Kafka served it', async () => {
    const { directory, observed } = killed
    await onOttla(copyOf(directory, directories), async (broker) => {
      const writer = new Writer(driver, broker.bootstrap)
      expect(await writer.observe(workload)).toEqual(observed)
      await goOn(writer, 600)
    })
  }, 300_000)

  test('and closed is served by Ottla, and then by Apache Kafka with what Ottla wrote', async () => {
    const directory = copyOf(stopped.directory, directories)
    const ours = await onOttla(directory, async ({ bootstrap }) => {
      const writer = new Writer(driver, bootstrap)
      expect(await writer.observe(workload)).toEqual(stopped.observed)
      await goOn(writer, 700)
      await until(() => hasSnapshot(directory), 'a snapshot of the metadata')
      return writer.observe(workload)
    })
    const apache = await startApache(directory)
    const writer = new Writer(driver, apache.bootstrap)
    expect(await writer.call('settled', {})).toMatchObject(settled)
    expect(await writer.observe(workload)).toEqual(ours)
    await goOn(writer, 800)
    const theirs = await writer.observe(workload)
    await apache.stop()
    await onOttla(directory, async ({ bootstrap }) => {
      expect(await new Writer(driver, bootstrap).observe(workload)).toEqual(theirs)
    })
    await expectSound(directory)
  }, 300_000)
})
