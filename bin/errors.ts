import { CommanderError } from 'commander'
import type { ErrorName } from '../protocol/errors.ts'
import { PeerError } from '../src/peer/errors.ts'
import { BrokerError, ClientError } from './client/errors.ts'

export const EXIT_OK = 0
const EXIT_FAILED = 1
const EXIT_USAGE = 2

/** The command line makes no sense: exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
  readonly code = 'USAGE'
}

/** The work could not be done, for a reason that is not a broker's: exit code 1. */
export class CommandError extends Error {
  override readonly name = 'CommandError'
  readonly code: string
  readonly remedy: string | null

  constructor(code: string, message: string, remedy: string | null = null) {
    super(message)
    this.code = code
    this.remedy = remedy
  }
}

const REMEDIES: Partial<Record<ErrorName, string>> = {
  TOPIC_AUTHORIZATION_FAILED: 'Ask for the right ACL on the topic, or use another principal.',
  GROUP_AUTHORIZATION_FAILED: 'Ask for the right ACL on the group, or use another principal.',
  CLUSTER_AUTHORIZATION_FAILED: 'Ask for the right ACL on the cluster, or use another principal.',
  TOPIC_ALREADY_EXISTS: 'Choose another name, or say --if-not-exists.',
  INVALID_REPLICATION_FACTOR: 'Choose one that is at most the number of brokers.',
  TOPIC_DELETION_DISABLED: 'Start the brokers with delete.topic.enable=true.',
  NON_EMPTY_GROUP: 'Stop the members of the group first.',
  UNSUPPORTED_COMPRESSION_TYPE: 'Use another --compression, or a newer broker.',
  NOT_ENOUGH_REPLICAS: 'Start the missing brokers, or lower min.insync.replicas.',
  MISMATCHED_ENDPOINT_TYPE:
    'Brokers are named with --bootstrap-server, controllers with --bootstrap-controller.',
  DELEGATION_TOKEN_AUTH_DISABLED: 'Set delegation.token.secret.key to the same on all nodes.',
  DELEGATION_TOKEN_REQUEST_NOT_ALLOWED:
    'Log in by SASL, or show a certificate (--command-config), and not by a token.',
  DELEGATION_TOKEN_NOT_FOUND:
    'It may have ended. A new one may not be known yet where you ask: try again.',
  DELEGATION_TOKEN_OWNER_MISMATCH:
    'Log in as its owner, or as one whom ottla tokens create has named with --renewer.',
  DELEGATION_TOKEN_AUTHORIZATION_FAILED:
    'Ask for CREATE_TOKENS on that user (ottla acls add --user), or log in as that user.',
  DELEGATION_TOKEN_EXPIRED: 'Make a new one with: ottla tokens create',
  INVALID_PRINCIPAL_TYPE: 'Name users, as in User:alice.',
  SASL_AUTHENTICATION_FAILED: 'See whether name and password are right.',
}

export interface Failure {
  readonly code: string
  readonly message: string
  readonly remedy: string | null
  readonly exitCode: number
}

/** What to tell about an error, and with which code to end. Bugs of ours are told with their stack. */
export function failureOf(error: unknown): Failure {
  if (error instanceof CommanderError) {
    const exitCode = error.exitCode === 0 ? EXIT_OK : EXIT_USAGE
    return { code: error.code, message: '', remedy: null, exitCode }
  }
  if (error instanceof UsageError) {
    return { code: 'USAGE', message: error.message, remedy: null, exitCode: EXIT_USAGE }
  }
  if (error instanceof BrokerError) {
    const remedy = error.remedy ?? REMEDIES[error.error] ?? null
    return { code: error.error, message: error.message, remedy, exitCode: EXIT_FAILED }
  }
  if (error instanceof PeerError) {
    const { code, message } = error
    return { code, message, remedy: peerRemedy(error), exitCode: EXIT_FAILED }
  }
  if (error instanceof ClientError || error instanceof CommandError) {
    const { code, message, remedy } = error
    return { code, message, remedy, exitCode: code === 'BAD_ADDRESS' ? EXIT_USAGE : EXIT_FAILED }
  }
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') {
    return { code: error.code, message: error.message, remedy: null, exitCode: EXIT_FAILED }
  }
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error)
  return { code: 'BUG', message, remedy: null, exitCode: EXIT_FAILED }
}

const CLOSED: Readonly<Record<PeerError['hadSaid'], string>> = {
  nothing:
    'See whether that port is a listener with TLS: then name a file with security.protocol=SSL or SASL_SSL by --command-config, or say --tls-ca.',
  handshake:
    'See whether the broker is stopping, and its log; where it demands a certificate, show one that it trusts: ssl.keystore.location, or --tls-cert and --tls-key.',
  versions:
    'A listener with SASL does so where it is asked anything before it knows by whom: name a file with security.protocol, sasl.mechanism and sasl.jaas.config by --command-config.',
  more: "The broker's log may say why.",
}

function peerRemedy({ code, hadSaid }: PeerError): string {
  switch (code) {
    case 'CONNECTION_REFUSED':
      return 'Start a broker (ottla start), or name the address of yours with --bootstrap-server.'
    case 'HOST_NOT_FOUND':
      return 'See whether it is spelt right; it may be the name that the broker advertises (advertised.listeners).'
    case 'CONNECT_TIMEOUT':
    case 'CONNECT_FAILED':
      return 'See whether the host is up and a firewall lets you through.'
    case 'CONNECTION_CLOSED':
      return CLOSED[hadSaid]
    case 'REQUEST_TIMEOUT':
      return 'See whether the broker is overloaded, or allow it more time.'
    case 'NOT_KAFKA':
      return "See whether the address is a broker's. A listener with TLS or SASL takes --command-config with security.protocol, or --tls-ca."
    case 'NOT_TLS':
      return 'Where the listener is one without TLS, security.protocol is PLAINTEXT or SASL_PLAINTEXT; where it demands a certificate, show one: ssl.keystore.location, or --tls-cert and --tls-key.'
    case 'CERTIFICATE_UNTRUSTED':
      return 'Name the file with the certificates of its authority: ssl.truststore.location (with ssl.truststore.type=PEM, PKCS12 or JKS), or --tls-ca.'
    case 'CERTIFICATE_MISNAMED':
      return 'Connect by a name that its certificate has, or have one made for this name. ssl.endpoint.identification.algorithm= (empty) takes any name.'
    case 'TLS_FAILED':
      return "See what certificate this client shows (ssl.keystore.location, or --tls-cert and --tls-key); the broker's log may say why."
    case 'AUTHENTICATION_FAILED':
      return 'See whether mechanism, name and password, or the token, are right (sasl.mechanism and sasl.jaas.config, or --sasl-mechanism and --sasl-user), and security.protocol is that of the listener.'
    case 'UNSUPPORTED_VERSION':
      return "Use a broker of a version that has it; a controller's address is given with --bootstrap-controller."
  }
}
