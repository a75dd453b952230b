import { execFile } from 'node:child_process'
import { copyFileSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { startDriver, type Driver } from '../clients/driver.ts'
import { java, javaMissing } from '../clients/toolchains.ts'
import { describeWithApache, NEWEST, OLDER, propertiesText } from '../interchange/apache.ts'
import { killAll } from '../support/broker-process.ts'
import { scale } from '../soak.ts'
import { quickJava } from '../support/quick-java.ts'
import { temporaryDirectories } from '../support/temporary.ts'
import { CombinedNodes, IDS } from './combined.ts'
import { answers } from './nodes.ts'

const directories = temporaryDirectories()
const METADATA = '__cluster_metadata-0'
/** Of restarts of all nodes. */
const ROUNDS = scale(1, 10)

describeWithApache(
  'Apache’s tools on three nodes',
  () => {
    let nodes: CombinedNodes
    let driver: Driver
    /** The settings of each node, as files. */
    const files = new Map<number, string>()

    beforeAll(async () => {
      const missing = await javaMissing()
      if (missing !== null) throw new Error(missing)
      nodes = await CombinedNodes.make(directories.make(), {
        'metadata.log.max.snapshot.interval.ms': 500,
      })
      driver = startDriver('tools', [...java(), 'Driver'], nodes.bootstrap)
      const place = directories.make()
      for (const id of IDS) {
        const settings = Object.entries(nodes.settingsOf(id)).map(
          ([name, value]) => [name, String(value)] as const,
        )
        const file = join(place, `${id}.properties`)
        writeFileSync(file, propertiesText(Object.fromEntries(settings)))
        files.set(id, file)
      }
      await nodes.start(...IDS)
    }, 120_000)
    afterAll(async () => {
      await driver.close()
      await killAll()
      directories.removeAll()
    })

    const run = async (name: string, ...args: string[]) => {
      const { status, output, errors } = await driver.call('tool', { class: name, args })
      return { status, text: `${output}${errors}`.replace(/[ \t]+/g, ' ') }
    }
    const ok = async (name: string, ...args: string[]): Promise<string> => {
      const { status, text } = await run(name, ...args)
      if (status !== 0) throw new Error(`${name} ${args.join(' ')} ended with ${status}: ${text}`)
      return text
    }
    const tool = (name: string, ...args: string[]) => ok(`org.apache.kafka.tools.${name}`, ...args)
    const brokers = () => ['--bootstrap-server', nodes.bootstrap]
    const controllers = () => ['--bootstrap-controller', nodes.bootstrapController]
    /** By brokers, and by the controllers themselves. */
    const both = () => [brokers(), controllers()]
    const seen = (what: string, name: string, args: readonly string[], pattern: RegExp) =>
      answers(
        what,
        () => tool(name, ...args),
        (text) => pattern.test(text),
      )

    test('kafka-metadata-quorum describes the quorum, takes a voter out and lets it in again', async () => {
      const status = async (by: readonly string[]) =>
        tool('MetadataQuorumCommand', ...by, 'describe', '--status')
      for (const by of both()) {
        const described = await status(by)
        expect(described).toMatch(/^LeaderId: +[123]$/m)
        for (const id of IDS) {
          const { host, port } = nodes.controller(id)
          expect(described).toContain(`"endpoints": ["CONTROLLER://${host}:${port}"]`)
          expect(described).toContain(`{"id": ${id}, `)
        }
        const replication = await tool('MetadataQuorumCommand', ...by, 'describe', '--replication')
        expect(replication.match(/ Leader ?$/gm)).toHaveLength(1)
        expect(replication.match(/ Follower ?$/gm)).toHaveLength(2)
      }
      const leader = await nodes.leader()
      const other = IDS.find((id) => id !== leader)!
      const directoryId = new RegExp(`{"id": ${other}, "directoryId": "([^"]{22})"`)
      for (const by of both()) {
        const [, directory] = directoryId.exec(await status(by)) ?? []
        const key = ['--controller-id', `${other}`, '--controller-directory-id', directory!]
        expect(await tool('MetadataQuorumCommand', ...by, 'remove-controller', ...key)).toContain(
          `Removed KRaft controller ${other} with directory id ${directory}`,
        )
        const described = async () => nodes.describe(await nodes.leader())
        await answers('one voter less', described, (quorum) => quorum?.currentVoters.length === 2)
        await answers('it to follow', described, (quorum) =>
          quorum!.observers.some(({ replicaId, logEndOffset }) => {
            return replicaId === other && logEndOffset === quorum!.highWatermark
          }),
        )
        const config = ['--command-config', files.get(other)!]
        expect(await tool('MetadataQuorumCommand', ...by, ...config, 'add-controller')).toContain(
          `Added controller ${other} with directory id ${directory}`,
        )
      }
    }, 120_000)

    test('kafka-features shows the levels, and lowers and raises one', async () => {
      const level = /^Feature: transaction\.version .*FinalizedVersionLevel: (\d)/m
      for (const by of both()) {
        const described = await tool('FeatureCommand', ...by, 'describe')
        expect(described).toMatch(/^Feature: metadata\.version .*FinalizedVersionLevel: 4\.4-IV2/m)
        expect(level.exec(described)?.[1]).toBe('2')
        const one = ['--feature', 'transaction.version=1']
        await tool('FeatureCommand', ...by, 'downgrade', ...one)
        await seen('level 1', 'FeatureCommand', [...by, 'describe'], /transaction.*Level: 1 /)
        const two = ['--feature', 'transaction.version=2']
        await tool('FeatureCommand', ...by, 'upgrade', ...two)
        await seen('level 2', 'FeatureCommand', [...by, 'describe'], /transaction.*Level: 2 /)
      }
    }, 120_000)

    test('kafka-topics and kafka-configs change what all brokers show', async () => {
      const { host, port } = nodes.broker(1)
      const one = ['--bootstrap-server', `${host}:${port}`]
      await tool('TopicCommand', ...one, '--create', '--topic', 'tools', '--partitions', '3')
      await tool('TopicCommand', ...one, '--alter', '--topic', 'tools', '--partitions', '6')
      const topic = ['--entity-type', 'topics', '--entity-name', 'tools']
      const retention = ['--alter', '--add-config', 'retention.ms=3600000']
      await tool('ConfigCommand', ...one, ...topic, ...retention)
      for (const id of IDS) {
        const by = ['--bootstrap-server', `${nodes.broker(id).host}:${nodes.broker(id).port}`]
        const described = /PartitionCount: 6 .*retention\.ms=3600000/
        await seen(
          `it on ${id}`,
          'TopicCommand',
          [...by, '--describe', '--topic', 'tools'],
          described,
        )
      }
      const all = ['--entity-type', 'brokers', '--entity-default']
      for (const [index, by] of both().entries()) {
        const threads = `log.cleaner.threads=${index + 2}`
        await tool('ConfigCommand', ...by, ...all, '--alter', '--add-config', threads)
        const pattern = new RegExp(threads)
        await seen(threads, 'ConfigCommand', [...by, ...all, '--describe'], pattern)
      }
      await tool('TopicCommand', ...one, '--delete', '--topic', 'tools')
      const list = () => tool('TopicCommand', ...one, '--list')
      await answers('it to be gone', list, (text) => !/^tools$/m.test(text))
    }, 120_000)

    test('kafka-storage, kafka-dump-log and kafka-metadata-shell read a directory, its log and its snapshots', async () => {
      await tool('TopicCommand', ...brokers(), '--create', '--topic', 'dumped', '--partitions', '2')
      const log = `${'0'.repeat(20)}.log`
      // Who came late has a snapshot in place of the beginning.
      const id = IDS.find((each) =>
        readdirSync(join(nodes.directoryOf(each), METADATA)).includes(log),
      )!
      const directory = nodes.directoryOf(id)
      const info = await ok('kafka.tools.StorageTool', 'info', '-c', files.get(id)!)
      expect(info).toContain(`Found log directory:\n ${directory}\n`)
      expect(info).toMatch(/Found metadata: \{cluster\.id=.{22}, directory\.id=.{22}, node\.id=\d,/)
      const metadata = join(directory, METADATA)
      const snapshots = () =>
        readdirSync(metadata).filter((name) => /^0*[1-9]\d*-\d+\.checkpoint$/.test(name))
      const dump = (name: string) =>
        tool('DumpLogSegments', '--cluster-metadata-decoder', '--files', join(metadata, name))
      const topic = '"type":"TOPIC_RECORD","version":0,"data":{"name":"dumped"'
      const latest = async () => {
        const name = snapshots().sort().at(-1)
        return name === undefined ? null : { name, text: await dump(name) }
      }
      const snapshot = await answers(
        'a snapshot that has it',
        latest,
        (found) => found !== null && found.text.includes(topic),
      )
      expect(snapshot!.text).toContain('KRaftVoters')
      const logged = await dump(log)
      expect(logged).toContain(topic)
      expect(logged).toContain('LeaderChange')
      // The shell reads in a thread of its own, and now and then lists before it has.
      const inShell = (name: string) =>
        answers(
          `the topic of ${name} in the shell`,
          () => shellOn(join(metadata, name), 'ls /image/topics/byName'),
          (text) => text.includes('dumped'),
        )
      await inShell(snapshot!.name)
      await inShell(log)
    }, 120_000)

    test('kafka-cluster tells the id, the endpoints and the APIs, and forgets who is gone', async () => {
      for (const by of both()) {
        expect(await tool('ClusterTool', 'cluster-id', ...by)).toMatch(/^Cluster ID: .{22}$/m)
        const versions = await tool('ClusterTool', 'api-versions', ...by)
        expect(versions).not.toContain('ERROR')
        const endpoints = await tool('ClusterTool', 'list-endpoints', ...by)
        const placeOf = (id: number) =>
          by[0] === '--bootstrap-server' ? nodes.broker(id) : nodes.controller(id)
        for (const id of IDS) {
          const { host, port } = placeOf(id)
          expect(endpoints).toMatch(new RegExp(`^${id} ${host} ${port} `, 'm'))
        }
      }
      const leader = await nodes.leader()
      const [gone] = IDS.filter((id) => id !== leader)
      await nodes.stop(gone!)
      const id = ['--id', `${gone}`]
      const others = IDS.filter((each) => each !== gone)
      const by = [
        '--bootstrap-server',
        others
          .map((each) => {
            const { host, port } = nodes.broker(each)
            return `${host}:${port}`
          })
          .join(),
      ]
      expect(await tool('ClusterTool', 'unregister', ...by, ...id)).toContain(
        `Broker ${gone} is no longer registered.`,
      )
      const again = await run(
        'org.apache.kafka.tools.ClusterTool',
        'unregister',
        ...controllers(),
        ...id,
      )
      expect(again).toMatchObject({
        status: 1,
        text: expect.stringContaining('BrokerIdNotRegisteredException'),
      })
      await tool('ClusterTool', 'unregister-controller', ...controllers(), ...id)
      await nodes.start(gone!)
    }, 120_000)

    test(
      'soak: the Java admin client, which tries again by itself, sees no error of nodes that are restarted one after the other',
      async () => {
        let isOver = false
        let made = 0
        const working = (async () => {
          while (!isOver) {
            const topic = `rolled-${made++}`
            await driver.call('create', { topic, partitions: 1 }).catch((error: unknown) => {
              // It was made, and who had decided so was stopped before anybody heard of it: the broker has asked again.
              if (!/TopicExists/.test(String(error))) throw error
            })
          }
        })()
        // Told at the end, where nothing waits for a topic any more.
        working.catch(() => undefined)
        for (const id of Array.from({ length: ROUNDS }, () => IDS).flat()) {
          await nodes.stop(id)
          const before = made
          await Promise.race([
            working,
            answers(
              'a topic meanwhile',
              () => Promise.resolve(made),
              (now) => now > before + 1,
            ),
          ])
          await nodes.start(id)
        }
        isOver = true
        await working
        expect(made).toBeGreaterThan(10)
      },
      180_000 * ROUNDS,
    )
  },
  [NEWEST, OLDER],
)

/** What the metadata shell prints of a file; it takes the lock of the directory two above it. */
async function shellOn(file: string, command: string): Promise<string> {
  const home = join(directories.make(), 'x/y')
  mkdirSync(home, { recursive: true })
  const copy = join(home, file.slice(file.lastIndexOf('/') + 1))
  copyFileSync(file, copy)
  // Maven has no shell of 4.4.0; the one of 4.3.1 needs classes that 4.4.0 moved.
  const options = ['-Xmx256m', ...quickJava(NEWEST.jars, `${OLDER.jars}/*`)]
  const args = ['org.apache.kafka.shell.MetadataShell', '--snapshot', copy, ...command.split(' ')]
  return (await promisify(execFile)('java', [...options, ...args])).stdout
}
