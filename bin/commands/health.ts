import type { Command } from 'commander'
import type { BrokerConfig } from '../../src/config/broker-config.ts'
import type { Endpoint } from '../../src/config/listeners.ts'
import { nodeHost } from '../../src/host/node.ts'
import { Connection, connectSocket } from '../../src/peer/connection.ts'
import { PeerError } from '../../src/peer/errors.ts'
import { IN_THE_CLEAR, towards } from '../../src/peer/security.ts'
import { CommandError } from '../errors.ts'
import { nodeConfig, withNodeOptions, type NodeOptions } from '../node-config.ts'
import { parseTimeout, withExamples } from '../options.ts'

const TIMEOUT_MS = 5000

interface HealthOptions extends NodeOptions {
  /** Milliseconds that each answer may take. */
  readonly timeout: number
}

export function declare(health: Command): void {
  withNodeOptions(health)
    .option('--timeout <ms>', 'how long to wait for an answer', parseTimeout, TIMEOUT_MS)
    .action(healthCommand)
  withExamples(health, 'health', 'health --config server.properties')
}

/**
 * Asks the node that was started with these settings on this machine for the versions of its APIs, at each of its listeners:
 * clients do so first, before they authenticate. A listener with TLS has to take a connection: what else it asks for the command
 * doesn't know. A broker listens only when the controller has had it serve.
 * @throws ConfigError, or CommandError where one of the listeners doesn't answer
 */
async function healthCommand(options: HealthOptions): Promise<void> {
  const addresses = localAddresses(nodeConfig(options))
  if (addresses.length === 0) {
    const remedy = 'Name a port in listeners.'
    throw new CommandError(
      'NO_PORT',
      'The settings leave it to the system where it listens',
      remedy,
    )
  }
  const host = nodeHost({ log: { level: 'silent' } })
  const timeouts = { connectTimeoutMs: options.timeout, requestTimeoutMs: options.timeout }
  const ask = async (address: Endpoint): Promise<void> => {
    try {
      if (address.securityProtocol.endsWith('SSL')) {
        const socket = await connectSocket(host, address, options.timeout)
        return socket.destroy()
      }
      const opened = await Connection.open(towards(host, IN_THE_CLEAR), address, {
        clientId: 'ottla-cli',
        ...timeouts,
      })
      opened.close()
    } catch (error) {
      if (!(error instanceof PeerError)) throw error
      throw new CommandError(error.code, error.message, "The node's log may say why.")
    }
  }
  await Promise.all(addresses.map(ask))
}

/** What each interface has, too, where the node listens on all of them. */
const LOOPBACK: Readonly<Record<string, string>> = {
  '': '127.0.0.1',
  '0.0.0.0': '127.0.0.1',
  '::': '::1',
}

/** Where the node listens, by settings: what the system chooses is not known. */
function localAddresses({ listeners: { broker, controller } }: BrokerConfig): readonly Endpoint[] {
  return [...broker, ...controller]
    .filter(({ port }) => port > 0)
    .map((endpoint) => ({ ...endpoint, host: LOOPBACK[endpoint.host] ?? endpoint.host }))
}
