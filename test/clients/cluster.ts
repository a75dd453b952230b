import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import path from 'node:path'
import { freePortRange } from '../support/ports.ts'
import { type NodeUnderTest } from './broker.ts'
import { OutputTail, exited, until } from './wait.ts'

const brokerCount = 3
const startLimitMs = 300_000

/** Three brokers, which are controllers too, by `ottla cluster up`. */
export interface ClusterUnderTest extends NodeUnderTest {
  /** Ends one node without a warning, and resolves when the cluster's supervisor has started it again. */
  killOne(chance: (bound: number) => number): Promise<void>
}

const settings = {
  'group.initial.rebalance.delay.ms': 500,
  'offsets.topic.num.partitions': 6,
  'transaction.state.log.num.partitions': 6,
  // A broker that comes back waits until the session of its former life is over.
  'broker.session.timeout.ms': 3000,
  'broker.heartbeat.interval.ms': 500,
}

const isRunning = (child: ChildProcess): boolean =>
  child.exitCode === null && child.signalCode === null

const lastLines = (file: string, count: number): string => {
  try {
    return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-count).join('\n')
  } catch {
    return `there is no ${file}`
  }
}

const spawnCluster = (directory: string, port: number): ChildProcess => {
  const set = Object.entries(settings).flatMap(([name, value]) => ['--set', `${name}=${value}`])
  const options = ['--brokers', `${brokerCount}`, '--dir', directory, '--base-port', `${port}`]
  return spawn(process.execPath, ['bin/ottla', 'cluster', 'up', ...options, ...set], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

export const clusterUnderTest = async (directory: string): Promise<ClusterUnderTest> => {
  // A node that comes back has the port that clients know.
  const port = await freePortRange(2 * brokerCount)
  const output = new OutputTail()
  let child: ChildProcess | null = null
  /** The process ids of the nodes that run, by the nodes' ids. */
  const nodes = (): Map<string, number> => {
    const text = readFileSync(path.join(directory, 'cluster.pid'), 'utf8')
    return new Map(Object.entries((JSON.parse(text) as { nodes: Record<string, number> }).nodes))
  }
  const kill9 = async (): Promise<void> => {
    if (child === null || !isRunning(child)) return
    child.kill('SIGKILL')
    await exited(child)
    for (const pid of nodes().values()) process.kill(pid, 'SIGKILL')
  }
  return {
    bootstrap: Array.from(
      { length: brokerCount },
      (_, index) => `127.0.0.1:${port + index}`,
    ).join(),
    start: async () => {
      const started = spawnCluster(directory, port)
      child = started
      const seen = output.watch(/^ottla cluster ready on /)
      output.follow(started)
      await until(() => seen() || !isRunning(started), 'the cluster to be ready', startLimitMs)
      if (!seen()) throw new Error('the cluster ended before it was ready')
    },
    kill9,
    stop: async () => {
      child?.kill('SIGTERM')
      if (child !== null && !(await exited(child, 10_000))) await kill9()
      await rm(directory, { recursive: true, force: true })
    },
    tail: () => {
      const logs = Array.from({ length: brokerCount }, (_, index) => `node-${index + 1}/ottla.log`)
      const lines = logs.map((log) => `${log}:\n${lastLines(path.join(directory, log), 15)}`)
      return [output.tail(25), ...lines].join('\n')
    },
    killOne: async (chance) => {
      const [id, pid] = Array.from(nodes())[chance(brokerCount)]!
      process.kill(pid, 'SIGKILL')
      await until(
        () => ![pid, undefined].includes(nodes().get(id)),
        `node ${id} to be started again`,
        startLimitMs,
      )
    },
  }
}
