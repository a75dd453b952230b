import type { BrokerConfig } from '../../config/broker-config.ts'
import { baseName, isListenerName } from '../../config/layers.ts'
import type { Host, TlsContext, TlsMaterial } from '../../host/host.ts'
import { tlsMaterial } from './material.ts'
import { listenerView, refuse, type SecurityView } from './settings.ts'

export type TlsHost = Pick<Host, 'disk' | 'network' | 'log'>

/** Which side of TLS it is, and what the log calls it. */
export interface TlsSide {
  /** What a server asks of its clients; null: this is the client's side. */
  readonly clientAuth: (view: SecurityView) => TlsMaterial['clientAuth'] | null
  /** As the beginning of a sentence. */
  readonly who: string
}

/** What is shown and trusted by the settings of one listener, as they are now: for connections that begin from now on. */
export class FollowedContext {
  readonly #host: TlsHost
  readonly #config: BrokerConfig
  readonly #listener: string
  readonly #side: TlsSide
  #loaded: Loaded
  #reloading: Promise<void> = Promise.resolve()

  /** @throws ConfigError where stores or settings are wrong, with what to do */
  static async open(
    host: TlsHost,
    config: BrokerConfig,
    listener: string,
    side: TlsSide,
  ): Promise<FollowedContext> {
    const loaded = await load(host, listenerView(config, listener), listener, side)
    return new FollowedContext(host, config, listener, side, loaded)
  }

  private constructor(
    host: TlsHost,
    config: BrokerConfig,
    listener: string,
    side: TlsSide,
    loaded: Loaded,
  ) {
    this.#host = host
    this.#config = config
    this.#listener = listener
    this.#side = side
    this.#loaded = loaded
    const prefix = `listener.name.${listener.toLowerCase()}.`
    config.onChange((changed) => {
      const concerns = (name: string): boolean =>
        baseName(name).startsWith('ssl.') && (!isListenerName(name) || name.startsWith(prefix))
      if ([...changed].some(concerns)) this.#reload()
    })
    config.onFilesReplaced(() => this.#reload())
  }

  get current(): TlsContext {
    return this.#loaded.context
  }

  /** One after the other, so that the last settings win. Connections that are open stay as they are. */
  #reload(): void {
    const listener = this.#listener
    const { who } = this.#side
    const reload = async (): Promise<void> => {
      try {
        const view = listenerView(this.#config, listener)
        const loaded = await load(this.#host, view, listener, this.#side)
        if (isSame(loaded.material, this.#loaded.material)) return
        this.#loaded = loaded
        this.#host.log.info({ listener }, `${who} has its new certificates`)
      } catch (error) {
        const { message } = error as Error
        this.#host.log.error(
          { listener },
          `${who} keeps its former certificates, for the new ones can't be used: ${message}`,
        )
      }
    }
    this.#reloading = this.#reloading.then(reload)
  }
}

interface Loaded {
  readonly material: TlsMaterial
  readonly context: TlsContext
}

/** They are texts alone, and made in the same order. */
function isSame(one: TlsMaterial, other: TlsMaterial): boolean {
  return JSON.stringify(one) === JSON.stringify(other)
}

/** @throws ConfigError */
async function load(
  { disk, network }: Pick<Host, 'disk' | 'network'>,
  view: SecurityView,
  listener: string,
  { clientAuth }: TlsSide,
): Promise<Loaded> {
  const material = await tlsMaterial(view, disk, clientAuth(view))
  return { material, context: usable(material, view, network, `Listener ${listener}`) }
}

/**
 * Takes keys and certificates to the machine's TLS.
 * @throws ConfigError where they can't be used together
 */
export function usable(
  material: TlsMaterial,
  view: SecurityView,
  network: Pick<Host['network'], 'tls'>,
  whose: string,
): TlsContext {
  try {
    return network.tls.context(material)
  } catch (error) {
    return refuse(
      `${whose}: key, certificate and cipher suites can't be used together: ${(error as Error).message}. See whether the key is that of the certificate, its password (${view.nameOf('ssl.key.password')}) right, and each of ${view.nameOf('ssl.cipher.suites')} one that OpenSSL knows.`,
      error,
    )
  }
}
