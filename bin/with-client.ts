import { nodeHost } from '../src/host/node.ts'
import { securityOf } from './client-security.ts'
import { parseAddresses } from './client/address.ts'
import { connectToAny, type Client, type ClientOptions } from './client/client.ts'
import type { ClientCommandOptions } from './options.ts'

/** Connects, does the work, and closes, whatever becomes of it. */
export async function withClient<T>(
  options: ClientCommandOptions,
  work: (client: Client) => Promise<T>,
): Promise<T> {
  const client = await connectToAny(
    parseAddresses(options.bootstrapServer),
    await clientOptionsOf(options),
  )
  try {
    return await work(client)
  } finally {
    await client.close()
  }
}

/**
 * How long the command waits, what it calls itself, and how it speaks to the cluster's listeners.
 * @throws UsageError, ConfigError
 */
export async function clientOptionsOf(options: ClientCommandOptions): Promise<ClientOptions> {
  const { timeout } = options
  const host = nodeHost({ log: { level: 'silent' } })
  return {
    host,
    security: await securityOf(options, host),
    clientId: 'ottla-cli',
    requestTimeoutMs: timeout,
    connectTimeoutMs: Math.min(timeout, 10_000),
  }
}
