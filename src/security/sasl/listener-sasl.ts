import type { BrokerConfig } from '../../config/broker-config.ts'
import type { Endpoint } from '../../config/listeners.ts'
import type { Host } from '../../host/host.ts'
import { listenerView, refuse, type SecurityView } from '../tls/settings.ts'
import { parseJaas, type JaasEntry } from './jaas.ts'
import type { TokenValidator } from './oauth/exchange.ts'
import { openValidator } from './oauth/open-validator.ts'
import { OAUTH_MODULE } from './oauth/provider.ts'
import { PLAIN_MODULE, plainUsers } from './plain.ts'
import { SCRAM_MODULE } from './scram.ts'

export const SASL_MECHANISMS = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512', 'OAUTHBEARER'] as const
export type SaslMechanism = (typeof SASL_MECHANISMS)[number]

/** How the clients of one listener say who they are. */
export class ListenerSasl {
  /** `sasl.server.max.receive.size`: of each frame before a client has authenticated. */
  readonly maxReceiveBytes: number
  readonly #config: BrokerConfig
  readonly #view: SecurityView
  readonly #prefix: string
  #validator: TokenValidator | null = null
  /** What the users were read from last, and who they are by it. */
  #users: { readonly text: string; readonly byName: ReadonlyMap<string, string> } | null = null

  /** @throws ConfigError where a mechanism isn't there, or its users or keys aren't named as they should be */
  static async open(
    host: Pick<Host, 'clock' | 'disk' | 'log' | 'network'>,
    config: BrokerConfig,
    endpoint: Endpoint,
  ): Promise<ListenerSasl> {
    const sasl = new ListenerSasl(config, endpoint)
    if (config.getForListener(endpoint.listener, MECHANISMS).includes('OAUTHBEARER')) {
      const setting = sasl.#nameOf('OAUTHBEARER')
      const options = sasl.#moduleOf('OAUTHBEARER')?.options ?? new Map<string, string>()
      sasl.#validator = await openValidator(host, config, endpoint.listener, { setting, options })
    }
    return sasl
  }

  private constructor(config: BrokerConfig, { listener, securityProtocol }: Endpoint) {
    const view = listenerView(config, listener)
    this.#config = config
    this.#view = view
    this.#prefix = `listener.name.${listener.toLowerCase()}.`
    this.maxReceiveBytes = config.get('sasl.server.max.receive.size')
    const setting = MECHANISMS
    const enabled = view.get(setting)
    const other = enabled.find((name) => !(SASL_MECHANISMS as readonly string[]).includes(name))
    if (other !== undefined || enabled.length === 0) {
      refuse(
        `Listener ${listener} asks for ${securityProtocol}, and ${view.nameOf(setting)} for ${other ?? 'no mechanism'}, which Ottla does not have. Set ${view.nameOf(setting)} to one or more of ${SASL_MECHANISMS.join(', ')}.`,
      )
    }
    for (const mechanism of enabled) this.#check(mechanism as SaslMechanism)
  }

  close(): void {
    this.#validator?.close()
  }

  /** Of OAUTHBEARER. */
  get validator(): TokenValidator | null {
    return this.#validator
  }

  /** As they are now: they may be changed at run time. */
  get mechanisms(): readonly SaslMechanism[] {
    const enabled: readonly string[] = this.#view.get(MECHANISMS)
    // Where its keys are is read at the start only.
    const isThere = (mechanism: SaslMechanism): boolean =>
      mechanism !== 'OAUTHBEARER' || this.#validator !== null
    return SASL_MECHANISMS.filter((name) => enabled.includes(name) && isThere(name))
  }

  /** Of PLAIN, as they are now: they may be changed at run time. */
  get users(): ReadonlyMap<string, string> {
    const text = this.#jaasOf('PLAIN') ?? ''
    // Each log-in asks, and there may be thousands of them.
    if (this.#users?.text !== text) this.#users = { text, byName: usersIn(text) }
    return this.#users.byName
  }

  /** [KIP-368] `connections.max.reauth.ms`, for the mechanism where that has its own; 0: sessions never end. */
  maxSessionMs(mechanism: SaslMechanism): number {
    const setting = 'connections.max.reauth.ms'
    const own = `${this.#prefix}${mechanism.toLowerCase()}.${setting}`
    const names = [own, this.#prefix + setting, setting]
    return this.#config.parsed(names.find((name) => this.#config.isSet(name)) ?? setting)
      .value as number
  }

  #jaasOf(mechanism: SaslMechanism): string | null {
    return this.#config.parsed(this.#nameOf(mechanism)).text
  }

  #nameOf(mechanism: SaslMechanism): string {
    return `${this.#prefix}${mechanism.toLowerCase()}.sasl.jaas.config`
  }

  #check(mechanism: SaslMechanism): void {
    const callback = `${this.#prefix}${mechanism.toLowerCase()}.sasl.server.callback.handler.class`
    if (mechanism !== 'OAUTHBEARER' && this.#config.isSet(callback)) {
      refuse(`${callback} asks for a plug-in, which Ottla does not have. Remove the setting.`)
    }
    const entry = this.#moduleOf(mechanism)
    if (mechanism !== 'PLAIN') return
    const name = this.#nameOf(mechanism)
    const example = exampleOf(mechanism)
    if (entry === null) {
      refuse(`${name} is not set, so PLAIN would have no users. Set it to: ${example}`)
    }
    if (plainUsers(entry.options).size === 0) {
      refuse(`${name} names no users. Set it to: ${example}`)
    }
  }

  /** Null where none is named. */
  #moduleOf(mechanism: SaslMechanism): JaasEntry | null {
    const name = this.#nameOf(mechanism)
    const text = this.#jaasOf(mechanism)
    if (text === null) return null
    const example = exampleOf(mechanism)
    let entry: JaasEntry
    try {
      entry = parseJaas(text)
    } catch (error) {
      return refuse(`${name}: ${(error as Error).message}. It looks like this: ${example}`)
    }
    if (entry.module !== MODULES[mechanism]) {
      refuse(`${name} has another login module than that of ${mechanism}. Set it to: ${example}`)
    }
    return entry
  }
}

const MECHANISMS = 'sasl.enabled.mechanisms'
const MODULES: Readonly<Record<SaslMechanism, string>> = {
  PLAIN: PLAIN_MODULE,
  'SCRAM-SHA-256': SCRAM_MODULE,
  'SCRAM-SHA-512': SCRAM_MODULE,
  OAUTHBEARER: OAUTH_MODULE,
}

/** What was set at run time may be no JAAS configuration: nobody gets in by it. */
function usersIn(jaas: string): ReadonlyMap<string, string> {
  try {
    return plainUsers(parseJaas(jaas).options)
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    return new Map()
  }
}

function exampleOf(mechanism: SaslMechanism): string {
  const users = mechanism === 'PLAIN' ? ' user_alice="secret"' : ''
  return `${MODULES[mechanism]} required${users};`
}
