import type { BrokerView, Listeners } from './listeners.ts'

const LOOPBACK = ['localhost', '127.0.0.1', '::1']

/**
 * Why a node can't start that is told to be part of a cluster of several nodes. Ottla runs broker and controller in one
 * node, which is the whole quorum; started all the same, each of three such nodes would be a cluster of its own under the
 * same id. Settings that name only the node itself, as Apache Kafka's files for a single node do, are fine.
 * @param hostName the machine's own name, by which the node may be named too
 * @returns null where the node is to be on its own
 */
export function joiningProblem(
  view: BrokerView,
  listeners: Listeners,
  hostName: string,
): string | null {
  const roles = view.get('process.roles')
  const missing = (['broker', 'controller'] as const).find((role) => !roles.includes(role))
  if (missing !== undefined) {
    const kind = missing === 'controller' ? 'joins controllers elsewhere' : 'is only a controller'
    return `process.roles=${roles.join(',')} asks for a node that ${kind}, which Ottla can't be yet: it runs as a cluster of one node. For such a cluster set process.roles=broker,controller and remove controller.quorum.voters and controller.quorum.bootstrap.servers`
  }
  const nodeId = view.get('node.id')
  const voters = view.get('controller.quorum.voters')
  const otherVoters = voters.filter((voter) => Number(voter.split('@')[0]) !== nodeId)
  if (otherVoters.length > 0) return refusal('controller.quorum.voters', voters, otherVoters)
  const servers = view.get('controller.quorum.bootstrap.servers')
  const names = ownNames(listeners, hostName)
  const ports = listeners.controller.map(({ port }) => port)
  const otherServers = servers.filter((server) => {
    const { host, port } = addressOf(server)
    return !names.has(host) || !ports.includes(port)
  })
  if (otherServers.length === 0) return null
  return `${refusal('controller.quorum.bootstrap.servers', servers, otherServers)}. Where this is the node itself, give it the host and port of the controller's listener in listeners, or localhost`
}

function refusal(name: string, values: readonly string[], others: readonly string[]): string {
  return `${name}=${values.join(',')} tells this node to join others (${others.join(', ')}), which Ottla can't do yet: it runs as a cluster of one node. For such a cluster remove the setting, or let it name only this node`
}

/** All names by which the settings may call this very node. */
function ownNames({ controller, broker, advertised }: Listeners, hostName: string): Set<string> {
  const configured = [...controller, ...broker, ...advertised].map(({ host }) => host.toLowerCase())
  const own = hostName.toLowerCase()
  return new Set([
    ...LOOPBACK,
    ...configured.filter((host) => host !== ''),
    own,
    own.split('.')[0]!,
  ])
}

/** `host:port` with or without brackets; without a port it is none of ours. */
function addressOf(server: string): { host: string; port: number } {
  const [, host = '', port = '-1'] = /^\[?(.*?)\]?:(\d+)$/.exec(server.trim()) ?? []
  return { host: host.toLowerCase(), port: Number(port) }
}
