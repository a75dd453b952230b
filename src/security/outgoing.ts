import type { BrokerConfig } from '../config/broker-config.ts'
import type { SecurityProtocol } from '../config/listeners.ts'
import type { Host, TlsContext } from '../host/host.ts'
import { IN_THE_CLEAR, type PeerSecurity, type PeerTls, type SaslLogin } from '../peer/security.ts'
import { tlsFailure } from '../peer/tls-failure.ts'
import { parseJaas } from './sasl/jaas.ts'
import {
  credentialsIn,
  isLoginMechanism,
  jaasExample,
  LOGIN_MECHANISMS,
  saslLogin,
  type Credentials,
  type LoginMechanism,
} from './sasl/login.ts'
import { FollowedContext } from './tls/followed-context.ts'
import { listenerView, refuse, type SecurityView } from './tls/settings.ts'

/** Names the setting that says by which mechanism nodes say who they are on a listener. */
type MechanismSetting =
  'sasl.mechanism.inter.broker.protocol' | 'sasl.mechanism.controller.protocol'

/** A listener of other nodes, as this node's own settings describe it. */
export interface OtherListener {
  readonly listener: string
  readonly securityProtocol: SecurityProtocol
}

/** Plug-ins of Kafka's that would log in, or be asked for what the login needs. */
const PLUG_INS = [
  'sasl.client.callback.handler.class',
  'sasl.login.callback.handler.class',
  'sasl.login.class',
] as const

/**
 * How a node protects its connections to other nodes' listeners, and says there who it is: by its own settings for the listener of
 * that name, as Kafka does. Changes of them are followed.
 * @throws ConfigError where they are wrong, or ask for what isn't there, with what to do
 */
export async function towardsNodes(
  host: Pick<Host, 'disk' | 'network' | 'log' | 'random'>,
  config: BrokerConfig,
  { listener, securityProtocol: protocol }: OtherListener,
  setting: MechanismSetting,
): Promise<PeerSecurity> {
  if (protocol === 'PLAINTEXT') return IN_THE_CLEAR
  const view = listenerView(config, listener)
  const tls = protocol.endsWith('SSL') ? await nodeTls(host, config, listener, view) : null
  const login = protocol.startsWith('SASL') ? nodeLogin(host, config, listener, setting) : null
  return { protocol, tls, login }
}

async function nodeTls(
  host: Pick<Host, 'disk' | 'network' | 'log'>,
  config: BrokerConfig,
  listener: string,
  view: SecurityView,
): Promise<PeerTls> {
  const who = "This node's side of connections to other nodes"
  const context = await FollowedContext.open(host, config, listener, {
    clientAuth: () => null,
    who,
  })
  checksNames(view)
  return outgoingTls(host.network, view, () => context.current)
}

/** The client's side of TLS, with what it shows and trusts at that time. */
export function outgoingTls(
  { tls }: Pick<Host['network'], 'tls'>,
  view: SecurityView,
  context: () => TlsContext,
): PeerTls {
  return {
    secure: async (socket, address) => {
      try {
        return await tls.connect(socket, context(), checksNames(view) ? address.host : null)
      } catch (error) {
        throw tlsFailure(address, error as Error)
      }
    },
  }
}

/**
 * [ssl.endpoint.identification.algorithm] Whether the other side's certificate has to be for the name it is reached by.
 * @throws ConfigError
 */
export function checksNames(view: SecurityView): boolean {
  const setting = 'ssl.endpoint.identification.algorithm'
  const algorithm = view.get(setting) ?? ''
  if (algorithm === '') return false
  if (algorithm.toLowerCase() === 'https') return true
  return refuse(
    `${view.nameOf(setting)}=${algorithm} is not known here. Use https, by which a certificate has to be for the name of its host; or leave it empty, and any certificate of a trusted authority is taken.`,
  )
}

/** @throws ConfigError */
function nodeLogin(
  { random, log }: Pick<Host, 'random' | 'log'>,
  config: BrokerConfig,
  listener: string,
  setting: MechanismSetting,
): SaslLogin {
  const mechanism = config.get(setting)
  if (!isLoginMechanism(mechanism)) {
    return refuse(
      `${setting} asks for ${mechanism}, which Ottla does not have between nodes. Set it to one of ${LOGIN_MECHANISMS.join(', ')}.`,
    )
  }
  const prefix = `listener.name.${listener.toLowerCase()}.`
  for (const plugIn of PLUG_INS) {
    const names = [plugIn, prefix + plugIn, `${prefix}${mechanism.toLowerCase()}.${plugIn}`]
    const set = names.find((name) => config.isSet(name))
    if (set !== undefined) {
      refuse(`${set} asks for a plug-in, which Ottla does not have. Remove the setting.`)
    }
  }
  const name = `${prefix}${mechanism.toLowerCase()}.sasl.jaas.config`
  let credentials = nodeCredentials(config, name, mechanism)
  config.onChange((changed) => {
    if (!changed.has(name)) return
    try {
      credentials = nodeCredentials(config, name, mechanism)
    } catch (error) {
      // Nothing checks what is set at run time.
      const why = `This node goes on logging in to others by its former name and password, for the new ones can't be used: ${(error as Error).message}`
      log.error({ listener }, why)
    }
  })
  return saslLogin(mechanism, () => credentials, random)
}

/** @throws ConfigError */
function nodeCredentials(
  config: BrokerConfig,
  name: string,
  mechanism: LoginMechanism,
): Credentials {
  const { text } = config.parsed(name)
  const example = jaasExample(mechanism)
  if (text === null) {
    return refuse(
      `${name} is not set, so this node could not log in to others by ${mechanism}. Set it to: ${example}`,
    )
  }
  try {
    const credentials = credentialsIn(parseJaas(text), mechanism)
    if (!credentials.isToken) return credentials
    throw new SyntaxError('it is for a delegation token (tokenauth), and those of nodes would end')
  } catch (error) {
    const { message } = error as Error
    return refuse(
      `${name}: ${message}; by it this node logs in to others. It looks like this: ${example}`,
    )
  }
}
