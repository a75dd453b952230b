import type { BrokerConfig } from '../../config/broker-config.ts'
import type { Endpoint } from '../../config/listeners.ts'
import type { Socket, TlsMaterial, TlsSocket } from '../../host/host.ts'
import { ANONYMOUS, type Principal } from '../authentication.ts'
import { NameError, subjectName } from './distinguished-name.ts'
import { FollowedContext, type TlsHost } from './followed-context.ts'
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

/** TLS as one listener speaks it: its key, whom it trusts, and who a client is. Changes of its settings are followed. */
export class ListenerTls {
  readonly #host: TlsHost
  readonly #mapping: PrincipalMapping
  readonly #context: FollowedContext

  /** @throws ConfigError where stores or settings are wrong, with what to do */
  static async open(host: TlsHost, config: BrokerConfig, endpoint: Endpoint): Promise<ListenerTls> {
    const { listener } = endpoint
    const context = await FollowedContext.open(host, config, listener, {
      clientAuth: (view) => clientAuthOf(view, endpoint),
      who: 'The listener',
    })
    return new ListenerTls(host, context, mappingOf(listenerView(config, listener)))
  }

  private constructor(host: TlsHost, context: FollowedContext, mapping: PrincipalMapping) {
    this.#host = host
    this.#context = context
    this.#mapping = mapping
  }

  /**
   * Does the handshake with a client that nobody is attached to.
   * Rejects with the reason: see `Tls.accept`
   */
  async accept(socket: Socket): Promise<SecuredClient> {
    const secured = await this.#host.network.tls.accept(socket, this.#context.current)
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
