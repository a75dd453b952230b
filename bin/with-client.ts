import { parseAddresses } from './client/address.ts'
import { connectToAny, type Client } from './client/client.ts'
import type { ClientCommandOptions } from './options.ts'

/** Connects, does the work, and closes, whatever becomes of it. */
export async function withClient<T>(
  options: ClientCommandOptions,
  work: (client: Client) => Promise<T>,
): Promise<T> {
  const client = await connectToAny(parseAddresses(options.bootstrapServer), {
    clientId: 'ottla-cli',
    requestTimeoutMs: options.timeout,
    connectTimeoutMs: Math.min(options.timeout, 10_000),
  })
  try {
    return await work(client)
  } finally {
    await client.close()
  }
}
