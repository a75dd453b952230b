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
    clientOptionsOf(options),
  )
  try {
    return await work(client)
  } finally {
    await client.close()
  }
}

/** How long the command waits, and what it calls itself. */
export function clientOptionsOf({ timeout }: ClientCommandOptions): ClientOptions {
  return {
    clientId: 'ottla-cli',
    requestTimeoutMs: timeout,
    connectTimeoutMs: Math.min(timeout, 10_000),
  }
}
