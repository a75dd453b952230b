/** Where somebody listens. */
export interface Address {
  readonly host: string
  readonly port: number
}

/** `host:port` as clients take it and people read it, with brackets round an IPv6 address. */
export function hostAndPort(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

export function sameAddress(one: Address, other: Address): boolean {
  return one.host === other.host && one.port === other.port
}

export function formatAddress({ host, port }: Address): string {
  return hostAndPort(host, port)
}
