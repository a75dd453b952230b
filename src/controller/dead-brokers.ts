import type { HeartbeatConnections } from '../handlers/services.ts'
import type { Host } from '../host/host.ts'
import { ShardError } from '../machine/runtime.ts'
import type { BrokerImage } from '../metadata/image.ts'
import type { MetadataNode } from '../metadata/node.ts'
import { signOfLife, signOfReturn } from '../peer/ended-process.ts'
import type { ClientWaiter, Leaving, Presence } from '../replication/fetch/presence.ts'
import type { LookAtBroker } from '../quorum/wire/leader-watch.ts'
import { EndpointProofs } from './endpoint-proofs.ts'

/** Whoever has taken office gives brokers so long to be heard of. */
const FIRST_HEARTBEAT_MS = 500
/** Between two refusals: a process that is being restarted may listen again by then. */
const AGAIN_MS = 150
/** What was seen before this node took office counts so long: most elections are over by then. */
const LOOK_COUNTS_MS = 5000
const NEVER_REACHED = 'This controller has not reached it where it listens'

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
  /** The look after the broker in the process of the leader that this node has followed; null where there was none. */
  readonly lookAtBroker: () => LookAtBroker | null
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

  /**
   * Looks after the broker in the process of a controller whose connection has ended: whoever takes office next may find its machine
   * gone. Null where there is none.
   */
  lookAtBrokerOf(controllerId: number): LookAtBroker | null {
    const { metadata, host, isEnabled } = this.#options
    const { brokers, controllers } = metadata.image
    const broker = brokers.get(controllerId)
    const isCombined = controllers.get(controllerId)?.incarnationId === broker?.incarnationId
    if (!isEnabled || broker === undefined || !isCombined) return null
    const { id, epoch } = broker
    return { id, epoch, sinceMs: host.clock.monotonic(), signOfLife: this.#look(broker) }
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
    if (leaving !== 'ended' || this.#office === null) return
    const life = { id, epoch: heard.brokerEpoch }
    // At once: a machine that goes together with the process may be silent in a moment.
    void this.#decide(life, this.#look(life))
  }

  /** Who had the office before may have ended together with brokers, whose connections ended there. */
  #officeChanged(): void {
    const { metadata, nodeId, lookAtBroker, host } = this.#options
    if (!metadata.isController) {
      // The same connections bring the next heartbeats where this node leads again, which brokers may not even notice.
      this.#office = null
      return
    }
    const office = (this.#office = {})
    this.#proofs.hurry()
    const { brokers } = metadata.image
    const lives = [...brokers.values()].filter(({ id, fenced }) => !fenced && id !== nodeId)
    const look = lookAtBroker()
    const isRecent = look !== null && host.clock.monotonic() - look.sinceMs < LOOK_COUNTS_MS
    for (const life of lives) {
      const isLookedAfter = isRecent && life.id === look.id
      void this.#lookLater(office, life, isLookedAfter ? look : null)
    }
  }

  /** @param look that was begun before this node has taken office: its machine may have gone since */
  async #lookLater(office: object, life: Life, look: LookAtBroker | null): Promise<void> {
    const hasEnded = look !== null && (await this.#signSince(look)) === null
    if (!hasEnded) await this.#pause(FIRST_HEARTBEAT_MS)
    if (this.#office !== office || this.#heard.get(life.id)?.brokerEpoch === life.epoch) return
    await this.#decide(life, hasEnded ? Promise.resolve(null) : this.#look(life))
  }

  /** Why the broker may be alive, by that look or by now. */
  async #signSince({ id, epoch, signOfLife: sign }: LookAtBroker): Promise<string | null> {
    const was = await sign
    const places = this.#proofs.of(id, epoch)
    // It may be another life by now, or listen elsewhere: then nothing is known of it.
    if (was !== null || places.length === 0) return was ?? NEVER_REACHED
    return signOfReturn(this.#options.host, places)
  }

  /** Looks into the signs that a life of a broker has ended: why it may be alive; null where it has. */
  #look({ id, epoch }: Life): Promise<string | null> {
    const places = this.#proofs.of(id, epoch)
    if (places.length === 0) return Promise.resolve(NEVER_REACHED)
    return signOfLife(this.#options.host, places, AGAIN_MS)
  }

  async #decide(
    { id: brokerId, epoch: brokerEpoch }: Life,
    looking: Promise<string | null>,
  ): Promise<void> {
    const { metadata, host } = this.#options
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

  #pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => void this.#options.host.clock.after(delayMs, resolve))
  }
}
