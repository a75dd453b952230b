import { existsSync } from 'node:fs'
import { ApiVersions } from '../../protocol/messages/api-versions.ts'
import type { Driver } from '../clients/driver.ts'
import { until } from '../clients/wait.ts'
import { killAll } from '../support/broker-process.ts'
import { temporaryDirectories } from '../support/temporary.ts'
import {
  describeWithApache,
  formatApache,
  killApache,
  NEWEST,
  OLDER,
  startApache,
  startInterchange,
  type RunningNode,
} from './apache.ts'
import { copyOf, expectSound, hasSnapshot, onOttla } from './ottla.ts'
import {
  goOn,
  together,
  withClientOf,
  writeApaches,
  writeCodecs,
  Writer,
  type Workload,
} from './workload.ts'

/** 4.3-IV0, which Apache Kafka 4.3 finalizes on a new cluster and which is the highest that it knows. */
const LEVEL = 30

describeWithApache(
  'A directory that Apache Kafka 4.3 formatted',
  () => {
    const directories = temporaryDirectories()
    let driver: Driver
    /** As the format left it. */
    let formatted: string

    beforeAll(async () => {
      driver = await startInterchange(directories.make())
      formatted = `${directories.make()}/data`
      await formatApache(formatted, OLDER)
      // This is the layout that is meant: later ones don't have this file (KIP-1170).
      expect(existsSync(`${formatted}/bootstrap.checkpoint`)).toBe(true)
    }, 300_000)

    afterAll(async () => {
      await driver?.close()
      await Promise.all([killApache(), killAll()])
      directories.removeAll()
    }, 60_000)

    /** Ottla goes on at the level, and Apache Kafka 4.3 and Ottla again read all that is there then. */
    async function thereAndBack(
      directory: string,
      ottlas: Parameters<typeof onOttla>[1],
      workload: () => Workload,
    ) {
      const ours = await onOttla(directory, async (broker) => {
        await ottlas(broker)
        expect(await levelOf(broker)).toBe(LEVEL)
        await until(() => hasSnapshot(directory), 'a snapshot of the metadata')
        return new Writer(driver, broker.bootstrap).observe(workload())
      })
      const apache = await startApache(directory, OLDER)
      const writer = new Writer(driver, apache.bootstrap)
      expect(await levelOf(apache)).toBe(LEVEL)
      expect(await writer.observe(workload())).toEqual(ours)
      await goOn(writer, 700, ['codecs'])
      const theirs = await writer.observe(workload())
      await apache.stop()
      await onOttla(directory, async (broker) => {
        expect(await new Writer(driver, broker.bootstrap).observe(workload())).toEqual(theirs)
        expect(await levelOf(broker)).toBe(LEVEL)
      })
      await expectSound(directory)
    }

    test('and never started begins on Ottla at its level, and goes to Apache Kafka 4.3 and back', async () => {
      let workload: Workload
      const begin = ({ bootstrap }: RunningNode) =>
        withClientOf(bootstrap, async (client) => {
          workload = await writeCodecs(new Writer(driver, bootstrap), client)
        })
      await thereAndBack(copyOf(formatted, directories), begin, () => workload)
    }, 300_000)

    test('and was killed over is gone on with at its level, and goes to Apache Kafka 4.3 and back', async () => {
      const directory = copyOf(formatted, directories)
      const apache = await startApache(directory, OLDER)
      const first = new Writer(driver, apache.bootstrap)
      const workload = await withClientOf(apache.bootstrap, async (client) =>
        together(await writeCodecs(first, client), await writeApaches(first, client)),
      )
      const theirs = await first.observe(workload)
      await apache.kill9()
      const takeOver = async ({ bootstrap }: RunningNode) => {
        const writer = new Writer(driver, bootstrap)
        expect(await writer.observe(workload)).toEqual(theirs)
        await goOn(writer, 600, ['codecs'])
      }
      await thereAndBack(directory, takeOver, () => workload)
    }, 300_000)
  },
  [NEWEST, OLDER],
)

/** The metadata.version that a broker says is finalized. */
async function levelOf({ bootstrap }: RunningNode): Promise<number | undefined> {
  return withClientOf(bootstrap, async (client) => {
    const { finalizedFeatures } = await client.request(ApiVersions, {
      clientSoftwareName: 'interchange',
      clientSoftwareVersion: '1',
    })
    return finalizedFeatures.find(({ name }) => name === 'metadata.version')?.maxVersionLevel
  })
}
