import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { CreateTopics } from '../../protocol/messages/create-topics.ts'
import { Fetch } from '../../protocol/messages/fetch.ts'
import { ListOffsets } from '../../protocol/messages/list-offsets.ts'
import { Produce } from '../../protocol/messages/produce.ts'
import {
  batchAttributes,
  buildBatch,
  compressionType,
  setBatchCrc,
  setBatchMaxTimestamp,
  uncompressedRecords,
} from '../../protocol/records/batch.ts'
import { COMPRESSION_TYPES, type CompressionType } from '../../protocol/records/codecs.ts'
import { nodeCodecs } from '../../src/host/codecs.ts'
import { nodeHost } from '../../src/host/node.ts'
import { startBroker, type RunningBroker } from '../../src/index.ts'
import { ottla } from '../bin/command.ts'
import { apacheUnderTest } from '../clients/broker.ts'
import { RawClient } from '../support/raw-client.ts'
import { temporaryDirectories } from '../support/temporary.ts'
import { quickJava } from '../support/quick-java.ts'

const codecs = nodeCodecs()
const jars = process.env['OTTLA_KAFKA_JARS']
const directories = temporaryDirectories()
const SETTING: Record<CompressionType, string> = {
  none: 'uncompressed',
  gzip: 'gzip',
  snappy: 'snappy',
  lz4: 'lz4',
  zstd: 'zstd',
}
const COUNT = 1500
const topics = COMPRESSION_TYPES.map((stored) => `to-${stored}`)

interface At {
  readonly host: string
  readonly port: number
}

async function createTopics(client: RawClient): Promise<void> {
  await client.request(CreateTopics, 7, {
    topics: COMPRESSION_TYPES.map((stored) => ({
      name: `to-${stored}`,
      numPartitions: 1,
      replicationFactor: 1,
      assignments: [],
      configs: [
        { name: 'compression.type', value: SETTING[stored] },
        // The records' times are of long ago.
        { name: 'retention.ms', value: '-1' },
      ],
    })),
  })
  for (const name of topics) {
    for (;;) {
      const { topics: answered } = await client.request(ListOffsets, 7, {
        replicaId: -1,
        topics: [{ name, partitions: [{ partitionIndex: 0, timestamp: -1n }] }],
      })
      if (answered[0]!.partitions[0]!.errorCode === 'NONE') break
    }
  }
}

/** Four kinds of batch, as they come from producers. */
function batches(): Buffer[] {
  const records = Array.from({ length: COUNT }, (_, index) => ({
    timestamp: 1_700_000_000_000 + (index % 5),
    key: Buffer.from(`key ${index}`),
    value: Buffer.from(`value ${index * 7919} of some length`),
    headers: [{ key: 'header', value: index % 2 === 0 ? null : Buffer.from('h') }],
  }))
  const unset = buildBatch({ records, compression: 'lz4' }, codecs)
  setBatchMaxTimestamp(unset, 0, 'CreateTime', -1n)
  setBatchCrc(unset, 0, codecs.crc32c)
  return [
    buildBatch({ records }, codecs),
    buildBatch({ records: records.slice(0, 1), compression: 'snappy' }, codecs),
    buildBatch({ records, compression: 'gzip' }, codecs),
    unset,
    buildBatch({ records, compression: 'zstd' }, codecs),
  ]
}

/** What a broker makes of the batches in each topic. */
async function storedBy(at: At): Promise<Map<string, Buffer[]>> {
  const client = await RawClient.connect(at)
  try {
    await createTopics(client)
    const stored = new Map<string, Buffer[]>()
    for (const name of topics) {
      const found: Buffer[] = []
      for (const records of batches()) {
        const produced = await client.request(Produce, 9, {
          acks: -1,
          timeoutMs: 10_000,
          topicData: [{ name, partitionData: [{ index: 0, records }] }],
        })
        const { errorCode, baseOffset } = produced.responses[0]!.partitionResponses[0]!
        expect(errorCode).toBe('NONE')
        found.push(await fetchAt(client, name, baseOffset))
      }
      stored.set(name, found)
    }
    return stored
  } finally {
    client.destroy()
  }
}

async function fetchAt(client: RawClient, topic: string, fetchOffset: number): Promise<Buffer> {
  const { responses } = await client.request(Fetch, 12, {
    maxWaitMs: 1000,
    minBytes: 1,
    maxBytes: 1 << 24,
    topics: [{ topic, partitions: [{ partition: 0, fetchOffset, partitionMaxBytes: 1 << 24 }] }],
    forgottenTopicsData: [],
  })
  return responses[0]!.partitions[0]!.records!
}

/** All that a batch says but for how well it is compressed: its own length and checksum. */
function meaning(batch: Buffer) {
  const header = Buffer.from(batch.subarray(0, 61))
  header.fill(0, 8, 12).fill(0, 17, 21)
  return {
    compression: compressionType(batchAttributes(batch, 0)),
    header: header.toString('hex'),
    records: uncompressedRecords(batch, codecs).toString('hex'),
  }
}

describe('compression.type of a topic', () => {
  const host = nodeHost({ log: { level: 'silent' } })
  const directory = directories.make()
  let broker: RunningBroker
  beforeAll(async () => {
    broker = await startBroker({ host, directory })
  })
  afterAll(async () => {
    await broker.close()
    await host.workers.close()
    directories.removeAll()
  })

  test('is what our own command finds in the log, and its records are those produced', async () => {
    const { bootstrap } = broker
    const input = Array.from({ length: COUNT }, (_, index) => `line ${index * 31}\n`).join('')
    for (const stored of COMPRESSION_TYPES) {
      const topic = `own-${stored}`
      const config = `compression.type=${SETTING[stored]}`
      await ottla(['topics', 'create', topic, '--config', config], { bootstrap })
      for (const sent of COMPRESSION_TYPES) {
        await ottla(['produce', topic, '--compression', sent], { bootstrap, input })
      }
      const { stdout } = await ottla(['consume', topic], { bootstrap })
      expect(stdout).toBe(input.repeat(COMPRESSION_TYPES.length))
      const file = join(directory, `${topic}-0`, '00000000000000000000.log')
      const dumped = await ottla(['log', 'dump', '--json', file])
      const kinds = [...dumped.stdout.matchAll(/"compression":"(\w+)"/g)].map((match) => match[1])
      expect(kinds.length).toBeGreaterThan(COMPRESSION_TYPES.length - 1)
      expect(new Set(kinds)).toEqual(new Set([stored]))
    }
  }, 60_000)

  const withKafka = jars === undefined ? test.skip : test
  withKafka(
    'makes of a batch what Apache Kafka makes of it, and Apache’s tools read it (needs OTTLA_KAFKA_JARS)',
    async () => {
      const ours = await storedBy(broker)
      const apache = await apacheUnderTest(directories.make(), {})
      try {
        await apache.start()
        const [name, port] = apache.bootstrap.split(':') as [string, string]
        const theirs = await storedBy({ host: name, port: Number(port) })
        for (const topic of topics) {
          expect({ topic, batches: ours.get(topic)!.map(meaning) }).toEqual({
            topic,
            batches: theirs.get(topic)!.map(meaning),
          })
        }
        // Where nothing is compressed even lengths and checksums are the same.
        expect(ours.get('to-none')).toEqual(theirs.get('to-none'))
      } finally {
        await apache.stop()
      }
      for (const stored of COMPRESSION_TYPES) {
        const file = join(directory, `to-${stored}-0`, '00000000000000000000.log')
        const dumped = await java('org.apache.kafka.tools.DumpLogSegments', [
          '--deep-iteration',
          '--files',
          file,
        ])
        const lines = dumped.split('\n').filter((line) => line.startsWith('baseOffset:'))
        expect(lines).toHaveLength(5)
        for (const line of lines) {
          expect(line).toContain(`compresscodec: ${stored}`)
          expect(line).toContain('isvalid: true')
        }
      }
      const consumed = await java('org.apache.kafka.tools.consumer.ConsoleConsumer', [
        '--bootstrap-server',
        broker.bootstrap,
        '--include',
        'to-.*',
        '--from-beginning',
        '--max-messages',
        String(topics.length * (4 * COUNT + 1)),
        '--timeout-ms',
        '30000',
      ])
      expect(consumed.trimEnd().split('\n')).toHaveLength(topics.length * (4 * COUNT + 1))
    },
    240_000,
  )
})

async function java(main: string, args: readonly string[]): Promise<string> {
  const all = [...quickJava(jars), main, ...args]
  const { stdout } = await promisify(execFile)('java', all, { maxBuffer: 1 << 27 })
  return stdout
}
