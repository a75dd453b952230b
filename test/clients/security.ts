/** By what a client and the broker know each other: the listener's protocol, or over SASL_SSL the mechanism of SASL. */
export type Protection =
  'SSL' | 'mutual TLS' | 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512' | 'OAUTHBEARER'

export const protections: readonly Protection[] = [
  'SSL',
  'mutual TLS',
  'PLAIN',
  'SCRAM-SHA-256',
  'SCRAM-SHA-512',
  'OAUTHBEARER',
]

/** How a driver is to connect. Each driver has one function that makes of it what its client wants to be told. */
export interface Security {
  readonly protocol: 'SSL' | 'SASL_SSL'
  /** The file, in PEM, of the authority whose brokers are trusted. */
  readonly ca: string
  /** The files, in PEM, of the certificate that is shown, and of its key. */
  readonly cert?: string
  readonly key?: string
  readonly mechanism?: Exclude<Protection, 'SSL' | 'mutual TLS'>
  /** For PLAIN and SCRAM. */
  readonly user?: string
  readonly password?: string
  /** For OAUTHBEARER: the file of the token. */
  readonly token?: string
}

const variable = 'OTTLA_CLIENT_SECURITY'

/** What a driver's process is told in its environment. */
export const environmentOf = (security: Security): NodeJS.ProcessEnv => ({
  [variable]: JSON.stringify(security),
})

/** In a driver: what it was told; null without protection. */
export const givenSecurity = (): Security | null => {
  const given = process.env[variable]
  return given === undefined ? null : (JSON.parse(given) as Security)
}
