import type { Address } from '../../src/host/address.ts'
import { ClientError } from './errors.ts'

const DEFAULT_PORT = 9092

/**
 * Reads `host:port`, `host` (then the port is 9092), `[ipv6]:port`, and lists of them with commas, as in Kafka's
 * `bootstrap.servers`. Throws ClientError BAD_ADDRESS.
 */
export function parseAddresses(text: string): Address[] {
  const parts = text.split(',').map((part) => part.trim())
  return parts.filter((part) => part !== '').length === 0
    ? refuse(text)
    : parts.filter((part) => part !== '').map(parseAddress)
}

function parseAddress(text: string): Address {
  const match = /^(?:\[([0-9a-fA-F:.%\w]+)\]|([^\s:[\]/]+))(?::(\d{1,5}))?$/.exec(text)
  const host = match?.[1] ?? match?.[2]
  const port = match?.[3] === undefined ? DEFAULT_PORT : Number(match[3])
  return host === undefined || port > 65_535 || port === 0 ? refuse(text) : { host, port }
}

function refuse(text: string): never {
  throw new ClientError('BAD_ADDRESS', `${JSON.stringify(text)} is not an address of a broker`, {
    remedy: 'Give it as HOST:PORT, for example localhost:9092 or [::1]:9092.',
  })
}
