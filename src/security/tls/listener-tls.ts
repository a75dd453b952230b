import type { BrokerConfig } from '../../config/broker-config.ts'
import { baseName, isListenerName } from '../../config/layers.ts'
import type { Endpoint } from '../../config/listeners.ts'
import type { Host, Socket, TlsContext, TlsMaterial, TlsSocket } from '../../host/host.ts'
import { ANONYMOUS, type Principal } from '../authentication.ts'
import { NameError, subjectName } from './distinguished-name.ts'
import { tlsMaterial } from './material.ts'
import { principalMapping, type PrincipalMapping } from './principal-mapping.ts'
import { listenerView, refuse, type SecurityView } from './settings.ts'

/** A client whose handshake is done, and whom its certificate names. */
export interface SecuredClient {
  readonly socket: TlsSocket
  readonly principal: Principal
}

/** The client's certificate is good, but nobody is named by it. */
class UnnamedClientError extends Error {
  override readonly name = 'UnnamedClientError'
}

type ListenerTlsHost = Pick<Host, 'disk' | 'network' | 'log'>

/** TLS as one listener speaks it: its key, whom it trusts, and who a client is. Changes of its settings are followed. */
export class ListenerTls {
  readonly #host: ListenerTlsHost
  readonly #config: BrokerConfig
  readonly #endpoint: Endpoint
  readonly #mapping: PrincipalMapping
  #context: TlsContext
  #reloading: Promise<void> = Promise.resolve()

  /** @throws ConfigError where stores or settings are wrong, with what to do */
  static async open(
    host: ListenerTlsHost,
    config: BrokerConfig,
    endpoint: Endpoint,
  ): Promise<ListenerTls> {
    const context = await contextOf(host, config, endpoint)
    return new ListenerTls(host, config, endpoint, context)
  }

  private constructor(
    host: ListenerTlsHost,
    config: BrokerConfig,
    endpoint: Endpoint,
    context: TlsContext,
  ) {
    this.#host = host
    this.#config = config
    this.#endpoint = endpoint
    this.#context = context
    this.#mapping = mappingOf(listenerView(config, endpoint.listener))
    const prefix = `listener.name.${endpoint.listener.toLowerCase()}.`
    config.onChange((changed) => {
      const concerns = (name: string): boolean =>
        baseName(name).startsWith('ssl.') && (!isListenerName(name) || name.startsWith(prefix))
      if ([...changed].some(concerns)) this.#reload()
    })
  }

  /**
   * Does the handshake with a client that nobody is attached to.
   * Rejects with the reason: see `Tls.accept`
   */
  async accept(socket: Socket): Promise<SecuredClient> {
    const secured = await this.#host.network.tls.accept(socket, this.#context)
    try {
      return { socket: secured, principal: this.#principalOf(secured.peerCertificate) }
    } catch (error) {
      secured.destroy()
      throw error
    }
  }

  #principalOf(certificate: Buffer | null): Principal {
    if (certificate === null) return ANONYMOUS
    let subject: string
    try {
      subject = subjectName(certificate)
    } catch (error) {
      if (!(error instanceof NameError)) throw error
      throw new UnnamedClientError(`its certificate has no name: ${error.message}`)
    }
    const name = this.#mapping.nameOf(subject)
    if (name === null) {
      throw new UnnamedClientError(`no rule of ssl.principal.mapping.rules is for ${subject}`)
    }
    return { type: 'User', name }
  }

  /** One after the other, so that the last settings win. Connections that are open stay as they are. */
  #reload(): void {
    const { listener } = this.#endpoint
    const reload = async (): Promise<void> => {
      try {
        this.#context = await contextOf(this.#host, this.#config, this.#endpoint)
        this.#host.log.info({ listener }, 'The listener has its new certificates')
      } catch (error) {
        const { message } = error as Error
        this.#host.log.error(
          { listener },
          `The listener keeps its former certificates, for the new ones can't be used: ${message}`,
        )
      }
    }
    this.#reloading = this.#reloading.then(reload)
  }
}

async function contextOf(
  { disk, network }: ListenerTlsHost,
  config: BrokerConfig,
  endpoint: Endpoint,
): Promise<TlsContext> {
  const view = listenerView(config, endpoint.listener)
  const material = await tlsMaterial(view, disk, clientAuthOf(view, endpoint))
  try {
    return network.tls.context(material)
  } catch (error) {
    return refuse(
      `Listener ${endpoint.listener}: key, certificate and cipher suites can't be used together: ${(error as Error).message}. See whether the key is that of the certificate, its password (${view.nameOf('ssl.key.password')}) right, and each of ${view.nameOf('ssl.cipher.suites')} one that OpenSSL knows.`,
      error,
    )
  }
}

/** [KIP-684] Who authenticates by SASL is asked for a certificate only where that is said for this very listener. */
function clientAuthOf(view: SecurityView, endpoint: Endpoint): TlsMaterial['clientAuth'] {
  const setting = 'ssl.client.auth'
  if (endpoint.securityProtocol === 'SASL_SSL' && view.nameOf(setting) === setting) return 'none'
  return view.get(setting)
}

function mappingOf(view: SecurityView): PrincipalMapping {
  const setting = 'ssl.principal.mapping.rules'
  try {
    return principalMapping(view.get(setting))
  } catch (error) {
    return refuse(
      `${view.nameOf(setting)}: ${(error as Error).message}. Rules are DEFAULT and RULE:pattern/replacement/ with an L or U behind it, separated by commas.`,
      error,
    )
  }
}
