import { readFileSync } from 'node:fs'
import { Option, type Command } from 'commander'
import { ConfigError } from '../src/config/layers.ts'
import type { SecurityProtocol } from '../src/config/listeners.ts'
import { parseProperties } from '../src/config/properties.ts'
import { brokerSettings } from '../src/config/registry.ts'
import { defaultOf, parseSetting, type Setting } from '../src/config/setting.ts'
import type { Host } from '../src/host/host.ts'
import {
  IN_THE_CLEAR,
  type PeerSecurity,
  type PeerTls,
  type SaslLogin,
} from '../src/peer/security.ts'
import { checksNames, outgoingTls } from '../src/security/outgoing.ts'
import { parseJaas } from '../src/security/sasl/jaas.ts'
import {
  credentialsIn,
  isLoginMechanism,
  jaasExample,
  LOGIN_MECHANISMS,
  saslLogin,
  type Credentials,
} from '../src/security/sasl/login.ts'
import { usable } from '../src/security/tls/followed-context.ts'
import { tlsMaterial } from '../src/security/tls/material.ts'
import type { SecurityName, SecurityView } from '../src/security/tls/settings.ts'
import { loginByFile, OAUTH_MECHANISM, OAUTH_SETTINGS, oauthLogin } from './client-oauth.ts'
import { UsageError } from './errors.ts'
import { contentOf, secretIn } from './secret-input.ts'
import type { Terminal } from './terminal.ts'

const CONFIG_VARIABLE = 'OTTLA_COMMAND_CONFIG'
const PASSWORD_VARIABLE = 'OTTLA_PASSWORD'
const PROTOCOLS: readonly string[] = ['PLAINTEXT', 'SSL', 'SASL_PLAINTEXT', 'SASL_SSL']
const DEFAULT_MECHANISM = 'SCRAM-SHA-512'
const MECHANISMS: readonly string[] = [...LOGIN_MECHANISMS, OAUTH_MECHANISM]

/** How a command is told what the listeners of the cluster demand. */
export interface SecurityOptions {
  /** A client.properties file, as Kafka's own tools take it. */
  readonly commandConfig?: string
  readonly tls?: boolean
  /** PEM files. */
  readonly tlsCa?: string
  readonly tlsCert?: string
  readonly tlsKey?: string
  readonly saslMechanism?: string
  readonly saslUser?: string
  readonly saslPasswordFile?: string
  /** With a token for OAUTHBEARER. */
  readonly saslTokenFile?: string
  readonly terminal: Terminal
}

/** Adds the options of a client's security. A password is never among them: everybody sees the arguments of a process. */
export function withSecurityOptions(command: Command): Command {
  return command
    .addOption(
      new Option(
        '--command-config <file>',
        `a client.properties file as Kafka's tools take it: security.protocol, ssl.*, sasl.mechanism, sasl.jaas.config (default: ${CONFIG_VARIABLE} of the environment)`,
      ),
    )
    .option('--tls', 'speak TLS, and trust well-known authorities')
    .option('--tls-ca <file>', 'speak TLS, and trust the authorities in this PEM file')
    .option('--tls-cert <file>', 'show this certificate (PEM)')
    .option('--tls-key <file>', 'its private key (PEM), where the file of the certificate has none')
    .option('--sasl-user <name>', 'log in by SASL')
    .option(
      '--sasl-password-file <file>',
      `the first line is the password (default: ${PASSWORD_VARIABLE} of the environment)`,
    )
    .option('--sasl-token-file <file>', `log in by ${OAUTH_MECHANISM}, with the token of this file`)
    .option('--sasl-mechanism <name>', `one of ${MECHANISMS.join(', ')}`)
}

/** What of a client.properties file means something here. */
const USED = [
  'security.protocol',
  'sasl.mechanism',
  'sasl.jaas.config',
  'ssl.keystore.type',
  'ssl.keystore.location',
  'ssl.keystore.password',
  'ssl.keystore.key',
  'ssl.keystore.certificate.chain',
  'ssl.key.password',
  'ssl.truststore.type',
  'ssl.truststore.location',
  'ssl.truststore.password',
  'ssl.truststore.certificates',
  'ssl.enabled.protocols',
  'ssl.cipher.suites',
  'ssl.endpoint.identification.algorithm',
  'ssl.engine.factory.class',
]
const PLUG_INS = [
  'sasl.client.callback.handler.class',
  'sasl.login.callback.handler.class',
  'sasl.login.class',
]

/**
 * How a command protects its connections, and logs in. Settings that mean nothing here are warned of, as Kafka's tools do.
 * @throws UsageError, and ConfigError where a setting is wrong, with what to do; neither has a secret in it
 */
export async function securityOf(
  options: SecurityOptions,
  host: Pick<Host, 'clock' | 'disk' | 'network' | 'random'>,
): Promise<PeerSecurity> {
  const { terminal } = options
  const path = options.commandConfig ?? (terminal.environment[CONFIG_VARIABLE] || undefined)
  const settings = path === undefined ? new Map<string, string>() : read(path)
  for (const name of [...settings.keys()]) {
    if (isReplaced(name, options)) settings.delete(name)
  }
  const isOAuth = mechanismOf(settings, options) === OAUTH_MECHANISM
  const used = isOAuth ? [...USED, ...OAUTH_SETTINGS] : USED
  const unused = [...settings.keys()].filter((name) => !used.includes(name))
  const plugIn = unused.find((name) => PLUG_INS.includes(name))
  if (plugIn !== undefined) {
    throw new ConfigError([`${plugIn} asks for a plug-in, which Ottla does not have. Remove it.`])
  }
  if (unused.length > 0) terminal.writeError(`ottla: ${path}: not used here: ${named(unused)}\n`)
  for (const [name, value] of fromOptions(options)) settings.set(name, value)
  const protocol = protocolOf(settings, options)
  if (protocol === 'PLAINTEXT') return IN_THE_CLEAR
  const tls = protocol.endsWith('SSL') ? await tlsOf(settings, host) : null
  const login = protocol.startsWith('SASL') ? await loginOf(settings, options, host) : null
  return { protocol, tls, login }
}

/** What is no name is the rest of a value that goes over several lines, such as a private key, and nobody's to see. */
function named(unused: readonly string[]): string {
  const names = unused.filter((name) => /^[a-z]+(\.[a-z0-9]+)+$|^acks$|^retries$/.test(name))
  const others = unused.length - names.length
  if (others === 0) return names.join(', ')
  const lines = `${others} that ${others === 1 ? 'is' : 'are'} no setting: end each line of a value but the last with a backslash`
  return [...names, lines].join(', ')
}

function read(path: string): Map<string, string> {
  try {
    return parseProperties(readFileSync(path, 'utf8'))
  } catch (error) {
    const { message } = error as Error
    const reason = error instanceof SyntaxError ? 'is no properties file' : "can't be read"
    throw new UsageError(`The file of --command-config, ${path}, ${reason}: ${message}`)
  }
}

/**
 * A store of an option takes the place of the file's, whatever kind that is: its type and its password go, too. So it is with the
 * way to a token, where an option says another way to log in.
 */
function isReplaced(name: string, options: SecurityOptions): boolean {
  const { tlsCa: ca, tlsCert: cert, saslMechanism = OAUTH_MECHANISM } = options
  if (OAUTH_SETTINGS.includes(name)) {
    const isOther = options.saslUser !== undefined || saslMechanism !== OAUTH_MECHANISM
    return isOther || options.saslTokenFile !== undefined
  }
  if (name.startsWith('ssl.truststore.')) return ca !== undefined
  const isIdentity = name.startsWith('ssl.keystore.') || name === 'ssl.key.password'
  return isIdentity && cert !== undefined
}

/** As the settings that they stand for. */
function fromOptions({
  tlsCa: ca,
  tlsCert: cert,
  tlsKey: key,
}: SecurityOptions): Map<string, string> {
  const settings = new Map<string, string>()
  if (ca !== undefined) {
    settings.set('ssl.truststore.type', 'PEM').set('ssl.truststore.location', ca)
  }
  if (key !== undefined && cert === undefined) {
    throw new UsageError(
      '--tls-key is the private key of a certificate: name that with --tls-cert, too',
    )
  }
  if (cert === undefined) return settings
  settings.set('ssl.keystore.type', 'PEM')
  if (key === undefined) return settings.set('ssl.keystore.location', cert)
  return settings
    .set('ssl.keystore.certificate.chain', contentOf(cert, '--tls-cert'))
    .set('ssl.keystore.key', contentOf(key, '--tls-key'))
}

/** What is said by options comes on top of what the file says. */
function protocolOf(
  settings: ReadonlyMap<string, string>,
  options: SecurityOptions,
): SecurityProtocol {
  const { tls, tlsCa: ca, tlsCert: cert, saslUser, saslMechanism, saslTokenFile } = options
  const said = settings.get('security.protocol')?.trim().toUpperCase() ?? 'PLAINTEXT'
  if (!PROTOCOLS.includes(said)) {
    throw new ConfigError([
      `security.protocol=${said} is none. Use one of ${PROTOCOLS.join(', ')}.`,
    ])
  }
  const hasTls = said.endsWith('SSL') || tls === true || ca !== undefined || cert !== undefined
  const isSasl = [saslUser, saslMechanism, saslTokenFile].some((option) => option !== undefined)
  const hasSasl = said.startsWith('SASL') || isSasl
  if (hasSasl) return hasTls ? 'SASL_SSL' : 'SASL_PLAINTEXT'
  return hasTls ? 'SSL' : 'PLAINTEXT'
}

async function tlsOf(
  settings: ReadonlyMap<string, string>,
  { disk, network }: Pick<Host, 'disk' | 'network'>,
): Promise<PeerTls> {
  const view = clientView(settings)
  checksNames(view)
  const context = usable(await tlsMaterial(view, disk, null), view, network, 'This client')
  return outgoingTls(network, view, () => context)
}

/** @throws ConfigError for a value that is none */
function clientView(settings: ReadonlyMap<string, string>): SecurityView {
  return {
    get: (name: SecurityName) => {
      const setting: Setting = brokerSettings[name]
      const raw = settings.get(name)
      if (raw === undefined) return defaultOf(setting).value as never
      const parsed = parseSetting(name, setting, raw)
      if (!parsed.ok) throw new ConfigError([parsed.message])
      return parsed.value as never
    },
    nameOf: (name) => name,
  }
}

/** As it is said, by options or by the file; undefined: not at all. */
function mechanismOf(
  settings: ReadonlyMap<string, string>,
  { saslMechanism, saslTokenFile, saslUser }: SecurityOptions,
): string | undefined {
  if (saslTokenFile === undefined) {
    const said = saslMechanism ?? settings.get('sasl.mechanism')?.trim()
    if (saslUser !== undefined && said === OAUTH_MECHANISM) {
      throw new UsageError(`--sasl-user does not go with ${said}: use --sasl-token-file`)
    }
    return said ?? (saslUser === undefined ? undefined : DEFAULT_MECHANISM)
  }
  if (saslUser !== undefined) {
    throw new UsageError('--sasl-token-file and --sasl-user exclude each other')
  }
  if ((saslMechanism ?? OAUTH_MECHANISM) === OAUTH_MECHANISM) return OAUTH_MECHANISM
  throw new UsageError(`--sasl-token-file goes with --sasl-mechanism ${OAUTH_MECHANISM} alone`)
}

function loginOf(
  settings: ReadonlyMap<string, string>,
  options: SecurityOptions,
  host: Pick<Host, 'clock' | 'disk' | 'network' | 'random'>,
): SaslLogin | Promise<SaslLogin> {
  const { saslUser: user, saslTokenFile } = options
  if (saslTokenFile !== undefined) return loginByFile(host, saslTokenFile)
  const mechanism = mechanismOf(settings, options) ?? 'GSSAPI'
  if (mechanism === OAUTH_MECHANISM) return oauthLogin(host, settings)
  if (!isLoginMechanism(mechanism)) {
    throw new ConfigError([
      `sasl.mechanism asks for ${mechanism}, which Ottla's commands do not have. Set it to one of ${MECHANISMS.join(', ')}.`,
    ])
  }
  let credentials: Credentials
  if (user !== undefined) {
    credentials = { username: user, password: passwordOf(options), isToken: false }
  } else {
    const example = jaasExample(mechanism)
    const jaas = settings.get('sasl.jaas.config')
    if (jaas === undefined) {
      throw new ConfigError([
        `Nothing says who logs in. Say it with --sasl-user, or set sasl.jaas.config to: ${example}`,
      ])
    }
    try {
      credentials = credentialsIn(parseJaas(jaas), mechanism)
    } catch (error) {
      throw new ConfigError([
        `sasl.jaas.config: ${(error as Error).message}. It looks like this: ${example}`,
      ])
    }
  }
  return saslLogin(mechanism, () => credentials, host.random)
}

function passwordOf({ saslPasswordFile: file, terminal }: SecurityOptions): string {
  if (file !== undefined) return secretIn(file, '--sasl-password-file')
  const password = terminal.environment[PASSWORD_VARIABLE]
  if (password) return password
  throw new UsageError(
    `--sasl-user needs a password: name a file that has it with --sasl-password-file, or set ${PASSWORD_VARIABLE}`,
  )
}
