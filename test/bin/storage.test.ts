import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { nodeConfig } from '../../bin/node-config.ts'
import { nodeHost } from '../../src/host/node.ts'
import { scramRecord } from '../../bin/storage/scram.ts'
import { formatStorage } from '../../bin/storage/format.ts'
import { isId } from '../../src/metadata/ids.ts'
import { startBroker } from '../../src/index.ts'
import { useTemporaryDirectories } from '../support/temporary.ts'
import { ottla, type Ended } from './command.ts'

const make = useTemporaryDirectories()

const CLUSTER = 'AAAAAAAAQACAAAAAAAAAAQ'
const [FIRST, SECOND, THIRD] = [
  'JEXY6aqzQY-32P5TStzaFg',
  'MvDxzVmcRsaTz33bUuRU6A',
  '07R5amHmR32VDA6jHkGbTA',
]
const BOOTSTRAP = '__cluster_metadata-0/00000000000000000000-0000000000.checkpoint'

const CONTROLLER = {
  'process.roles': 'controller',
  'node.id': '1',
  listeners: 'CONTROLLER://127.0.0.1:9093',
  'controller.listener.names': 'CONTROLLER',
  'controller.quorum.bootstrap.servers': '127.0.0.1:9093',
}
const BROKER = {
  ...CONTROLLER,
  'process.roles': 'broker',
  'node.id': '4',
  listeners: 'PLAINTEXT://127.0.0.1:9092',
}

/** A node with an empty directory, and its settings file. */
function node(settings: Readonly<Record<string, string>> = CONTROLLER, directories = 1) {
  const place = make()
  const paths = Array.from({ length: directories }, (_, index) => join(place, `data-${index}`))
  const file = join(place, 'server.properties')
  const all = { ...settings, 'log.dirs': paths.join(',') }
  writeFileSync(
    file,
    Object.entries(all)
      .map(([name, value]) => `${name}=${value}\n`)
      .join(''),
  )
  return {
    file,
    paths,
    format: (...args: string[]): Promise<Ended> =>
      ottla(['storage', 'format', '-t', CLUSTER, '-c', file, ...args]),
    info: async () => {
      const { code, stdout } = await ottla(['storage', 'info', '-c', file, '--json'])
      return { code, ...(JSON.parse(stdout) as Info) }
    },
  }
}

interface Info {
  readonly directories: readonly {
    path: string
    hasMetadata: boolean
    metaProperties: { clusterId: string; nodeId: number; directoryId: string } | null
  }[]
  readonly bootstrap: { kraftVersion: number; voters: object[] | null; features: object } | null
  readonly problems: readonly string[]
}

/** What a command that failed said. */
async function refusal(ended: Promise<Ended>): Promise<string> {
  const { code, stdout, stderr } = await ended
  expect([code === 0, stdout]).toEqual([false, ''])
  return stderr
}

describe('storage format', () => {
  test('makes a controller a quorum of its own', async () => {
    const { format, info, paths } = node(CONTROLLER, 2)
    const { code, stdout } = await format('--standalone')
    expect(code).toBe(0)
    expect(stdout).toContain(`Formatted metadata directory ${paths[0]}: cluster ${CLUSTER}`)
    expect(stdout).toContain(`Formatted data directory ${paths[1]}: cluster ${CLUSTER}`)
    expect(stdout).toContain(
      'metadata.version=33 (4.4-IV2), eligible.leader.replicas.version=1, transaction.version=2 and kraft.version=1; voters: 1@127.0.0.1:9093',
    )
    const found = await info()
    const [first, second] = found.directories.map(({ metaProperties }) => metaProperties!)
    expect([first!.nodeId, first!.clusterId, first!.directoryId === second!.directoryId]).toEqual([
      1,
      CLUSTER,
      false,
    ])
    expect(found).toMatchObject({
      code: 0,
      problems: [],
      directories: [{ hasMetadata: true }, { hasMetadata: false }],
      bootstrap: {
        kraftVersion: 1,
        features: { 'metadata.version': 33 },
        voters: [
          {
            id: 1,
            directoryId: first!.directoryId,
            endpoints: [{ name: 'CONTROLLER', host: '127.0.0.1', port: 9093 }],
          },
        ],
      },
    })
    expect(existsSync(join(paths[1]!, '__cluster_metadata-0'))).toBe(false)
  })

  test('gives each of several first controllers the directory id that was agreed on', async () => {
    const list = `2@[::1]:9093:${SECOND},1@kafka-1:9093:${FIRST},3@kafka-3:9094:${THIRD}`
    const { format, info } = node({ ...CONTROLLER, 'node.id': '2' })
    expect((await format('--initial-controllers', list)).code).toBe(0)
    const { directories, bootstrap } = await info()
    expect(directories[0]!.metaProperties!.directoryId).toBe(SECOND)
    expect(bootstrap!.voters).toMatchObject([
      {
        id: 1,
        directoryId: FIRST,
        endpoints: [{ name: 'CONTROLLER', host: 'kafka-1', port: 9093 }],
      },
      { id: 2, directoryId: SECOND, endpoints: [{ name: 'CONTROLLER', host: '::1', port: 9093 }] },
      {
        id: 3,
        directoryId: THIRD,
        endpoints: [{ name: 'CONTROLLER', host: 'kafka-3', port: 9094 }],
      },
    ])
  })

  test('leaves out the voters where the node joins later, or the settings name them', async () => {
    const later = node()
    expect((await later.format('--no-initial-controllers')).code).toBe(0)
    expect((await later.info()).bootstrap).toMatchObject({ kraftVersion: 1, voters: null })
    const fixed = node({ ...CONTROLLER, 'controller.quorum.voters': '1@127.0.0.1:9093' })
    expect((await fixed.format()).code).toBe(0)
    expect((await fixed.info()).bootstrap).toMatchObject({ kraftVersion: 0, voters: null })
    expect(
      await refusal(
        node({ ...CONTROLLER, 'controller.quorum.voters': '1@127.0.0.1:9093' }).format('-s'),
      ),
    ).toContain('controller.quorum.voters is set')
  })

  test('gives a broker meta.properties alone', async () => {
    const { format, info, paths } = node(BROKER)
    const { code, stdout } = await format()
    expect([code, stdout.includes('begins with')]).toEqual([0, false])
    expect(readdirSync(paths[0]!).filter((name) => name !== '.lock')).toEqual(['meta.properties'])
    expect(await info()).toMatchObject({ code: 0, bootstrap: null })
    expect(await refusal(node(BROKER).format('--standalone'))).toContain('Only a controller can be')
  })

  test('wants to hear who the first voters are, and only once', async () => {
    const unsaid = await refusal(node().format())
    for (const option of ['--standalone', '--initial-controllers', '--no-initial-controllers']) {
      expect(unsaid).toContain(option)
    }
    const list = `1@localhost:9093:${FIRST}`
    for (const args of [
      ['-s', '-N'],
      ['-I', list, '-N'],
      ['-N', '-I', list],
      ['-s', '-I', list],
    ]) {
      const { code, stderr } = await node().format(...args)
      expect([code, stderr.includes('exclude each other')]).toEqual([2, true])
    }
  })

  test.each([
    ['1@localhost:9093', 'is given as ID@HOST:PORT:DIRECTORY-ID'],
    [`x@localhost:9093:${FIRST}`, 'is given as ID@HOST:PORT:DIRECTORY-ID'],
    [`1@localhost:99999:${FIRST}`, 'is given as ID@HOST:PORT:DIRECTORY-ID'],
    [`9999999999@localhost:9093:${FIRST}`, 'is given as ID@HOST:PORT:DIRECTORY-ID'],
    ['1@localhost:9093:short', 'is no id of a directory'],
    ['1@localhost:9093:AAAAAAAAAAAAAAAAAAAAAA', 'is no id of a directory'],
    [`1@a:1:${FIRST},1@b:1:${SECOND}`, 'names node 1 more than once'],
    [',', 'names no controller'],
  ])('refuses %s as a list of controllers', async (list, why) => {
    const { format, paths } = node()
    expect(await refusal(format('-I', list))).toContain(why)
    expect(existsSync(paths[0]!)).toBe(false)
  })

  test('leaves what is formatted alone, and finishes what is not', async () => {
    const { format, info, paths } = node(CONTROLLER, 2)
    await format('-s')
    expect(await refusal(format('-s'))).toContain(`${paths[0]} is formatted already`)
    expect((await format('-s', '-g')).stdout).toBe('All directories are formatted already.\n')
    const before = await info()
    rmSync(paths[1]!, { recursive: true })
    const { stdout } = await format('-s', '--ignore-formatted')
    expect([stdout.includes(paths[0]!), stdout.includes(paths[1]!)]).toEqual([false, true])
    const after = await info()
    expect(after.directories[0]).toEqual(before.directories[0])
    expect(after.bootstrap).toEqual(before.bootstrap)
  })

  test("touches no directory of another cluster's or another node's", async () => {
    const { format, file, paths } = node(CONTROLLER, 2)
    mkdirSync(paths[1]!)
    const foreign =
      'version=1\ncluster.id=another\nnode.id=1\ndirectory.id=JEXY6aqzQY-32P5TStzaFg\n'
    writeFileSync(join(paths[1]!, 'meta.properties'), foreign)
    expect(await refusal(format('-s', '-g'))).toContain('belongs to the cluster another')
    writeFileSync(join(paths[1]!, 'meta.properties'), foreign.replace('another', CLUSTER))
    const other = ['storage', 'format', '-t', CLUSTER, '-c', file, '--set', 'node.id=2', '-s', '-g']
    expect(await refusal(ottla(other))).toContain('belongs to node 1, and this is node 2')
    expect(existsSync(join(paths[0]!, 'meta.properties'))).toBe(false)
  })

  test('begins with the levels of a release, as far as the features are here', async () => {
    const { format, info } = node()
    const { stdout } = await format('-s', '--release-version', '4.1')
    expect(stdout).toContain('metadata.version=27 (4.1-IV1)')
    expect(stdout).toContain('left at level 0: group.version=1.')
    const levels = {
      'metadata.version': 27,
      'eligible.leader.replicas.version': 1,
      'transaction.version': 2,
    }
    expect((await info()).bootstrap!.features).toEqual(levels)
    const one = node()
    expect(
      (
        await one.format(
          '-s',
          '-f',
          'metadata.version=30',
          '-f',
          'transaction.version=0',
          '-f',
          'eligible.leader.replicas.version=0',
          // Not here, which is what level 0 says.
          '-f',
          'group.version=0',
        )
      ).code,
    ).toBe(0)
    expect((await one.info()).bootstrap!.features).toEqual({ 'metadata.version': 30 })
  })

  test.each([
    [['-f', 'transaction.version=3'], 'choose 0 to 2'],
    [['-f', 'group.version=1'], 'does not have the feature group.version'],
    [['-f', 'quick.version=1'], 'There is no feature quick.version'],
    [['-f', 'metadata.version=34'], 'metadata.version=34 (34) is not what'],
    [['-f', 'metadata.version=24'], 'choose 25 (4.0-IV3) to 33 (4.4-IV2)'],
    [['-f', 'metadata.version=33', '-r', '4.4'], 'the release says that level'],
    [['-r', '3.9'], 'metadata.version=21 (3.9-IV0) is not what'],
    [['-r', 'tomorrow'], 'There is no release tomorrow'],
    [['-f', 'kraft.version=0'], 'kraft.version=0 can'],
    [['-f', 'group.version'], '--feature takes NAME=VALUE'],
    [['-f', 'group.version=x'], 'takes a whole number'],
    [['--add-scram', 'SCRAM-SHA-256=[password=a]'], 'needs name=NAME'],
    [['--add-scram', 'GSSAPI=[name=alice,password=a]'], '--add-scram takes SCRAM-SHA-256=['],
    [['--add-scram', 'SCRAM-SHA-512=[name=a,password=b,iterations=5]'], 'from 4096 to 16384'],
    [['-t', 'two words'], '--cluster-id takes letters'],
  ])('refuses %j by name', async (args, why) => {
    const { format, paths } = node()
    expect(await refusal(format('-s', ...args))).toContain(why)
    expect(existsSync(paths[0]!)).toBe(false)
  })

  test('a broker starts on what it made, under the cluster id that was given', async () => {
    const place = make()
    const host = nodeHost({ log: { level: 'silent' } })
    const set = [`log.dirs=${place}`, 'listeners=PLAINTEXT://127.0.0.1:0']
    const terminal = { environment: {} } as never
    const voters = { kind: 'standalone' } as const
    const credentials = [await scramRecord('SCRAM-SHA-256=[name=alice,password=a]')]
    const features = new Map<string, number>()
    const wanted = { clusterId: CLUSTER, voters, features, ignoreFormatted: false, credentials }
    formatStorage(host, nodeConfig({ set, terminal }), wanted)
    const before = readFileSync(join(place, BOOTSTRAP))
    const broker = await startBroker({ directory: place, host })
    expect(broker.clusterId).toBe(CLUSTER)
    await broker.close()
    expect(readFileSync(join(place, BOOTSTRAP))).toEqual(before)
  })
})

describe('storage info', () => {
  test('names directories that are missing, empty, damaged, strange or copies', async () => {
    const { info, paths, format } = node(CONTROLLER, 3)
    expect((await info()).problems).toEqual(paths.map((path) => `${path} does not exist`))
    await format('-s')
    const properties = (index: number) => join(paths[index]!, 'meta.properties')
    writeFileSync(properties(1), readFileSync(properties(0)))
    rmSync(properties(2))
    expect(await info()).toMatchObject({
      code: 1,
      problems: [
        `${paths[2]} is not formatted`,
        `${paths[1]} and ${paths[0]} have one directory.id: one of them is a copy of the other`,
      ],
    })
    const text = readFileSync(properties(0), 'utf8')
    writeFileSync(properties(1), text.replace('node.id=1', 'node.id=7').replace(CLUSTER, 'other'))
    writeFileSync(properties(2), 'version=0\n')
    const { problems } = await info()
    expect(problems).toContain(`${properties(2)} is damaged or of an unknown version`)
    expect(problems).toContain(`${paths[1]} belongs to node 7, and node.id is 1`)
    expect(problems).toContain(
      `${paths[1]} belongs to the cluster other, and ${paths[0]} to ${CLUSTER}`,
    )
  })

  test('tells a person what a metadata directory began with', async () => {
    const { format, file } = node()
    await format('-N')
    const { stdout } = await ottla(['storage', 'info', '-c', file])
    expect(stdout).toMatch(
      /^Began with: +metadata\.version=33, eligible\.leader\.replicas\.version=1, transaction\.version=2, kraft\.version=1$/m,
    )
    expect(stdout).toMatch(/^First voters: +-$/m)
  })

  test('changes nothing', async () => {
    const { info, paths } = node()
    await info()
    expect(existsSync(paths[0]!)).toBe(false)
  })
})

test('storage random-uuid prints an id', async () => {
  const { stdout } = await ottla(['storage', 'random-uuid'])
  expect(isId(stdout.trim())).toBe(true)
})
