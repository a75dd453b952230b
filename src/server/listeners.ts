import { PROTOCOL_IDS, type Endpoint } from '../config/listeners.ts'
import { hostAndPort } from '../host/address.ts'
import type { EndPoint } from '../metadata/image.ts'
import type { ListenerAddress } from './server.ts'
import { StartError } from './start-error.ts'

/** Hosts that stand for every address of the machine. */
const ALL_INTERFACES = ['', '0.0.0.0', '::']

/** Where a node is reached. */
export interface Address {
  readonly listener: string
  readonly host: string
  readonly port: number
}

export interface ListenersOptions {
  /** Where to listen. */
  readonly endpoints: readonly Endpoint[]
  /** What the cluster is told of them. */
  readonly advertised: readonly Endpoint[]
  /** The machine's own name, for listeners on all of its addresses. */
  readonly hostName: string
  /** Takes the port; gives the real one where 0 was asked. */
  readonly listen: (address: ListenerAddress) => Promise<number>
}

/**
 * The ports of a role's listeners. A port that the system chooses is taken before the registration, which has to name
 * it. One that the settings name a broker takes last: before it serves, it would speak for the life that has ended.
 */
export class RoleListeners {
  readonly #options: ListenersOptions
  /** By the listener's name. */
  readonly #ports = new Map<string, number>()

  constructor(options: ListenersOptions) {
    this.#options = options
  }

  /** Those that are taken, with their real ports, in the order of the settings. */
  get addresses(): readonly Address[] {
    return this.#options.endpoints.flatMap(({ listener, host }) => {
      const port = this.#ports.get(listener)
      return port === undefined ? [] : [{ listener, host: this.#reachable(listener, host), port }]
    })
  }

  /** What the cluster is told of them. The ports that the system chooses must be taken. */
  get advertised(): EndPoint[] {
    return this.#options.advertised.map(({ listener, securityProtocol, host, port }) => ({
      name: listener,
      host: ALL_INTERFACES.includes(host) ? this.#options.hostName : host,
      port: port === 0 ? (this.#ports.get(listener) ?? 0) : port,
      securityProtocol: PROTOCOL_IDS[securityProtocol],
    }))
  }

  /** @throws StartError */
  takeFreePorts(): Promise<void> {
    return this.#take(({ port }) => port === 0)
  }

  /** @throws StartError */
  takeFixedPorts(): Promise<void> {
    return this.#take(({ port }) => port !== 0)
  }

  async #take(isMeant: (endpoint: Endpoint) => boolean): Promise<void> {
    for (const { listener, host, port } of this.#options.endpoints.filter(isMeant)) {
      try {
        const address = { name: listener, host: host === '0.0.0.0' ? '' : host, port }
        this.#ports.set(listener, await this.#options.listen(address))
      } catch (error) {
        throw new StartError(whyNotListening(error, listener, host, port), { cause: error })
      }
    }
  }

  /** Where a listener is on all interfaces, clients use what is advertised. */
  #reachable(listener: string, host: string): string {
    if (!ALL_INTERFACES.includes(host)) return host
    const advertised = this.#options.advertised.find((endpoint) => endpoint.listener === listener)
    const known = advertised !== undefined && !ALL_INTERFACES.includes(advertised.host)
    return known ? advertised.host : this.#options.hostName
  }
}

function whyNotListening(error: unknown, listener: string, host: string, port: number): string {
  const place = `${listener}://${hostAndPort(host, port)}`
  switch ((error as { code?: string }).code) {
    case 'EADDRINUSE':
      return `Port ${port} is in use by another process, so ${place} can't be listened on. Stop that process, or choose another port in listeners`
    case 'EACCES':
      return `This user may not listen on ${place}. Choose a port above 1023 in listeners`
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `${host} is no address of this machine, so ${place} can't be listened on. Correct listeners; what clients are told to connect to is advertised.listeners`
    default:
      return `${place} can't be listened on: ${error instanceof Error ? error.message : String(error)}`
  }
}
