import { formatAddress } from '../host/address.ts'
import type { Host } from '../host/host.ts'
import type { BrokerImage, EndPoint, MetadataImage } from '../metadata/image.ts'
import type { MetadataNode } from '../metadata/node.ts'
import { PeerError } from '../peer/errors.ts'
import { proveEndpoint } from '../peer/proven-endpoint.ts'
import { IN_THE_CLEAR, towards } from '../peer/security.ts'
import type { ProvenEndpoint } from '../peer/proven-endpoint.ts'

const TIMEOUT_MS = 2000
/** A broker takes the ports that its settings name only when it knows that it serves: for two seconds it is tried so often... */
const FIRST_RETRY_MS = 100
const FIRST_TRIES = 20
/** ...and then later each time, up to this. */
const LAST_RETRY_MS = 30_000
const PLAINTEXT = 0

interface EndpointProofsOptions {
  readonly host: Pick<Host, 'clock' | 'network' | 'log'>
  readonly clusterId: string
  /** This node's own: nobody has to prove that to it. */
  readonly nodeId: number
  readonly metadata: Pick<MetadataNode, 'image' | 'onChange'>
}

/** What is known of where one life of a broker listens, as long as it serves. */
interface Life {
  readonly epoch: number
  readonly endpoints: readonly EndPoint[]
  readonly proven: ProvenEndpoint[]
  /** Ends the pauses between tries. */
  readonly pauses: Set<() => void>
  isOver: boolean
}

/**
 * Reaches every broker that serves, once, wherever it says that it listens: only of what has answered as that very node does it
 * mean something that nobody listens there any more. A name that leads elsewhere from here (`localhost` to another machine), or
 * an address of another network, is never reached, and says nothing.
 */
export class EndpointProofs {
  readonly #options: EndpointProofsOptions
  readonly #lives = new Map<number, Life>()
  #unfollow: () => void = () => undefined

  constructor(options: EndpointProofsOptions) {
    this.#options = options
  }

  start(): void {
    const { metadata } = this.#options
    this.#unfollow = metadata.onChange((_, image) => this.#follow(image))
    this.#follow(metadata.image)
  }

  close(): void {
    this.#unfollow()
    for (const life of this.#lives.values()) life.isOver = true
    this.#lives.clear()
  }

  /** Where nobody has answered yet, it is tried again now, and often for a while: from now on somebody decides by that. */
  hurry(): void {
    for (const { pauses } of this.#lives.values()) for (const end of [...pauses]) end()
  }

  /** Where this life of a broker has answered since it serves. */
  of(brokerId: number, epoch: number): readonly ProvenEndpoint[] {
    const life = this.#lives.get(brokerId)
    return life?.epoch === epoch ? life.proven : []
  }

  #follow(image: MetadataImage): void {
    for (const [id, life] of this.#lives) {
      const broker = image.brokers.get(id)
      const goesOn = broker !== undefined && !broker.fenced && isOf(life, broker, image)
      if (goesOn) continue
      life.isOver = true
      this.#lives.delete(id)
    }
    for (const broker of image.brokers.values()) {
      const { id, epoch, fenced } = broker
      if (fenced || id === this.#options.nodeId || this.#lives.has(id)) continue
      const endpoints = endpointsOf(broker, image)
      const life = { epoch, endpoints, proven: [], pauses: new Set<() => void>(), isOver: false }
      this.#lives.set(id, life)
      for (const endpoint of life.endpoints) void this.#prove(id, life, endpoint)
    }
  }

  async #prove(nodeId: number, life: Life, endpoint: EndPoint): Promise<void> {
    const { host, clusterId, nodeId: self } = this.#options
    const timeouts = { connectTimeoutMs: TIMEOUT_MS, requestTimeoutMs: TIMEOUT_MS }
    const way = towards(host, IN_THE_CLEAR)
    const asking = { clientId: `controller-${self}`, ...timeouts }
    for (let tries = 1; !life.isOver; tries++) {
      try {
        const proven = await proveEndpoint(way, endpoint, { clusterId, nodeId }, asking)
        if (life.isOver) return
        if (proven !== null) return void life.proven.push(proven)
      } catch (error) {
        // Nobody is there yet, as a rule; and whatever else it is, nothing is proven.
        const level = error instanceof PeerError ? 'debug' : 'error'
        const fields = {
          nodeId,
          endpoint: formatAddress(endpoint),
          reason: (error as Error).message,
        }
        host.log[level](fields, 'A broker could not be asked who it is')
      }
      if (await this.#pause(life, delayMs(tries))) tries = 0
    }
  }

  /** @returns whether it was ended by `hurry` */
  #pause({ pauses }: Life, forMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const end = (isHurried: boolean): void => {
        timer.cancel()
        pauses.delete(hurry)
        resolve(isHurried)
      }
      const hurry = (): void => end(true)
      const timer = this.#options.host.clock.after(forMs, () => end(false))
      pauses.add(hurry)
    })
  }
}

/** After so many tries in vain. */
function delayMs(tries: number): number {
  const doublings = Math.max(0, tries - FIRST_TRIES)
  return Math.min(FIRST_RETRY_MS * 2 ** doublings, LAST_RETRY_MS)
}

/**
 * Where a broker can be asked who it is. What its process listens on as a controller counts, too: it is the same process where
 * both have registered as the same incarnation.
 */
function endpointsOf(
  { id, incarnationId, endPoints }: BrokerImage,
  { controllers }: MetadataImage,
): readonly EndPoint[] {
  const controller = controllers.get(id)
  const isCombined = controller?.incarnationId === incarnationId
  const all = isCombined ? [...endPoints, ...controller.endPoints] : endPoints
  return all.filter(({ securityProtocol }) => securityProtocol === PLAINTEXT)
}

function isOf(life: Life, broker: BrokerImage, image: MetadataImage): boolean {
  const endpoints = endpointsOf(broker, image)
  return (
    life.epoch === broker.epoch &&
    life.endpoints.length === endpoints.length &&
    life.endpoints.every((endpoint, index) => endpoint === endpoints[index])
  )
}
