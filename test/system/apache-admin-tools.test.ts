import { execFile } from 'node:child_process'
import { startBroker } from '../../src/index.ts'
import type { RunningBroker } from '../../src/index.ts'
import { temporaryDirectories } from '../support/temporary.ts'
import { format } from './format.ts'
import { createTopic, NumberProducer } from './load.ts'
import { quickJava } from '../support/quick-java.ts'

const jars = process.env['OTTLA_KAFKA_JARS']

if (jars === undefined) {
  test.skip("Apache's tools for features, elections and producers (needs OTTLA_KAFKA_JARS, the folder of its jars, and Java)", () =>
    undefined)
} else {
  describe("Apache's tools", () => {
    const directories = temporaryDirectories()
    let directory: string
    let broker: RunningBroker

    beforeAll(async () => {
      directory = await format(directories.make(), { 'metadata.version': 30 }, '4.3')
      broker = await startBroker({ directory })
      await createTopic(broker, 'numbers', 2)
    })
    afterAll(async () => {
      await broker.close()
      directories.removeAll()
    })

    /** Exit code, and lines of standard output without their runs of blanks. */
    const tool = (name: string, ...args: string[]) =>
      new Promise<{ code: unknown; lines: string[]; errors: string }>((resolve) => {
        const bootstrap = ['--bootstrap-server', `${broker.host}:${broker.port}`]
        const all = [...quickJava(jars), `org.apache.kafka.tools.${name}`, ...bootstrap, ...args]
        execFile('java', all, { maxBuffer: 1 << 24 }, (error, stdout, stderr) =>
          resolve({
            code: error?.code ?? 0,
            lines: stdout
              .split('\n')
              .map((line) => line.trim().replace(/\s+/g, ' '))
              .filter((line) => line !== ''),
            errors: stderr,
          }),
        )
      })
    const level = async () => {
      const { lines } = await tool('FeatureCommand', 'describe')
      return lines.find((line) => line.startsWith('Feature: metadata.version'))
    }

    test('kafka-features raises the level of metadata.version, and it stays over a restart', async () => {
      expect(await level()).toMatch(/FinalizedVersionLevel: 4\.3-IV0 /)
      const all = await tool('FeatureCommand', 'upgrade', '--release-version', '4.4')
      expect(all.code).toBe(1)
      expect(all.lines.concat(all.errors).join()).toContain(
        'Local controller 1 does not support this feature.',
      )
      const raised = await tool('FeatureCommand', 'upgrade', '--feature', 'metadata.version=33')
      expect(raised).toMatchObject({ code: 0, lines: ['metadata.version was upgraded to 33.'] })
      await broker.close()
      broker = await startBroker({ directory })
      expect(await level()).toMatch(/FinalizedVersionLevel: 4\.4-IV2 /)
      const lowered = await tool('FeatureCommand', 'downgrade', '--feature', 'metadata.version=32')
      expect(lowered.code).toBe(1)
      expect(lowered.lines.concat(lowered.errors).join()).toContain('might delete metadata')
    }, 120_000)

    test('kafka-leader-election finds that each partition has its preferred leader', async () => {
      const one = ['--topic', 'numbers', '--partition', '1']
      const asked = await tool('LeaderElectionCommand', '--election-type', 'preferred', ...one)
      expect(asked).toMatchObject({
        code: 0,
        lines: ['Valid replica already elected for partitions numbers-1'],
      })
      const unknown = ['--topic', 'nowhere', '--partition', '0']
      const failed = await tool('LeaderElectionCommand', '--election-type', 'unclean', ...unknown)
      expect(failed.code).toBe(1)
      expect(failed.lines.concat(failed.errors).join()).toContain('nowhere-0')
      const every = ['--election-type', 'preferred', '--all-topic-partitions']
      expect(await tool('LeaderElectionCommand', ...every)).toMatchObject({ code: 0, lines: [] })
    }, 120_000)

    test('kafka-transactions describe-producers lists who has written to a partition', async () => {
      const producer = new NumberProducer('numbers', 1, true)
      await producer.run(broker, () => producer.acknowledged.size > 10)
      const partition = ['--topic', 'numbers', '--partition', '1']
      const { code, lines } = await tool('TransactionsCommand', 'describe-producers', ...partition)
      expect(code).toBe(0)
      expect(lines[0]).toMatch(/^ProducerId ProducerEpoch LatestCoordinatorEpoch LastSequence /)
      const found = lines.slice(1).map((line) => line.split(' '))
      expect(found).toHaveLength(1)
      const [producerId, epoch, coordinatorEpoch, lastSequence] = found[0]!
      expect([epoch, coordinatorEpoch]).toEqual(['0', '-1'])
      expect(Number(producerId)).toBeGreaterThanOrEqual(0)
      expect(Number(lastSequence)).toBe(Math.max(...producer.acknowledged.keys()))
    }, 120_000)
  })
}
