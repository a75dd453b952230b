import { BrokerConfig } from '../../src/config/broker-config.ts'
import type { Address } from '../../src/host/address.ts'
import { SimMachine, type World } from '../../src/host/sim/machine.ts'
import type { Bootstrap } from '../../src/metadata/bootstrap.ts'
import { firstLevels } from '../../src/metadata/first-levels.ts'
import { formatNode } from '../../src/metadata/format.ts'
import type { Voter } from '../../src/quorum/types.ts'
import { SimulatedNode } from './simulated-node.ts'

const DIRECTORY = '/data'
const PORT = 9092
export const CONTROLLER_PORT = 9093
const CLUSTER_ID = 'AAAAAAAAQACAAAAAAAAAAQ'
const CONTROLLER_LISTENER = 'CONTROLLER'
const FIRST_CONTROLLER_ID = 100

export type Settings = Readonly<Record<string, string>>

/** How many nodes of a cluster are what; `combined` ones are brokers and controllers in one process. */
export interface Layout {
  readonly combined: number
  readonly brokers: number
  readonly controllers: number
}

/** So many brokers, and a controller on a machine of its own where there are several. */
export function plainLayout(brokers: number): Layout {
  if (brokers === 1) return { combined: 1, brokers: 0, controllers: 0 }
  return { combined: 0, brokers, controllers: 1 }
}

/** A node of a simulation, and what it is told. */
interface PlannedNode {
  /** Of its machine. */
  readonly name: string
  readonly settings: Settings
  /** Its directory is formatted before its first start, for a controller with this; null: it formats the directory itself. */
  readonly format: Format | null
}

interface Format {
  readonly bootstrap: Bootstrap | null
  readonly directoryId: string | undefined
}

export interface Topology {
  /** The combined nodes, then the brokers, then those that are controllers alone. */
  readonly nodes: readonly PlannedNode[]
  /** Where the brokers are. */
  readonly bootstrap: readonly Address[]
}

/** One of the nodes that make up a cluster. */
interface Member {
  readonly id: number
  readonly name: string
  readonly isBroker: boolean
  readonly isController: boolean
}

/**
 * One broker that is its own controller, or a cluster.
 * @param ofSchedule settings that win over all others
 * @param replicas 1: what a broker leads stands still while it is down, and its coordinators with it. Above that, others lead in its
 * place, and coordinators move.
 */
export function topologyOf(
  layout: Layout,
  replicas: number,
  settings: Settings,
  ofSchedule: Settings = {},
): Topology {
  const members = membersOf(layout)
  if (members.length === 1) {
    const alone = { ...settings, ...ofSchedule, listeners: listener('PLAINTEXT', 'broker', PORT) }
    return {
      nodes: [{ name: 'broker', settings: { ...alone, 'log.dirs': DIRECTORY }, format: null }],
      bootstrap: [{ host: 'broker', port: PORT }],
    }
  }
  const voters = members.filter(({ isController }) => isController)
  const inCluster = { ...IN_CLUSTER, ...replicated(replicas), ...boundTo(voters) }
  const common = { ...settings, ...inCluster, ...ofSchedule }
  return {
    nodes: members.map((member) => planned(member, voters, common)),
    bootstrap: members
      .filter(({ isBroker }) => isBroker)
      .map(({ name }) => ({ host: name, port: PORT })),
  }
}

function membersOf({ combined, brokers, controllers }: Layout): Member[] {
  const withBroker = Array.from({ length: combined + brokers }, (_, index): Member => ({
    id: index + 1,
    name: `broker${index + 1}`,
    isBroker: true,
    isController: index < combined,
  }))
  const others = Array.from({ length: controllers }, (_, index): Member => ({
    id: FIRST_CONTROLLER_ID + index,
    name: `controller${index + 1}`,
    isBroker: false,
    isController: true,
  }))
  return [...withBroker, ...others]
}

const IN_CLUSTER: Settings = {
  'log.dirs': DIRECTORY,
  'controller.listener.names': CONTROLLER_LISTENER,
  'broker.heartbeat.interval.ms': '200',
  'broker.session.timeout.ms': '1500',
  'offsets.topic.num.partitions': '3',
  'transaction.state.log.num.partitions': '3',
}

const boundTo = (voters: readonly Member[]): Settings => ({
  'controller.quorum.bootstrap.servers': voters
    .map(({ name }) => `${name}:${CONTROLLER_PORT}`)
    .join(),
})

/** Of topics and coordinators. */
function replicated(replicas: number): Settings {
  const most = String(replicas)
  const least = String(Math.min(2, replicas))
  return {
    'default.replication.factor': most,
    'min.insync.replicas': least,
    'offsets.topic.replication.factor': most,
    'transaction.state.log.replication.factor': most,
    'transaction.state.log.min.isr': least,
  }
}

function planned(member: Member, voters: readonly Member[], settings: Settings): PlannedNode {
  const { id, name, isBroker, isController } = member
  const roles = [...(isBroker ? ['broker'] : []), ...(isController ? ['controller'] : [])]
  const listeners = [
    ...(isBroker ? [listener('PLAINTEXT', name, PORT)] : []),
    ...(isController ? [listener(CONTROLLER_LISTENER, name, CONTROLLER_PORT)] : []),
  ]
  const own = {
    'process.roles': roles.join(),
    'node.id': String(id),
    listeners: listeners.join(),
  }
  const format = isController ? formatOf(id, voters) : { bootstrap: null, directoryId: undefined }
  return { name, settings: { ...settings, ...own }, format }
}

function formatOf(id: number, voters: readonly Member[]): Format {
  const levels = firstLevels({ features: new Map(), isDynamic: true })
  const bootstrap = { ...levels, voters: voters.map(asVoter) }
  return { bootstrap, directoryId: directoryIdOf(id) }
}

/** The first voters of a cluster. */
export function votersOf(layout: Layout): Voter[] {
  return membersOf(layout)
    .filter(({ isController }) => isController)
    .map(asVoter)
}

const asVoter = ({ id, name }: Member): Voter => ({
  id,
  directoryId: directoryIdOf(id),
  endpoints: [{ name: CONTROLLER_LISTENER, host: name, port: CONTROLLER_PORT }],
})

const directoryIdOf = (id: number): string => `${String(id).padStart(21, 'C')}Q`

const listener = (name: string, host: string, port: number): string => `${name}://${host}:${port}`

/** A machine for it, with the directory that it is to have. */
export function prepare({ name, settings, format }: PlannedNode, world: World): SimulatedNode {
  const machine = new SimMachine(name, world)
  machine.disk.makeDirectory(DIRECTORY)
  machine.disk.syncDirectory('/')
  if (format !== null) {
    formatNode({
      host: machine.start(),
      codecs: world.codecs,
      config: new BrokerConfig({ settings }),
      clusterId: CLUSTER_ID,
      ...format,
      ignoreFormatted: false,
    })
    machine.kill()
  }
  return new SimulatedNode(machine, world.scheduler, settings)
}
