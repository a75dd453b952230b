import { type RecordLimits } from './records.ts'
import { type Protection } from './security.ts'

/** What a client can do where it has to say who it is, and what it says where it is refused. */
export interface Abilities {
  /** What it can't do, and why. */
  readonly cannot?: Partial<Record<Protection, string>>
  readonly records?: RecordLimits
  /** Where it may not write to a topic. */
  readonly topicRefused: RegExp
  /** The same with one that it may not even know of, where it says something else. */
  readonly topicHidden?: RegExp
  /** Where it doesn't trust the broker's certificate. */
  readonly untrusted: RegExp
  /** Where it is asked for a certificate and shows none. */
  readonly withoutCertificate: RegExp
  /** Where its password is wrong, if not what the broker says of it. */
  readonly wrongPassword?: RegExp
  /** Where its token has expired. */
  readonly wrongToken?: RegExp
}

const unknownAuthority = /certificate signed by unknown authority/
const certificateRequired = /certificate required/
const invalidToken = /\{"status":"invalid_token"\}/

const clients = {
  java: {
    topicRefused:
      /TopicAuthorizationException: Not authorized to access topics: \[(hidden|shown)\]/,
    untrusted: /SslAuthenticationException: SSL handshake failed/,
    withoutCertificate: /SslAuthenticationException/,
    wrongToken: invalidToken,
  },
  aiokafka: {
    topicRefused: /TopicAuthorizationFailedError/,
    untrusted: /CERTIFICATE_VERIFY_FAILED/,
    withoutCertificate: certificateRequired,
    // It takes the answer that its token is not good for its being let in, and sees the connection end.
    wrongToken: /Unable to bootstrap/,
  },
  'kafka-python': {
    topicRefused: /TopicAuthorizationFailedError/,
    untrusted: /CERTIFICATE_VERIFY_FAILED/,
    withoutCertificate: certificateRequired,
    // What comes with the end of a connection it doesn't read: the broker's words among it, unless it is quick.
    wrongPassword: /Invalid username or password|due to invalid credentials|socket disconnected/,
    wrongToken: /Failed to authenticate via SASL OAUTHBEARER|invalid_token|socket disconnected/,
  },
  'confluent-kafka': {
    topicRefused: /TOPIC_AUTHORIZATION_FAILED/,
    untrusted: /certificate verify failed/,
    withoutCertificate: certificateRequired,
    wrongToken: invalidToken,
  },
  kafkajs: {
    topicRefused: /Not authorized to access topics/,
    untrusted: /certificate signature failure/,
    withoutCertificate: certificateRequired,
    // As aiokafka.
    wrongToken: /Closed connection/,
  },
  platformatic: {
    topicRefused: /Topic authorization failed/,
    untrusted: /certificate signature failure/,
    withoutCertificate: certificateRequired,
    wrongPassword: /SASL authentication failed/,
    // As aiokafka.
    wrongToken: /Connection closed/,
  },
  kcat: {
    cannot: { OAUTHBEARER: 'has no way to a token: Debian builds it without libcurl' },
    records: { sharedHeaders: true, noNulls: true },
    topicRefused: /Broker: Topic authorization failed/,
    untrusted: /certificate verify failed/,
    withoutCertificate: certificateRequired,
  },
  'franz-go': {
    topicRefused: /TOPIC_AUTHORIZATION_FAILED/,
    untrusted: unknownAuthority,
    withoutCertificate: certificateRequired,
    wrongToken: /unexpected data in oauth response/,
  },
  sarama: {
    topicRefused: /The client is not authorized to access this topic/,
    untrusted: unknownAuthority,
    withoutCertificate: certificateRequired,
    // It ends the exchange with other bytes than RFC 7628 has.
    wrongToken: /invalid credentials with SASL mechanism OAUTHBEARER/,
  },
  'kafka-go': {
    cannot: { OAUTHBEARER: 'has no such mechanism' },
    topicRefused: /Topic Authorization Failed/,
    // It asks for all topics that it may see, and looks there.
    topicHidden: /Unknown Topic Or Partition/,
    untrusted: unknownAuthority,
    withoutCertificate: certificateRequired,
  },
} satisfies Record<string, Abilities>

export type SecuredName = keyof typeof clients

/** The slowest first. */
export const securedNames = Object.keys(clients) as readonly SecuredName[]

/** What a client can do, by its name. */
export const abilitiesOf = (name: SecuredName): Abilities => clients[name]

/** What the broker says of a password that is wrong. */
const ofPassword = (mechanism: string): RegExp =>
  mechanism === 'PLAIN'
    ? /Authentication failed: Invalid username or password/
    : new RegExp(`due to invalid credentials with SASL mechanism ${mechanism}`)

/** What a client may say instead, where its connection ends before it has read why: which of both comes first nobody knows. */
const ended = 'disconnected|closed|reset|broken pipe|EPIPE|EOF|socket hang up|unable to bootstrap'

/** What a client says where its credentials are wrong, or it shows none. */
const wordsOf = (abilities: Abilities, protection: Protection): RegExp => {
  const { withoutCertificate, wrongPassword, wrongToken } = abilities
  if (protection === 'mutual TLS') return withoutCertificate
  if (protection === 'OAUTHBEARER') return wrongToken!
  return wrongPassword ?? ofPassword(protection)
}

/** What a client says where it isn't let in. Of a certificate that it doesn't trust it tells by itself. */
export const refusalOf = (abilities: Abilities, protection: Protection): RegExp =>
  protection === 'SSL'
    ? abilities.untrusted
    : new RegExp(`${wordsOf(abilities, protection).source}|${ended}`, 'i')
