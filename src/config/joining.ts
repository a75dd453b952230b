import type { Address } from '../host/address.ts'
import type { BrokerView, Listeners } from './listeners.ts'

const LOOPBACK = ['localhost', '127.0.0.1', '::1']

/** A voter as the settings name it. */
export interface NamedVoter extends Address {
  readonly id: number
}

/**
 * The quorum that a node's settings say it belongs to. `alone`: it is the whole of it. `static`: with the voters of
 * `controller.quorum.voters` (kraft.version 0). `dynamic`: with those that the log names (KIP-853), found by the servers.
 */
export interface QuorumMembership {
  readonly kind: 'alone' | 'static' | 'dynamic'
  /** Of `controller.quorum.voters`. */
  readonly voters: readonly NamedVoter[]
  /** Who may know the leader: `controller.quorum.bootstrap.servers`, or the voters. */
  readonly servers: readonly Address[]
}

/**
 * Settings that name only the node itself, as Apache Kafka's files for a single node do, are those of a node alone.
 * @param hostName the machine's own name, by which the node may be named too
 */
export function quorumMembership(
  view: BrokerView,
  listeners: Listeners,
  hostName: string,
): QuorumMembership {
  const nodeId = view.get('node.id')
  const voters = view.get('controller.quorum.voters').map(voterOf)
  const named = view.get('controller.quorum.bootstrap.servers').map(addressOf)
  const servers = named.length > 0 ? named : voters.filter(({ id }) => id !== nodeId)
  if (voters.some(({ id }) => id !== nodeId)) return { kind: 'static', voters, servers }
  const names = ownNames(listeners, hostName)
  const ports = listeners.controller.map(({ port }) => port)
  const others = named.some(({ host, port }) => !names.has(host) || !ports.includes(port))
  return { kind: others ? 'dynamic' : 'alone', voters, servers: others ? servers : [] }
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

/** `id@host:port`, which the setting's check has seen. */
function voterOf(voter: string): NamedVoter {
  const [id, address] = voter.split('@') as [string, string]
  return { id: Number(id), ...addressOf(address) }
}

/** `host:port` with or without a protocol or brackets. */
function addressOf(server: string): Address {
  const [, host = '', port = '-1'] = /^(?:.*:\/\/)?\[?(.*?)\]?:(\d+)$/.exec(server.trim()) ?? []
  return { host: host.toLowerCase(), port: Number(port) }
}
