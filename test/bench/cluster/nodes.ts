import { spawn } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { freePorts } from '../../support/ports.ts'
import { type Apache, apacheIn } from '../apache.ts'
import { outcome } from '../client.ts'
import { Restartable } from '../processes.ts'
import type { Compared } from '../samples.ts'

export interface Place {
  readonly host: string
  readonly port: number
}

/** One process of a cluster. */
export interface Node {
  readonly id: number
  /** `log.dirs` */
  readonly directory: string
  /** Where clients find it; null where it is only a controller. */
  readonly client: Place | null
  readonly controller: Place
  readonly process: Restartable
}

export const clusterId = 'b3R0bGEtYmVuY2gtMDAwMg'
const host = '127.0.0.1'
const formatLimitMs = 60_000

/** What both are told besides where they are. */
const common = {
  'controller.listener.names': 'CONTROLLER',
  'log.segment.delete.delay.ms': '500',
}

/** One replica of everything. */
export const unreplicated: Readonly<Record<string, string>> = {
  'offsets.topic.replication.factor': '1',
  'transaction.state.log.replication.factor': '1',
  'transaction.state.log.min.isr': '1',
  'share.coordinator.state.topic.replication.factor': '1',
  'share.coordinator.state.topic.min.isr': '1',
}

export interface ClusterPlan {
  readonly kind: Compared
  readonly count: number
  /** Of each of them. */
  readonly roles: 'broker,controller' | 'controller'
  /** A directory that does not exist yet. */
  readonly directory: string
  /** Flags of Node's for Ottla's processes. */
  readonly nodeFlags: readonly string[]
  /** What else both are told. */
  readonly settings: Readonly<Record<string, string>>
}

/** Formats the directories of a cluster, whose voters stand in the settings; no process runs yet. */
export const prepareNodes = async (plan: ClusterPlan): Promise<Node[]> => {
  const { kind, count, roles, directory } = plan
  const ports = await freePorts(2 * count)
  const ids = Array.from({ length: count }, (_, index) => index + 1)
  const controllerPort = (id: number): number => ports[id - 1]!
  const voters = ids.map((id) => `${id}@${host}:${controllerPort(id)}`).join()
  await mkdir(directory, { recursive: true })
  const programs = kind === 'kafka' ? await apacheIn(directory) : ottla(plan.nodeFlags)
  const nodes: Node[] = []
  for (const id of ids) {
    const clientPort = roles === 'controller' ? null : ports[count + id - 1]!
    const forClients = clientPort === null ? [] : [`PLAINTEXT://${host}:${clientPort}`]
    const logs = path.join(directory, `node-${id}`)
    const settings: Record<string, string> = {
      ...common,
      ...plan.settings,
      'process.roles': roles,
      'node.id': String(id),
      'controller.quorum.voters': voters,
      listeners: [...forClients, `CONTROLLER://${host}:${controllerPort(id)}`].join(),
      'log.dirs': logs,
    }
    const properties = path.join(directory, `node-${id}.properties`)
    const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}\n`)
    await writeFile(properties, lines.join(''))
    await programs.format(clusterId, properties)
    nodes.push({
      id,
      directory: logs,
      client: clientPort === null ? null : { host, port: clientPort },
      controller: { host, port: controllerPort(id) },
      process: new Restartable(`${kind} ${id}`, () => programs.serve(properties)),
    })
  }
  return nodes
}

const ottla = (nodeFlags: readonly string[]): Apache => ({
  format: async (id, properties) => {
    const command = ['bin/ottla', 'storage', 'format', '-t', id, '-c', properties]
    const ended = await outcome(spawn(process.execPath, command), formatLimitMs)
    if (ended.code !== 0) throw new Error(`Ottla cannot format: ${ended.errors}`)
  },
  serve: (properties) =>
    spawn(process.execPath, [...nodeFlags, 'bin/ottla', 'start', '--config', properties]),
})
