import type { HeartbeatConnections } from '../handlers/services.ts'
import { formatAddress } from '../host/address.ts'
import type { Host } from '../host/host.ts'
import { ShardError } from '../machine/runtime.ts'
import type { BrokerImage } from '../metadata/image.ts'
import type { MetadataNode } from '../metadata/node.ts'
import { dial } from '../peer/proven-endpoint.ts'
import type { ProvenEndpoint } from '../peer/proven-endpoint.ts'
import type { ClientWaiter, Leaving, Presence } from '../replication/fetch/presence.ts'
import { EndpointProofs } from './endpoint-proofs.ts'

/** Whoever has taken office gives brokers so long to be heard of. */
const FIRST_HEARTBEAT_MS = 500
/** Between two refusals: a process that is being restarted may listen again by then. */
const AGAIN_MS = 150
/** A machine that is there refuses at once. */
const DIAL_MS = 1000
/** The kernel of a process that is killed closes what that had open one after the other, and a port may be the last of it. */
const ENDING_MS = 500
const MOST_DIALS = 3
/** By the second time it is known to be there. */
const SECOND_DIAL_MS = 250

const KEEPS_SESSION =
  'A broker is not heard of as it was, and may be alive: it is fenced when its session is over'

interface DeadBrokersOptions {
  readonly host: Pick<Host, 'clock' | 'network' | 'log'>
  readonly clusterId: string
  readonly nodeId: number
  readonly metadata: Pick<
    MetadataNode,
    'image' | 'isController' | 'onChange' | 'onOffice' | 'submit'
  >
  /** The leader of the quorum that this node has followed, where nobody listens any more where that was; null: there is none. */
  readonly refusedLeader: () => number | null
  /** `ottla.broker.dead.process.evidence.enable` */
  readonly isEnabled: boolean
}

/** The connection that the heartbeats of a life of a broker come by. */
interface Heard {
  readonly brokerEpoch: number
  readonly presence: Presence
  readonly waiter: ClientWaiter
}

type Life = Pick<BrokerImage, 'id' | 'epoch'>

/**
 * Finds out that a broker's process has ended long before its session is over. A process that ends closes its connections, and
 * its ports refuse: where the connection of its heartbeats was ended by its machine, or a controller that has just taken office
 * doesn't hear of it, each place where this very life has answered is dialled, and again a moment later. Only who refused
 * everywhere is fenced; whatever else happens, it has its whole session.
 */
export class DeadBrokers implements HeartbeatConnections {
  readonly #options: DeadBrokersOptions
  readonly #proofs: EndpointProofs
  readonly #heard = new Map<number, Heard>()
  /** Which time this node has the office; none where it hasn't. */
  #office: object | null = null
  #unfollow: () => void = () => undefined

  constructor(options: DeadBrokersOptions) {
    this.#options = options
    this.#proofs = new EndpointProofs(options)
  }

  /** The metadata have all that was committed when this node came. */
  start(): void {
    const { metadata, isEnabled } = this.#options
    if (!isEnabled) return
    this.#proofs.start()
    this.#unfollow = metadata.onOffice(() => this.#officeChanged())
    this.#officeChanged()
  }

  close(): void {
    this.#unfollow()
    this.#office = null
    this.#proofs.close()
    for (const [id, heard] of this.#heard) this.#forget(id, heard)
  }

  heard(brokerId: number, brokerEpoch: number, presence: Presence): void {
    const { metadata, isEnabled } = this.#options
    if (!isEnabled || !metadata.isController || presence.hasLeft) return
    if (metadata.image.brokers.get(brokerId)?.epoch !== brokerEpoch) return
    const known = this.#heard.get(brokerId)
    if (known?.presence === presence && known.brokerEpoch === brokerEpoch) return
    if (known !== undefined) this.#forget(brokerId, known)
    const waiter = { clientLeft: (leaving: Leaving) => this.#left(brokerId, waiter, leaving) }
    this.#heard.set(brokerId, { brokerEpoch, presence, waiter })
    presence.add(waiter)
  }

  #forget(brokerId: number, { presence, waiter }: Heard): void {
    presence.delete(waiter)
    this.#heard.delete(brokerId)
  }

  /** Silence is no sign: a way that is cut is silent, too. */
  #left(id: number, waiter: ClientWaiter, leaving: Leaving): void {
    const heard = this.#heard.get(id)
    if (heard?.waiter !== waiter) return
    this.#heard.delete(id)
    if (leaving === 'ended') void this.#look({ id, epoch: heard.brokerEpoch })
  }

  /** Who had the office before may have ended together with brokers, whose connections ended there. */
  #officeChanged(): void {
    const { metadata, nodeId, refusedLeader } = this.#options
    if (!metadata.isController) {
      // The same connections bring the next heartbeats where this node leads again, which brokers may not even notice.
      this.#office = null
      return
    }
    const office = (this.#office = {})
    this.#proofs.hurry()
    const { brokers, controllers } = metadata.image
    const lives = [...brokers.values()].filter(({ id, fenced }) => !fenced && id !== nodeId)
    const gone = refusedLeader()
    for (const life of lives) {
      const isCombined = controllers.get(life.id)?.incarnationId === life.incarnationId
      // What has shown that the controller has ended shows it of the broker in the same process.
      if (life.id === gone && isCombined) void this.#look(life)
      else void this.#lookLater(office, life)
    }
  }

  async #lookLater(office: object, life: Life): Promise<void> {
    await this.#pause(FIRST_HEARTBEAT_MS)
    if (this.#office !== office || this.#heard.get(life.id)?.brokerEpoch === life.epoch) return
    await this.#look(life)
  }

  /** Looks into the signs that a life of a broker has ended. */
  async #look({ id: brokerId, epoch: brokerEpoch }: Life): Promise<void> {
    const { metadata, host } = this.#options
    const office = this.#office
    if (office === null) return
    // At once: a machine that goes together with the process may be silent in a moment.
    const looking = this.#signOfLife(this.#proofs.of(brokerId, brokerEpoch))
    try {
      const suspicion = { type: 'suspectBroker', brokerId, brokerEpoch } as const
      const { suspectedAt } = await metadata.submit(suspicion)
      if (suspectedAt === null) return
      const reason = await looking
      if (reason !== null) {
        host.log.info({ brokerId, brokerEpoch, reason }, KEEPS_SESSION)
        return
      }
      const fence = { type: 'fenceDeadBroker', brokerId, brokerEpoch, suspectedAt } as const
      const { isFenced } = await metadata.submit(fence)
      if (!isFenced) return
      const what = 'The process of a broker has ended: it is fenced before its session is over'
      host.log.warn({ brokerId, brokerEpoch }, what)
    } catch (error) {
      // Its session decides then; or, where the office was lost meanwhile, whoever has it now.
      const level = error instanceof ShardError ? 'debug' : 'error'
      const what = 'Whether the process of a broker has ended could not be decided'
      host.log[level]({ brokerId, brokerEpoch, reason: (error as Error).message }, what)
    }
  }

  /**
   * Why a process may be alive that has listened in these places; null where nobody does any more in any of them, nor a moment
   * later.
   */
  async #signOfLife(proven: readonly ProvenEndpoint[]): Promise<string | null> {
    if (proven.length === 0) return 'This controller has not reached it where it listens'
    const first = await this.#whereNot(proven, (endpoint) => this.#isRefused(endpoint))
    if (first !== null) return `${first} does not refuse connections`
    await this.#pause(AGAIN_MS)
    const { host } = this.#options
    const second = await this.#whereNot(
      proven,
      async (endpoint) => (await dial(host, endpoint, SECOND_DIAL_MS)) !== 'accepted',
    )
    return second === null ? null : `${second} accepts connections again`
  }

  /** The first of these places that is not as it should be; null where all are. */
  async #whereNot(
    proven: readonly ProvenEndpoint[],
    is: (endpoint: ProvenEndpoint) => Promise<boolean>,
  ): Promise<string | null> {
    const are = await Promise.all(proven.map(is))
    const at = are.indexOf(false)
    return at < 0 ? null : formatAddress({ host: proven[at]!.ip, port: proven[at]!.port })
  }

  /** What its connection tells of a process that is being killed may be faster than the end of its ports. */
  async #isRefused(endpoint: ProvenEndpoint): Promise<boolean> {
    for (let dials = 0; dials < MOST_DIALS; dials++) {
      const dialled = await dial(this.#options.host, endpoint, DIAL_MS, ENDING_MS)
      if (dialled !== 'ended') return dialled === 'refused'
    }
    return false
  }

  #pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => void this.#options.host.clock.after(delayMs, resolve))
  }
}
