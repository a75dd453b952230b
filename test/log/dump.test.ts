import { execFileSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { quickJava } from '../support/quick-java.ts'
import { useTemporaryDirectories } from '../support/temporary.ts'
import { append, batchOf, openLog } from './support.ts'

const temporaryDirectory = useTemporaryDirectories()

const jars = process.env['OTTLA_KAFKA_JARS']
/** Needs Java and a folder with the jars of Apache Kafka, named by OTTLA_KAFKA_JARS. */
const withJars = jars === undefined ? test.skip : test

withJars(
  'Apache Kafka’s DumpLogSegments reads every file and finds nothing wrong (needs OTTLA_KAFKA_JARS)',
  async () => {
    const path = temporaryDirectory()
    const { manager, log } = await openLog(path, {
      config: { segmentBytes: 10_000, indexIntervalBytes: 500 },
    })
    for (let sequence = 0; sequence < 300; sequence += 10) {
      const compression = (['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const)[(sequence / 10) % 5]!
      const producer = { producerId: 4, producerEpoch: 0, baseSequence: sequence }
      await append(log, batchOf(10, 100, { ...producer, compression }))
    }
    await manager.close()
    const files = readdirSync(`${path}/t-0`)
      .filter((name) => /^\d{20}\.(log|index|timeindex|snapshot)$/.test(name))
      .map((name) => `${path}/t-0/${name}`)
    const output = execFileSync(
      'java',
      [
        ...quickJava(jars),
        'org.apache.kafka.tools.DumpLogSegments',
        '--deep-iteration',
        '--files',
        files.join(','),
      ],
      { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], maxBuffer: 1 << 26 },
    )
    expect(output).not.toMatch(/isvalid: false|mismatch|Exception|Corrupt|not found in/i)
    expect(output.match(/^\| offset: /gm)).toHaveLength(300)
    expect(output).toMatch(/producerId: 4 producerEpoch: 0 .*lastSequence: 299/)
  },
  30_000,
)
