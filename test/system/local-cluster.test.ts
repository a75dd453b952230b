import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { isProcess } from '../../bin/cluster/pid-file.ts'
import { startCluster } from '../../src/index.ts'
import { ottla } from '../bin/command.ts'
import { eventually, exited, until } from '../clients/wait.ts'
import { freePorts } from '../support/ports.ts'
import { temporaryDirectories } from '../support/temporary.ts'

const directories = temporaryDirectories()
const running = new Set<ChildProcess>()
afterAll(async () => {
  for (const child of running) child.kill('SIGKILL')
  await Promise.all(Array.from(running, (child) => exited(child)))
  directories.removeAll()
})

/** `ottla cluster up` in a process of its own. */
function up(directory: string, ...args: string[]) {
  const all = ['bin/ottla', 'cluster', 'up', '--dir', directory, '--base-port', '0', ...args]
  const child = spawn(process.execPath, all, { stdio: ['ignore', 'pipe', 'pipe'] })
  running.add(child)
  child.once('close', () => running.delete(child))
  const output = { out: '', err: '' }
  child.stdout.on('data', (bytes: Buffer) => (output.out += bytes.toString()))
  child.stderr.on('data', (bytes: Buffer) => (output.err += bytes.toString()))
  const isOver = (): boolean => child.exitCode !== null || child.signalCode !== null
  return {
    child,
    output,
    ready: async (): Promise<string> => {
      const line = /^ottla cluster ready on (\S+)$/m
      await until(
        () => line.test(output.out) || isOver(),
        () => `the cluster: ${output.err}`,
      )
      const bootstrap = line.exec(output.out)?.[1]
      if (bootstrap === undefined) throw new Error(`it ended: ${output.err}`)
      return bootstrap
    },
    ended: async () => {
      await exited(child)
      return { code: child.exitCode, ...output }
    },
  }
}

interface Pids {
  readonly supervisor: number
  readonly nodes: Readonly<Record<string, number>>
}
const pidsOf = (directory: string): Pids =>
  JSON.parse(readFileSync(join(directory, 'cluster.pid'), 'utf8')) as Pids

/** One that has ended and that nobody has asked for is none any more. */
const isAlive = (pid: number): boolean => isProcess(pid, [])

const down = (directory: string) => ottla(['cluster', 'down', '--dir', directory])

const BROKERS = 3
const IDS = Array.from({ length: BROKERS }, (_, index) => index + 1)

describe('ottla cluster', () => {
  let directory: string
  beforeEach(() => {
    directory = join(directories.make(), 'cluster')
  })

  const ask = async (bootstrap: string, ...args: string[]): Promise<unknown> => {
    const { code, stdout, stderr } = await ottla([...args, '--json'], { bootstrap })
    if (code !== 0) throw new Error(`${args.join(' ')}: ${stderr}`)
    return JSON.parse(stdout) as unknown
  }
  type Observed = { observers: readonly { id: number; logEndOffset: number }[] }
  type Brokers = readonly { id: number; isFenced: boolean }[]
  const serving = async (bootstrap: string): Promise<number[]> => {
    const found = (await ask(bootstrap, 'brokers', 'list')) as Brokers
    return found.flatMap(({ id, isFenced }) => (isFenced ? [] : [id]))
  }

  test('runs brokers that are one cluster, starts one again that dies, and stops them all', async () => {
    const first = up(directory, '--brokers', String(BROKERS))
    const bootstrap = await first.ready()
    expect(bootstrap.split(',')).toHaveLength(BROKERS)
    const quorum = (await ask(bootstrap, 'quorum', 'describe')) as {
      clusterId: string
      voters: { id: number }[]
    }
    expect(quorum.voters.map(({ id }) => id).sort()).toEqual(IDS)
    await eventually(
      async () => String(await serving(bootstrap)) === String(IDS),
      'all to be known to serve',
    )
    const removed = await ottla(['quorum', 'remove', '3'], { bootstrap })
    expect(removed).toMatchObject({ code: 0, stderr: '' })
    const isFollowed = async () => {
      const { observers } = (await ask(bootstrap, 'quorum', 'describe')) as Observed
      return observers.some(({ id, logEndOffset }) => id === 3 && logEndOffset > 0)
    }
    while (!(await isFollowed())) await delay(20)
    const config = join(directory, 'node-3/server.properties')
    const added = await ottla(['quorum', 'add', '--config', config], { bootstrap })
    expect(added).toMatchObject({ code: 0, stderr: '' })
    await ottla(['topics', 'create', 'kept', '--assignment', IDS.join(',')], { bootstrap })
    const before = pidsOf(directory)
    const victim = before.nodes[String(BROKERS)]!
    process.kill(victim, 'SIGKILL')
    const again = (): boolean => {
      const pid = pidsOf(directory).nodes[String(BROKERS)]
      return pid !== undefined && pid !== victim
    }
    await until(again, 'the node to be started again')
    expect(first.output.err).toContain(`node ${BROKERS} has ended (SIGKILL), and starts again`)
    const second = await ottla(['cluster', 'up', '--dir', directory])
    expect(second.stderr).toContain(`runs already\n  Stop it with: ottla cluster down`)
    const pids = Object.values(pidsOf(directory).nodes)
    expect((await down(directory)).stdout).toContain('Stopped the cluster in')
    const { code, err } = await first.ended()
    expect([code, err.match(/has ended/g)]).toEqual([0, ['has ended']])
    expect(pids.filter(isAlive)).toEqual([])
    expect(existsSync(join(directory, 'cluster.pid'))).toBe(false)

    const later = up(directory)
    const place = await later.ready()
    const { clusterId } = (await ask(place, 'quorum', 'describe')) as { clusterId: string }
    expect(clusterId).toBe(quorum.clusterId)
    expect(await ask(place, 'topics', 'list')).toMatchObject([
      { name: 'kept', partitions: BROKERS },
    ])
    later.child.kill('SIGINT')
    expect((await later.ended()).code).toBe(0)
  }, 120_000)

  test('leaves a node alone that has ended, where it is told to', async () => {
    const cluster = up(directory, '--brokers', '1', '--no-restart')
    await cluster.ready()
    process.kill(pidsOf(directory).nodes['1']!, 'SIGKILL')
    const { code, err } = await cluster.ended()
    expect([code, err.includes('node 1 has ended (SIGKILL)')]).toEqual([1, true])
    expect(err).toContain('No node of the cluster runs any more')
  }, 60_000)

  test('nodes stop when their supervisor was killed; one that hangs is named, and stopped by down', async () => {
    const killed = async (hangs: boolean) => {
      const cluster = up(directory, '--brokers', '1')
      await cluster.ready()
      const node = pidsOf(directory).nodes['1']!
      if (hangs) process.kill(node, 'SIGSTOP')
      cluster.child.kill('SIGKILL')
      await cluster.ended()
      return node
    }
    const gone = await killed(false)
    await until(() => !isAlive(gone), 'the node to stop')
    const left = await killed(true)
    const refused = await ottla(['cluster', 'up', '--dir', directory])
    expect(refused.stderr).toContain(`nothing looks after them: ${left}`)
    const stopped = down(directory)
    process.kill(left, 'SIGCONT')
    // It may have stopped by itself before anybody looked for it.
    const { code, stderr } = await stopped
    if (code !== 0) expect(stderr).toContain('No cluster runs in')
    await until(() => !isAlive(left), 'the node to stop')
  }, 120_000)

  test('down stops no process that has the number of one that has ended', async () => {
    const cluster = up(directory, '--brokers', '1')
    await cluster.ready()
    await down(directory)
    await cluster.ended()
    const stranger = spawn(process.execPath, ['-e', 'setInterval(() => 0, 1000)'])
    running.add(stranger)
    const pid = stranger.pid!
    writeFileSync(
      join(directory, 'cluster.pid'),
      JSON.stringify({ supervisor: pid, nodes: { 1: pid } }),
    )
    expect((await down(directory)).stderr).toContain('No cluster runs in')
    expect(isAlive(pid)).toBe(true)
  }, 60_000)

  test('a node that can not start ends it, with what that node said', async () => {
    const cluster = up(directory, '--brokers', '1', '--set', 'num.partitions=none')
    const { code, err, out } = await cluster.ended()
    expect([code, out]).toEqual([1, ''])
    expect(err).toContain('Node 1 has not started (exit code 1):\nottla: ')
    expect(err).toContain('num.partitions')
    expect(existsSync(join(directory, 'cluster.pid'))).toBe(false)
  }, 60_000)

  test('a directory that has lost a node is not begun anew', async () => {
    const cluster = up(directory, '--brokers', '1')
    await cluster.ready()
    await down(directory)
    await cluster.ended()
    const other = await ottla(['cluster', 'up', '--dir', directory, '--brokers', '3'])
    expect(other.stderr).toContain('has 1 brokers, not 3')
    rmSync(join(directory, 'node-1/data'), { recursive: true })
    const lost = await ottla(['cluster', 'up', '--dir', directory])
    expect(lost).toMatchObject({ code: 1, stdout: '' })
    expect(lost.stderr).toContain('has lost what was in it')
  }, 60_000)

  test('is in the clear as it was made, whoever asks for more and whatever lies there', async () => {
    await (await startCluster({ brokers: 1, directory })).close()
    const secured = await ottla(['cluster', 'up', '--secure', '--dir', directory])
    expect(secured).toMatchObject({ code: 1, stdout: '' })
    expect(secured.stderr).toContain('speaks in the clear: leave --secure out')
    expect(existsSync(join(directory, 'security'))).toBe(false)
    mkdirSync(join(directory, 'security'))
    const cluster = up(directory)
    await cluster.ready()
    expect((await down(directory)).code).toBe(0)
    expect((await cluster.ended()).code).toBe(0)
  }, 60_000)
})

test('a cluster runs in one process, and comes back in its directory', async () => {
  const directory = directories.make()
  const first = await startCluster({ brokers: BROKERS, directory })
  const { bootstrap, clusterId } = first
  expect(first.brokers).toHaveLength(BROKERS)
  const made = await ottla(['topics', 'create', 'kept', '-p', '3'], { bootstrap })
  expect(made).toMatchObject({ code: 0, stderr: '' })
  await first.close()
  const second = await startCluster({ directory })
  expect(second.clusterId).toBe(clusterId)
  const { stdout } = await ottla(['topics', 'list'], { bootstrap: second.bootstrap })
  expect(stdout).toContain('kept')
  await second.close()
}, 120_000)

test('a cluster of which a node can not start leaves nothing running, in no more time than the others take', async () => {
  const directory = directories.make()
  await (await startCluster({ brokers: BROKERS, directory })).close()
  const { nodes } = JSON.parse(readFileSync(join(directory, 'cluster.json'), 'utf8')) as {
    nodes: { controller: { port: number } }[]
  }
  const { port } = nodes[1]!.controller
  // Nodes that ask it for a vote are not kept waiting, nor is its end.
  const stranger = createServer((socket) => void socket.destroy())
  await new Promise<void>((resolve) => stranger.listen(port, '127.0.0.1', resolve))
  await expect(startCluster({ directory })).rejects.toMatchObject({
    code: 'ERR_START',
    message: expect.stringContaining(`Port ${port} is in use`) as string,
  })
  await new Promise((resolve) => stranger.close(resolve))
  // Its directories and ports are free.
  await (await startCluster({ directory })).close()
}, 120_000)

test('a node that waits for the other controllers stops at the first signal', async () => {
  const [own, other] = (await freePorts(2)) as [number, number]
  const settings = {
    'process.roles': 'broker,controller',
    'node.id': 1,
    listeners: `PLAINTEXT://127.0.0.1:0,CONTROLLER://127.0.0.1:${own}`,
    'controller.listener.names': 'CONTROLLER',
    'controller.quorum.voters': `1@127.0.0.1:${own},2@127.0.0.1:${other}`,
    'log.dirs': directories.make(),
  }
  const set = Object.entries(settings).flatMap(([name, value]) => ['--set', `${name}=${value}`])
  const child = spawn(process.execPath, ['bin/ottla', 'start', ...set], {
    stdio: 'ignore',
    env: { ...process.env, CLUSTER_ID: 'AAAAAAAAQACAAAAAAAAAAQ' },
  })
  running.add(child)
  child.once('close', () => running.delete(child))
  await listening(own)
  child.kill('SIGTERM')
  await exited(child)
  expect([child.exitCode, child.signalCode]).toEqual([0, null])
}, 60_000)

/** Resolves when somebody listens on a port of this machine. */
async function listening(port: number): Promise<void> {
  let isThere = false
  const look = (): void => {
    const socket = connect({ host: '127.0.0.1', port })
    socket.once('connect', () => {
      isThere = true
      socket.destroy()
    })
    socket.once('error', () => setTimeout(look, 20))
  }
  look()
  await until(() => isThere, `port ${port}`)
}
