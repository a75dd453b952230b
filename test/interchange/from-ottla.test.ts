import { compareDumps } from '../bin/compare-dumps.ts'
import type { Driver } from '../clients/driver.ts'
import { until } from '../clients/wait.ts'
import { killAll } from '../support/broker-process.ts'
import { temporaryDirectories } from '../support/temporary.ts'
import { describeWithApache, killApache, startApache, startInterchange } from './apache.ts'
import { copyOf, expectSound, hasSnapshot, onOttla, startOttla, type Written } from './ottla.ts'
import { goOn, withClientOf, writePlain, Writer, type Workload } from './workload.ts'

describeWithApache('A directory that Ottla wrote', () => {
  const directories = temporaryDirectories()
  let driver: Driver
  let workload: Workload
  let killed: Written
  let stopped: Written

  beforeAll(async () => {
    driver = await startInterchange(directories.make())
    const directory = `${directories.make()}/data`
    const first = await startOttla(directory)
    const writer = new Writer(driver, first.bootstrap)
    workload = await withClientOf(first.bootstrap, (client) =>
      writePlain(writer, client, directory),
    )
    const before = await writer.observe(workload)
    await until(() => hasSnapshot(directory), 'a snapshot of the metadata')
    await first.kill9()
    killed = { directory: copyOf(directory, directories), observed: before }
    const observed = await onOttla(directory, async ({ bootstrap }) => {
      await goOn(new Writer(driver, bootstrap), 500)
      return new Writer(driver, bootstrap).observe(workload)
    })
    stopped = { directory, observed }
  }, 600_000)

  afterAll(async () => {
    await driver?.close()
    await Promise.all([killApache(), killAll()])
    directories.removeAll()
  }, 60_000)

  test('is sound, and every file of it is what Apache Kafka says it is', async () => {
    for (const { directory } of [killed, stopped]) await expectSound(directory)
    const compared = await compareDumps(stopped.directory)
    expect(Object.keys(compared).sort()).toEqual([
      'checkpoint',
      'index',
      'log',
      'snapshot',
      'timeindex',
    ])
  }, 300_000)

  const cases: [string, () => Written][] = [
    ['and closed', () => stopped],
    ['and was killed over', () => killed],
  ]
  for (const [name, written] of cases) {
    test(`${name} is served by Apache Kafka, and then by Ottla with what Apache Kafka wrote`, async () => {
      const directory = copyOf(written().directory, directories)
      const apache = await startApache(directory)
      const writer = new Writer(driver, apache.bootstrap)
      expect(await writer.observe(workload)).toEqual(written().observed)
      await goOn(writer, 600)
      const theirs = await writer.observe(workload)
      await apache.stop()
      await onOttla(directory, async ({ bootstrap }) => {
        expect(await new Writer(driver, bootstrap).observe(workload)).toEqual(theirs)
      })
      await expectSound(directory)
    }, 300_000)
  }
})
