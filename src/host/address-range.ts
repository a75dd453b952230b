import { addressBytes } from './ip-address.ts'

/** IP addresses that begin with the same bits, in CIDR notation `10.0.0.0/8` or `fd00::/8`. */
export interface AddressRange {
  /** 4 or 16; what is behind the prefix counts for nothing. */
  readonly bytes: Buffer
  readonly prefixBits: number
}

/** @returns null for what is none */
export function parseAddressRange(text: string): AddressRange | null {
  const [, address, prefix] = /^([0-9a-fA-F.:]+)\/(\d{1,3})$/.exec(text) ?? []
  if (address === undefined) return null
  const bytes = addressBytes(address)
  const prefixBits = Number(prefix)
  return bytes === null || prefixBits > bytes.length * 8 ? null : { bytes, prefixBits }
}

/** Whether an address is in a range; never where one of them is of IPv4 and the other of IPv6. */
export function isInRange({ bytes, prefixBits }: AddressRange, address: Buffer): boolean {
  if (bytes.length !== address.length) return false
  const whole = prefixBits >> 3
  for (let at = 0; at < whole; at++) if (bytes[at] !== address[at]) return false
  const rest = prefixBits & 7
  return rest === 0 || (bytes[whole]! ^ address[whole]!) >> (8 - rest) === 0
}
