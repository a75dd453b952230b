import type { Codecs } from '../protocol/records/codecs.ts'
import { BrokerConfig } from './config/broker-config.ts'
import { hostAndPort } from './host/address.ts'
import type { Disk, Host } from './host/host.ts'
import type { Bootstrap } from './metadata/bootstrap.ts'
import type { MetadataFact } from './metadata/facts.ts'
import { firstLevels } from './metadata/first-levels.ts'
import { formatNode } from './metadata/format.ts'
import { randomId } from './metadata/ids.ts'

const LOOPBACK = '127.0.0.1'
const CONTROLLER = 'CONTROLLER'
const DESCRIPTION = 'cluster.json'
/** More voters than three make a cluster on one machine slower, and no safer. */
const VOTERS = 3
/** Of a partition, where there are so many brokers. */
const REPLICAS = 3

/** One of the nodes of a cluster on this machine. */
export interface LocalNode {
  readonly id: number
  /** For clients; 0: a free one at each start. */
  readonly port: number
  /** Null: the node is only a broker. */
  readonly controller: { readonly port: number; readonly directoryId: string } | null
}

/** A cluster whose nodes are all on this machine, below one directory. */
export interface LocalCluster {
  readonly clusterId: string
  /** Absent in files of before: it isn't. */
  readonly isSecured?: boolean
  readonly nodes: readonly LocalNode[]
}

/** How a cluster is protected whose nodes and clients speak TLS and SASL. */
export interface LocalSecurity {
  /** Of all nodes; their listener for clients is SASL_SSL then. */
  readonly settings: Readonly<Record<string, string>>
  /** The users that the cluster begins with. */
  readonly credentials: readonly MetadataFact[]
}

/** A directory that has no cluster of this kind, or not all of it. The message says what to do. */
class LocalClusterError extends Error {
  override readonly name = 'LocalClusterError'
  readonly code = 'ERR_LOCAL_CLUSTER'
}

export interface LocalClusterOptions {
  readonly host: Host
  readonly codecs: Codecs
  /** Absolute; made when it is missing. */
  readonly directory: string
  /** How many there are to be; 3 where a new cluster isn't told, and as many as there are where it isn't new. */
  readonly brokers?: number | undefined
  /** Brokers take this port and those after it, controllers those after these; 0, or for an older cluster nothing: free ones. */
  readonly basePort?: number | undefined
  readonly security?: LocalSecurity | undefined
}

/** What the file beside the nodes' directories says. */
interface Description extends LocalCluster {
  /** Every node's directory has been formatted: one that is empty now has lost what it had. */
  readonly isFormed: boolean
}

/**
 * Finds the cluster in a directory, or makes one: ids and ports, and the formatted directories of its nodes.
 * @throws LocalClusterError, FormatError and errors of the directories
 */
export async function openLocalCluster(options: LocalClusterOptions): Promise<LocalCluster> {
  const { host, directory, brokers } = options
  const path = `${directory}/${DESCRIPTION}`
  const isNew = !host.disk.exists(path)
  if (isNew) host.disk.makeDirectory(directory)
  const found = isNew ? await draw(options) : read(host.disk, path)
  checkSecurity(options, found)
  if (brokers !== undefined && brokers !== found.nodes.length) {
    throw new LocalClusterError(
      `The cluster in ${directory} has ${found.nodes.length} brokers, not ${brokers}: leave the number out, or choose another directory`,
    )
  }
  if (found.isFormed) {
    for (const node of found.nodes) checkWhole(host, directory, node)
    return found
  }
  if (isNew) write(host, path, found)
  form(options, found)
  write(host, path, { ...found, isFormed: true })
  return found
}

/**
 * Whether a cluster speaks TLS and SASL: one that is there as it was made, a new one as it is to be. The cluster's own file says so,
 * whatever else is in the directory.
 * @throws LocalClusterError where TLS and SASL are asked of one that speaks in the clear, or its file is damaged
 */
export function securityIn(
  disk: Disk,
  directory: string,
  isAsked: boolean,
): { readonly isNew: boolean; readonly isSecured: boolean } {
  const path = `${directory}/${DESCRIPTION}`
  if (!disk.exists(path)) return { isNew: true, isSecured: isAsked }
  const isSecured = read(disk, path).isSecured === true
  if (isAsked && !isSecured) throw new LocalClusterError(inTheClear(directory))
  return { isNew: false, isSecured }
}

const inTheClear = (directory: string): string =>
  `The cluster in ${directory} speaks in the clear: leave --secure out, or choose another directory for a new one`

/** Whoever starts it has to know what its nodes say to each other. */
function checkSecurity({ directory, security }: LocalClusterOptions, found: LocalCluster): void {
  const isSecured = found.isSecured === true
  if (isSecured === (security !== undefined)) return
  throw new LocalClusterError(
    isSecured
      ? `The cluster in ${directory} speaks TLS and SASL: start it with ottla cluster up`
      : inTheClear(directory),
  )
}

/** The settings of a node, by which it is started. */
export function localSettings(
  directory: string,
  cluster: LocalCluster,
  { id, port, controller }: LocalNode,
  security?: LocalSecurity,
): Record<string, string> {
  const listener = security === undefined ? 'PLAINTEXT' : 'SASL_SSL'
  const address = (listener: string, to: number): string => `${listener}://${LOOPBACK}:${to}`
  const own = controller === null ? [] : [address(CONTROLLER, controller.port)]
  const controllers = cluster.nodes.flatMap((node) => node.controller ?? [])
  return {
    'process.roles': controller === null ? 'broker' : 'broker,controller',
    'node.id': String(id),
    listeners: [address(listener, port), ...own].join(','),
    'controller.listener.names': CONTROLLER,
    'controller.quorum.bootstrap.servers': controllers
      .map((one) => hostAndPort(LOOPBACK, one.port))
      .join(','),
    'log.dirs': dataDirectory(directory, id),
    ...replicationSettings(cluster.nodes.length),
    ...security?.settings,
  }
}

/** One broker may be lost, where there are three or more, and nothing that was acknowledged with acks of all is. */
function replicationSettings(brokers: number): Record<string, string> {
  const replicas = String(Math.min(REPLICAS, brokers))
  const minInSync = brokers < REPLICAS ? '1' : String(REPLICAS - 1)
  return {
    'default.replication.factor': replicas,
    'min.insync.replicas': minInSync,
    'offsets.topic.replication.factor': replicas,
    'transaction.state.log.replication.factor': replicas,
    'transaction.state.log.min.isr': minInSync,
    'share.coordinator.state.topic.replication.factor': replicas,
    'share.coordinator.state.topic.min.isr': minInSync,
  }
}

/** Where a node keeps all that is its own. */
export const nodeDirectory = (directory: string, id: number): string => `${directory}/node-${id}`
const dataDirectory = (directory: string, id: number): string =>
  `${nodeDirectory(directory, id)}/data`

/** A cluster that is not there yet. */
async function draw(options: LocalClusterOptions): Promise<Description> {
  const { host, brokers = VOTERS, basePort = 0, security } = options
  const voters = brokers < VOTERS ? 1 : VOTERS
  const ports = basePort === 0 ? await freePorts(host, voters) : null
  const nodes = Array.from({ length: brokers }, (_, index): LocalNode => {
    const directoryId = randomId(host.random)
    const controllerPort = ports?.[index] ?? basePort + brokers + index
    return {
      id: index + 1,
      port: basePort === 0 ? 0 : basePort + index,
      controller: index < voters ? { port: controllerPort, directoryId } : null,
    }
  })
  const isSecured = security !== undefined
  return { clusterId: randomId(host.random), isSecured, nodes, isFormed: false }
}

/** Ports that nobody has at the moment; all are held until the last one is found. */
async function freePorts({ network }: Host, count: number): Promise<number[]> {
  const listeners = await Promise.all(
    Array.from({ length: count }, () => network.listen(LOOPBACK, 0, (socket) => socket.destroy())),
  )
  const ports = listeners.map(({ port }) => port)
  await Promise.all(listeners.map((listener) => listener.close()))
  return ports
}

function form(
  { host, codecs, directory, security }: LocalClusterOptions,
  cluster: LocalCluster,
): void {
  const { kraftVersion, features } = firstLevels({ features: new Map(), isDynamic: true })
  const voters = cluster.nodes.flatMap(({ id, controller }) => {
    if (controller === null) return []
    const { directoryId, port } = controller
    return [{ id, directoryId, endpoints: [{ name: CONTROLLER, host: LOOPBACK, port }] }]
  })
  for (const node of cluster.nodes) {
    const { controller } = node
    const others = security?.credentials ?? []
    const bootstrap: Bootstrap = { kraftVersion, voters, features, others }
    formatNode({
      host,
      codecs,
      config: new BrokerConfig({ settings: localSettings(directory, cluster, node, security) }),
      clusterId: cluster.clusterId,
      bootstrap: controller === null ? null : bootstrap,
      directoryId: controller?.directoryId,
      // An earlier start may have been interrupted.
      ignoreFormatted: true,
    })
  }
}

/** A voter that comes back with an empty log could elect one that lacks what the others have committed. */
function checkWhole(host: Host, directory: string, { id }: LocalNode): void {
  const path = dataDirectory(directory, id)
  if (host.disk.exists(`${path}/meta.properties`)) return
  throw new LocalClusterError(
    `The directory of node ${id}, ${path}, has lost what was in it: bring it back, or begin anew with another directory`,
  )
}

function read(disk: Disk, path: string): Description {
  try {
    const { clusterId, isSecured, nodes, isFormed } = JSON.parse(
      disk.readFile(path).toString(),
    ) as Partial<Description>
    if (typeof clusterId === 'string' && Array.isArray(nodes) && typeof isFormed === 'boolean') {
      return { clusterId, isSecured: isSecured === true, nodes, isFormed }
    }
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
  }
  throw new LocalClusterError(`${path} is damaged: choose another directory for a new cluster`)
}

function write({ disk }: Host, path: string, description: Description): void {
  disk.replaceFile(path, `${JSON.stringify(description, null, 2)}\n`)
}
