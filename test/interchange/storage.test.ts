import { execFile } from 'node:child_process'
import { copyFileSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { promisify } from 'node:util'
import { batchSizeBytes, readBatches } from '../../protocol/records/batch.ts'
import { SUPPORTED_FEATURES } from '../../src/metadata/features.ts'
import { featuresOfRelease, KAFKA_FEATURES, releaseName } from '../../src/metadata/releases.ts'
import { startBroker } from '../../src/index.ts'
import { nodeHost } from '../../src/host/node.ts'
import { ottla } from '../bin/command.ts'
import { compareDumps } from '../bin/compare-dumps.ts'
import type { Driver } from '../clients/driver.ts'
import { startDriver } from '../clients/driver.ts'
import { java, javaMissing } from '../clients/toolchains.ts'
import { eventually } from '../clients/wait.ts'
import { freePorts } from '../support/ports.ts'
import { quickJava } from '../support/quick-java.ts'
import { temporaryDirectories } from '../support/temporary.ts'
import { describeWithApache, NEWEST, OLDER, propertiesText } from './apache.ts'

const CLUSTER = 'AAAAAAAAQACAAAAAAAAAAQ'
const SNAPSHOT = '__cluster_metadata-0/00000000000000000000-0000000000.checkpoint'
const IDS = ['JEXY6aqzQY-32P5TStzaFg', 'MvDxzVmcRsaTz33bUuRU6A', '07R5amHmR32VDA6jHkGbTA']
const VOTERS = IDS.map((id, index) => `${index + 1}@kafka-${index + 1}:9093:${id}`).join(',')

const CONTROLLER = {
  'process.roles': 'controller',
  'node.id': '2',
  listeners: 'CONTROLLER://127.0.0.1:9093',
  'controller.listener.names': 'CONTROLLER',
  'controller.quorum.bootstrap.servers': 'kafka-1:9093,127.0.0.1:9093',
}
const { 'controller.quorum.bootstrap.servers': servers, ...STATIC } = CONTROLLER

/** Both tools are told the same, but for the features that are not here: Apache's leaves them at level 0 when told so. */
const CASES: readonly (readonly [what: string, settings: object, args: readonly string[]])[] = [
  ['a standalone controller', CONTROLLER, ['--standalone']],
  ['the second of three first controllers', CONTROLLER, ['--initial-controllers', VOTERS]],
  ['a controller that joins later', CONTROLLER, ['--no-initial-controllers']],
  [
    'a controller of a static quorum',
    { ...STATIC, 'controller.quorum.voters': '2@127.0.0.1:9093' },
    [],
  ],
  [
    'a combined node at an older level',
    {
      ...CONTROLLER,
      'process.roles': 'broker,controller',
      listeners: 'PLAINTEXT://127.0.0.1:9092,CONTROLLER://:9093',
      'advertised.listeners': 'PLAINTEXT://127.0.0.1:9092,CONTROLLER://kafka-2:19093',
    },
    ['--standalone', '--release-version', '4.0'],
  ],
  [
    'a broker',
    {
      ...CONTROLLER,
      'process.roles': 'broker',
      listeners: 'PLAINTEXT://127.0.0.1:9092',
      'controller.quorum.bootstrap.servers': servers,
    },
    [],
  ],
]

describeWithApache(
  'ottla storage',
  () => {
    const directories = temporaryDirectories()
    let driver: Driver

    beforeAll(async () => {
      const missing = await javaMissing()
      if (missing !== null) throw new Error(missing)
      driver = startDriver('tools', [...java(), 'Driver'], '127.0.0.1:1')
    }, 60_000)
    afterAll(async () => {
      await driver.close()
      directories.removeAll()
    })

    const apache = async (name: string, ...args: string[]) => {
      const { status, output, errors } = await driver.call('tool', { class: name, args })
      if (status !== 0) throw new Error(`${name} ${args.join(' ')}: ${output}${errors}`)
      return output
    }
    const storageTool = (...args: string[]) => apache('kafka.tools.StorageTool', ...args)

    /** A node's settings file, with two empty directories. */
    function nodeOf(settings: object) {
      const place = directories.make()
      const data = [join(place, 'a'), join(place, 'b')]
      const file = join(place, 'server.properties')
      writeFileSync(file, propertiesText({ ...settings, 'log.dirs': data.join(',') }))
      return { place, data, file }
    }

    test.each(CASES)(
      'formats %s as Apache Kafka does, to the byte',
      async (_, settings, args) => {
        const [theirs, ours] = [nodeOf(settings), nodeOf(settings)]
        const isHere = (name: string): boolean =>
          SUPPORTED_FEATURES.some((feature) => feature.name === name)
        const off = KAFKA_FEATURES.filter((name) => !isHere(name)).flatMap((name) => [
          '--feature',
          `${name}=0`,
        ])
        await storageTool('format', '-t', CLUSTER, '-c', theirs.file, ...args, ...off)
        const formatted = await ottla([
          'storage',
          'format',
          '-t',
          CLUSTER,
          '-c',
          ours.file,
          ...args,
        ])
        expect(formatted).toMatchObject({ code: 0, stderr: '' })
        const found = { theirs: contentOf(theirs.data), ours: contentOf(ours.data) }
        expect(found.ours).toEqual(found.theirs)
        expect(await storageTool('info', '-c', ours.file)).toMatch(
          /^Found log directories:\n(.|\n)*Found metadata: \{cluster\.id=AAAAAAAAQACAAAAAAAAAAQ, directory\.id=.{22}, node\.id=2, version=1\}/,
        )
        const info = await ottla(['storage', 'info', '-c', theirs.file])
        expect(info).toMatchObject({ code: 0, stderr: '' })
      },
      60_000,
    )

    test('what it writes is dumped alike by both dump tools', async () => {
      const { file, data } = nodeOf(CONTROLLER)
      await ottla(['storage', 'format', '-t', CLUSTER, '-c', file, '-I', VOTERS])
      expect(await compareDumps(data[0]!)).toEqual({ checkpoint: expect.any(Number) })
    }, 60_000)

    test("Apache's metadata shell shows what it writes", async () => {
      const { file, data, place } = nodeOf(CONTROLLER)
      await ottla(['storage', 'format', '-t', CLUSTER, '-c', file, '-s'])
      // The shell takes the lock of the directory two above the snapshot's.
      const home = join(place, 'x/y')
      mkdirSync(home, { recursive: true })
      const snapshot = join(home, basename(SNAPSHOT))
      copyFileSync(join(data[0]!, SNAPSHOT), snapshot)
      const main = 'org.apache.kafka.shell.MetadataShell'
      // Maven has no shell of 4.4.0; the one of 4.3.1 needs classes that 4.4.0 moved.
      const options = quickJava(NEWEST.jars, `${OLDER.jars}/*`)
      const read = ['--snapshot', snapshot, 'cat', '/image/features/metadataVersion']
      // Now and then it lists before it has read.
      const last = async (): Promise<string> => {
        const { stdout } = await promisify(execFile)('java', [...options, main, ...read])
        return stdout.trimEnd().split('\n').at(-1)!
      }
      await eventually(async () => (await last()).includes('4.4-IV2'), 'the level in the snapshot')
    }, 300_000)

    test("the levels that a release brings are Apache's", async () => {
      for (const [level, name] of [25, 27, 29, 30, 33].map(
        (each) => [each, releaseName(each)] as const,
      )) {
        const lines = (await storageTool('version-mapping', '--release-version', name)).split('\n')
        const theirs = lines.filter((line) => /^[a-z.]+=\d+$/.test(line) && !line.endsWith('=0'))
        const ours = [...featuresOfRelease(level)].map(([feature, at]) => `${feature}=${at}`)
        expect(ours.sort()).toEqual(theirs.sort())
        expect(lines[0]).toBe(`metadata.version=${level} (${name})`)
      }
    }, 60_000)

    test('Ottla starts on what Apache Kafka formatted for a static quorum of one', async () => {
      const [port] = await freePorts(1)
      const { file, data } = nodeOf({
        ...STATIC,
        'process.roles': 'broker,controller',
        listeners: `PLAINTEXT://127.0.0.1:0,CONTROLLER://127.0.0.1:${port}`,
        'controller.quorum.voters': `2@127.0.0.1:${port}`,
        'offsets.topic.replication.factor': '1',
      })
      await storageTool('format', '-t', CLUSTER, '-c', file)
      const host = nodeHost({ log: { level: 'silent' } })
      const broker = await startBroker({
        file: { path: file, text: readFileSync(file, 'utf8') },
        host,
      })
      expect(broker.clusterId).toBe(CLUSTER)
      await broker.close()
      expect(readdirSync(data[0]!)).toContain('meta.properties')
    }, 60_000)
  },
  [NEWEST, OLDER],
)

/** What is in directories, with the moments and the ids that were drawn taken out. */
function contentOf(paths: readonly string[]): object[] {
  return paths.map((path, index) => {
    mkdirSync(path, { recursive: true })
    // Ottla takes the lock that a node has; Apache's tool takes none.
    const names = readdirSync(path).filter((name) => name !== '.lock')
    const properties = propertiesIn(join(path, 'meta.properties'))
    const drawn = properties.get('directory.id')!
    const isAgreed = IDS.includes(drawn)
    if (!isAgreed) properties.set('directory.id', 'drawn')
    const files = names.includes('__cluster_metadata-0')
      ? readdirSync(join(path, '__cluster_metadata-0'))
      : []
    return {
      index,
      names: names.sort(),
      properties: Object.fromEntries([...properties].sort()),
      files,
      snapshot: files.length === 0 ? null : timeless(join(path, SNAPSHOT), isAgreed ? null : drawn),
    }
  })
}

function propertiesIn(path: string): Map<string, string> {
  const lines = readFileSync(path, 'utf8').split('\n')
  const pairs = lines.filter((line) => /^[a-z.]+=/.test(line)).map((line) => line.split('='))
  return new Map(pairs.map(([name, value]) => [name!, value!]))
}

const CRC = [17, 21] as const
const TIMESTAMPS = [27, 43] as const
const HEADER_BYTES = 61
/** The key of a snapshot's header: version 0, type 3. Length, version and timestamp follow. */
const SNAPSHOT_HEADER = Buffer.from([0, 0, 0, 3])

/** A snapshot's bytes without its timestamps, the checksums that cover them, and the id of a directory that was drawn. */
function timeless(path: string, drawn: string | null): string {
  const bytes = readFileSync(path)
  const at = bytes.indexOf(SNAPSHOT_HEADER, HEADER_BYTES) + SNAPSHOT_HEADER.length + 3
  bytes.fill(0, at, at + 8)
  if (drawn !== null) {
    const found = bytes.indexOf(Buffer.from(drawn, 'base64url'))
    if (found >= 0) bytes.fill(0, found, found + 16)
  }
  let start = 0
  for (const batch of readBatches(bytes)) {
    for (const [from, to] of [CRC, TIMESTAMPS]) bytes.fill(0, start + from, start + to)
    start += batchSizeBytes(batch, 0)
  }
  return bytes.toString('hex')
}
