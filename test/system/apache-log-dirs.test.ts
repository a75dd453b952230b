import { execFile } from 'node:child_process'
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { startBroker } from '../../src/index.ts'
import type { RunningBroker } from '../../src/index.ts'
import { eventually } from '../clients/wait.ts'
import { temporaryDirectories } from '../support/temporary.ts'
import { createTopic, NumberProducer, readNumbers } from './load.ts'
import { quickJava } from '../support/quick-java.ts'

const jars = process.env['OTTLA_KAFKA_JARS']

if (jars === undefined) {
  test.skip("Apache's tools on several log directories (needs OTTLA_KAFKA_JARS, the folder of its jars, and Java)", () =>
    undefined)
} else {
  describe("Apache's tools on several log directories", () => {
    const directories = temporaryDirectories()
    const base = directories.make()
    const [one, two] = [join(base, 'one'), join(base, 'two')]
    let broker: RunningBroker

    beforeAll(async () => {
      broker = await startBroker({ settings: { 'log.dirs': `${one},${two}` } })
    })
    afterAll(async () => {
      await broker.close()
      directories.removeAll()
    })

    async function tool(main: string, ...args: string[]): Promise<string> {
      const bootstrap = ['--bootstrap-server', `${broker.host}:${broker.port}`]
      const all = [...quickJava(jars), main, ...bootstrap, ...args]
      const { stdout } = await promisify(execFile)('java', all, { maxBuffer: 1 << 24 })
      return stdout
    }

    const describeLogDirs = async () => {
      const printed = await tool('org.apache.kafka.tools.LogDirsCommand', '--describe')
      const [{ logDirs }] = (
        JSON.parse(printed.slice(printed.indexOf('{'))) as {
          brokers: [
            { logDirs: { logDir: string; error: null; partitions: { partition: string }[] }[] },
          ]
        }
      ).brokers
      return new Map(
        logDirs.map(({ logDir, partitions }) => [
          logDir,
          partitions.map(({ partition }) => partition),
        ]),
      )
    }

    test('kafka-reassign-partitions moves a replica while it is written, kafka-log-dirs sees it', async () => {
      await createTopic(broker, 'numbers', 1)
      expect((await describeLogDirs()).get(one)).toEqual(['numbers-0'])
      const producer = new NumberProducer('numbers', 0, true)
      let isOver = false
      const running = producer.run(broker, () => isOver)
      const plan = join(base, 'plan.json')
      writeFileSync(
        plan,
        JSON.stringify({
          version: 1,
          partitions: [{ topic: 'numbers', partition: 0, replicas: [1], log_dirs: [two] }],
        }),
      )
      const reassign = 'org.apache.kafka.tools.reassign.ReassignPartitionsCommand'
      const done = await tool(reassign, '--execute', '--reassignment-json-file', plan)
      expect(done).toContain(
        `Successfully started moving log directory to ${two} for replica numbers-0`,
      )
      let verified = ''
      const isMoved = async (): Promise<boolean> => {
        verified = await tool(reassign, '--verify', '--reassignment-json-file', plan)
        return !verified.includes('still in progress')
      }
      await eventually(isMoved, 'the replica to move')
      expect(verified).toContain('Reassignment of partition numbers-0 is completed.')
      expect(verified).toContain('Reassignment of replica numbers-0-1 completed successfully.')
      isOver = true
      await running
      const found = await describeLogDirs()
      expect([found.get(one), found.get(two)]).toEqual([[], ['numbers-0']])
      expect(readdirSync(two)).toContain('numbers-0')
      expect(producer.acknowledged.size).toBeGreaterThan(100)
      const expected = Array.from(producer.acknowledged.keys()).sort((a, b) => a - b)
      expect(await readNumbers(broker, 'numbers', 0)).toEqual(expected)
    }, 400_000)
  })
}
