import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import {
  APACHE_SETTINGS,
  describeWithApache,
  killApache,
  propertiesText,
  startApacheNode,
  type RunningProcess,
} from '../interchange/apache.ts'
import { freePorts } from '../support/ports.ts'
import { temporaryDirectories } from '../support/temporary.ts'
import { ottla } from './command.ts'

const CLUSTER = 'AAAAAAAAQACAAAAAAAAAAQ'
const IDS = ['JEXY6aqzQY-32P5TStzaFg', 'MvDxzVmcRsaTz33bUuRU6A']

interface Replica {
  readonly id: number
  readonly directoryId: string
  readonly endpoints: readonly { host: string; port: number }[]
  readonly logEndOffset: number
  readonly lastCaughtUpTimestamp: number
}
interface Quorum {
  readonly clusterId: string
  readonly leaderId: number
  readonly highWatermark: number
  readonly voters: readonly Replica[]
  readonly observers: readonly Replica[]
}

interface Described {
  readonly replicas: number
  readonly behind: number
  readonly directories: readonly { partitions: number }[]
}

/** Two Apache nodes, both broker and controller, on directories that ottla formatted. */
describeWithApache('The commands for a cluster, on Apache Kafka', () => {
  const directories = temporaryDirectories()
  let nodes: readonly { file: string; settings: Record<string, string>; controller: string }[]
  let processes: RunningProcess[]
  let bootstrap: string
  let controllers: string

  beforeAll(async () => {
    const ports = await freePorts(4)
    const at = (index: number) => `127.0.0.1:${ports[index]}`
    controllers = `${at(2)},${at(3)}`
    bootstrap = at(0)
    nodes = [0, 1].map((index) => {
      const place = directories.make()
      const settings = {
        ...APACHE_SETTINGS,
        'node.id': String(index + 1),
        listeners: `PLAINTEXT://${at(index)},CONTROLLER://${at(index + 2)}`,
        'controller.quorum.bootstrap.servers': controllers,
        'broker.rack': `rack-${index + 1}`,
        'log.dirs': join(place, 'data'),
      }
      const file = join(place, 'server.properties')
      writeFileSync(file, propertiesText(settings))
      return { file, settings, controller: at(index + 2) }
    })
    const voters = nodes.map(({ controller }, index) => `${index + 1}@${controller}:${IDS[index]}`)
    for (const { file } of nodes) {
      const args = ['storage', 'format', '-t', CLUSTER, '-c', file, '-I', voters.join(',')]
      expect(await ottla(args)).toMatchObject({ code: 0 })
    }
    processes = await Promise.all(nodes.map(({ settings }) => startApacheNode(settings)))
  }, 240_000)
  afterAll(async () => {
    await killApache()
    directories.removeAll()
  }, 60_000)

  const run = (...args: string[]) => ottla(args, { bootstrap })
  const json = async (...args: string[]): Promise<unknown> => {
    const { code, stdout, stderr } = await run(...args, '--json')
    if (code !== 0) throw new Error(`${args.join(' ')}: ${stderr}`)
    return JSON.parse(stdout) as unknown
  }
  const quorum = async (...args: string[]) => (await json('quorum', 'describe', ...args)) as Quorum
  const idsOf = (replicas: readonly Replica[]) => replicas.map(({ id }) => id).sort()
  /** Asks until an answer satisfies. */
  const seen = async <T>(ask: () => Promise<T>, what: string, isSo: (answer: T) => boolean) => {
    const deadline = performance.now() + 150_000
    for (;;) {
      const answer = await ask()
      if (isSo(answer)) return
      if (performance.now() > deadline) {
        throw new Error(`waited in vain for ${what}: ${JSON.stringify(answer)}`)
      }
      await delay(50)
    }
  }

  test('quorum describe shows voters, leader and progress, asked through brokers and through controllers', async () => {
    for (const through of [[], ['--bootstrap-controller', controllers]]) {
      const found = await quorum(...through)
      expect(found.clusterId).toBe(CLUSTER)
      expect([1, 2]).toContain(found.leaderId)
      expect(found.highWatermark).toBeGreaterThan(0)
      const voters = [...found.voters].sort((left, right) => left.id - right.id)
      expect(voters.map(({ directoryId }) => directoryId)).toEqual(IDS)
      const places = voters.map(({ endpoints }) => `${endpoints[0]!.host}:${endpoints[0]!.port}`)
      expect(places.join()).toBe(controllers)
    }
    const { stdout } = await run('quorum', 'describe')
    expect(stdout).toMatch(/^Cluster: +AAAAAAAAQACAAAAAAAAAAQ$/m)
    expect(stdout).toMatch(/^ +[12] +leader +\S{22} +CONTROLLER:\/\/127\.0\.0\.1:\d+$/m)
    expect(stdout).toMatch(/^ +[12] +voter +\S{22} +CONTROLLER:\/\/127\.0\.0\.1:\d+$/m)
    const replication = await run('quorum', 'describe', '--replication')
    expect(replication.stdout).toMatch(/^NODE +ROLE +LOG END +LAG +FETCHED MS AGO/)
    expect(replication.stdout).toMatch(/^ +[12] +leader +\d+ +0 +- +- +\S{22}$/m)
    expect(replication.stdout).toMatch(/^ +[12] +voter +\d+ +\d+ +\d+ +\d+ +\S{22}$/m)
  }, 60_000)

  test('who asks the wrong kind of node is told so', async () => {
    const broker = await run('quorum', 'describe', '--bootstrap-controller', bootstrap)
    expect(broker).toMatchObject({ code: 1, stdout: '' })
    expect(broker.stderr).toContain('Brokers are named with --bootstrap-server')
    const controller = await run('quorum', 'describe', '-b', controllers)
    expect(controller.stderr).toContain(
      "a controller's address is given with --bootstrap-controller",
    )
    const both = await run(
      'quorum',
      'describe',
      '-b',
      bootstrap,
      '--bootstrap-controller',
      controllers,
    )
    expect(both.code).toBe(2)
  }, 60_000)

  test('features are shown, raised to those of a release, and lowered', async () => {
    type Features = { features: { name: string; finalized: number; maxSupported: number }[] }
    const level = async (name: string, ...through: string[]) => {
      const { features } = (await json('features', 'describe', ...through)) as Features
      return features.find((feature) => feature.name === name)?.finalized
    }
    expect(await level('metadata.version')).toBe(33)
    expect(await level('group.version')).toBe(0)
    // Ottla has formatted the directories, and has these.
    expect(await level('transaction.version')).toBe(2)
    expect(await level('eligible.leader.replicas.version')).toBe(1)
    const tried = await run('features', 'upgrade', '--release-version', '4.4', '--dry-run')
    expect(tried).toMatchObject({ code: 0, stderr: '' })
    expect(tried.stdout).toContain('could go to')
    expect(await level('group.version')).toBe(0)
    const raised = await json('features', 'upgrade', '-r', '4.4')
    expect(raised).toEqual({
      changed: {
        'group.version': 1,
        'share.version': 2,
        'streams.version': 1,
      },
      left: [],
      dryRun: false,
    })
    await seen(
      () => level('group.version'),
      'group.version=1',
      (found) => found === 1,
    )
    const again = await run('features', 'upgrade', '-r', '4.4')
    expect(again.stdout).toBe('There is nothing to change.\n')
    const through = ['--bootstrap-controller', controllers]
    const lowered = await run('features', 'downgrade', '-f', 'share.version=1', ...through)
    expect(lowered).toMatchObject({ code: 0, stdout: 'The cluster is at share.version=1.\n' })
    await seen(
      () => level('share.version', ...through),
      'share.version=1',
      (found) => found === 1,
    )
    const refused = await run('features', 'upgrade', '--feature', 'share.version=9')
    expect(refused).toMatchObject({ code: 1, stdout: '' })
    expect(refused.stderr).toMatch(/\(INVALID_UPDATE_VERSION\)\n {2}ottla features describe/)
    expect((await run('features', 'describe')).stdout).toMatch(
      /^metadata\.version +33 \(4\.4-IV2\) +\d+ \(\S+\) to 33 \(4\.4-IV2\)$/m,
    )
  }, 60_000)

  test('brokers are listed and described', async () => {
    expect(await json('brokers', 'list')).toMatchObject([
      { id: 1, rack: 'rack-1', isFenced: false },
      { id: 2, rack: 'rack-2', isFenced: false },
    ])
    const created = await run('topics', 'create', 'described', '--assignment', '2:1,1:2,2:1')
    expect(created).toMatchObject({ code: 0, stderr: '' })
    const described = async () => (await json('brokers', 'describe')) as Described[]
    const hasAll = ({ replicas, behind, directories: [first] }: Described) =>
      replicas === 3 && behind === 0 && first!.partitions >= 3
    await seen(described, 'the partitions', (found) => found.every(hasAll))
    expect(await described()).toMatchObject([
      { id: 1, leads: 1 },
      { id: 2, leads: 2 },
    ])
    const one = await run('brokers', 'describe', '2')
    expect(one.stdout).toMatch(/^Partitions: +leads 2, has 3, of which 0 not in sync$/m)
    expect((await run('brokers', 'describe', '7')).stderr).toContain('There is no broker 7')
  }, 60_000)

  test('a voter is removed, and added again', async () => {
    const settled = (voters: number[]) =>
      seen(
        () => quorum(),
        `voters ${voters.join()}`,
        (found) => {
          return String(idsOf(found.voters)) === String(voters) && found.leaderId === 1
        },
      )
    const unknown = await run('quorum', 'remove', '9')
    expect(unknown.stderr).toContain(`No voter is controller 9\n  The voters are: `)
    const known = await run('quorum', 'add', '--config', nodes[1]!.file)
    expect(known).toMatchObject({ code: 1, stdout: '' })
    expect(known.stderr).toMatch(/\(DUPLICATE_VOTER\)\n {2}Take the old one out first/)
    const dry = await run('quorum', 'remove', '2', '--dry-run')
    expect(dry.stdout).toBe(
      `Would remove controller 2 with the directory ${IDS[1]} from the voters.\n`,
    )
    const removed = await run('quorum', 'remove', '2')
    expect(removed).toMatchObject({ code: 0, stderr: '' })
    await settled([1])
    // A leader adds only who had its whole log once. Had 2 led, 1 is new, and does not know it at 2's first fetch.
    const isObserver = ({ observers }: Quorum) =>
      observers.some(({ id, lastCaughtUpTimestamp }) => id === 2 && lastCaughtUpTimestamp > 0)
    const observed = () => seen(() => quorum(), 'the removed voter to have caught up', isObserver)
    await observed()
    const added = await run('quorum', 'add', '--config', nodes[1]!.file)
    expect(added).toMatchObject({ code: 0, stderr: '' })
    expect(added.stdout).toBe(
      `Added controller 2 with the directory ${IDS[1]} at CONTROLLER://${nodes[1]!.controller}.\n`,
    )
    expect(idsOf((await quorum()).voters)).toEqual([1, 2])
    const through = ['--bootstrap-controller', controllers]
    expect(await run('quorum', 'remove', '2', '-d', IDS[1]!, ...through)).toMatchObject({ code: 0 })
    await settled([1])
    await observed()
    const again = `2@${nodes[1]!.controller}:${IDS[1]}`
    expect(await run('quorum', 'add', again, ...through)).toMatchObject({ code: 0, stderr: '' })
  }, 120_000)

  test('what is gone for good is forgotten', async () => {
    const active = await run('brokers', 'unregister', '2')
    expect(active).toMatchObject({ code: 1, stdout: '' })
    expect(active.stderr).toContain('Broker 2 runs, and would register again\n  Stop it first')
    const removed = await run('quorum', 'remove', '2', '--unregister')
    expect(removed).toMatchObject({ code: 0, stderr: '' })
    await processes[1]!.stop()
    const fenced = async () =>
      (await json('brokers', 'list')) as { id: number; isFenced: boolean }[]
    await seen(fenced, 'broker 2 to be fenced', (found) => found[1]!.isFenced)
    expect(await json('brokers', 'unregister', '2')).toEqual({ id: 2, unregistered: true })
    await seen(fenced, 'broker 2 to be gone', (found) => found.length === 1)
    expect((await run('brokers', 'unregister', '2')).stderr).toContain('There is no broker 2')
    const through = ['--bootstrap-controller', nodes[0]!.controller]
    const unknown = await run('brokers', 'unregister', '2', ...through)
    expect(unknown.stderr).toContain('(BROKER_ID_NOT_REGISTERED)')
    await processes[0]!.stop()
  }, 120_000)
})
