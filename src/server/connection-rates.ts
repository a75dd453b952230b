import type { Clock, Socket, Timer } from '../host/host.ts'
import { addressBytes, addressText } from '../host/ip-address.ts'
import type { RateQuota } from '../quota/client-quotas.ts'
import { ClientRate } from '../quota/sampled-rate.ts'
import type { RateWindows } from '../quota/sampled-rate.ts'

/** No connections at this rate: Kafka's word for no limit. */
const UNLIMITED = 0x7fff_ffff

export interface ConnectionRateOptions {
  readonly clock: Pick<Clock, 'after' | 'monotonic'>
  readonly windows: RateWindows
  /** `max.connection.creation.rate` of a listener, and of the whole node. */
  readonly rateOf: (listener: string) => number
  readonly rateOfAll: () => number
  /** The listener that brokers use among themselves: where there are others, it waits for none of them. */
  readonly isApart: (listener: string) => boolean
  /** `connection_creation_rate`, by address in place of the client id. */
  readonly quota: RateQuota
}

interface Waiting {
  readonly socket: Socket
  readonly go: () => void
}

/** What has come by a listener, and waits. */
interface Queue {
  readonly rate: ClientRate
  readonly waiting: Waiting[]
  timer: Timer | null
}

/**
 * [KIP-612] How many connections come in a second. Where they are too many for a listener or for the node, all that come by the
 * listener wait in their order, as they would in the system's queue while Kafka accepts none. One that is too many for its
 * address is closed after a while, and doesn't count.
 */
export class ConnectionRates {
  readonly #options: ConnectionRateOptions
  readonly #ofAll: ClientRate
  readonly #queues = new Map<string, Queue>()
  /** These are going to be closed. */
  readonly #refused = new Map<Socket, Timer>()
  #waiting = 0

  constructor(options: ConnectionRateOptions) {
    this.#options = options
    this.#ofAll = new ClientRate(options.windows)
  }

  /** How many sockets are kept here. */
  get size(): number {
    return this.#waiting + this.#refused.size
  }

  /** Lets a connection in, now or later; or closes it. */
  admit(socket: Socket, listener: string, go: () => void): void {
    const { rateOf, rateOfAll, quota } = this.#options
    const isLimited = rateOf(listener) < UNLIMITED || rateOfAll() < UNLIMITED
    if (!isLimited && !quota.shares.isSet) return go()
    const queue = this.#queueOf(listener)
    queue.waiting.push({ socket, go })
    this.#waiting++
    if (queue.timer === null) this.#next(queue, listener)
  }

  /** Closes all that is kept here. */
  close(): void {
    for (const { waiting, timer } of this.#queues.values()) {
      timer?.cancel()
      for (const { socket } of waiting.splice(0)) socket.destroy()
    }
    this.#queues.clear()
    this.#waiting = 0
    for (const [socket, timer] of this.#refused) {
      timer.cancel()
      socket.destroy()
    }
    this.#refused.clear()
  }

  /** Those whose turn it is; the first one that has to wait has those behind it wait, too. */
  #next(queue: Queue, listener: string): void {
    const { clock } = this.#options
    for (let next = queue.waiting[0]; next !== undefined; next = queue.waiting[0]) {
      const { socket, go } = next
      if (this.#isRefused(socket)) {
        this.#taken(queue)
        continue
      }
      const delayMs = this.#count(queue, listener)
      if (delayMs > 0) {
        queue.timer = clock.after(delayMs, () => {
          queue.timer = null
          this.#taken(queue)
          go()
          this.#next(queue, listener)
        })
        return
      }
      this.#taken(queue)
      go()
    }
  }

  #taken(queue: Queue): void {
    queue.waiting.shift()
    this.#waiting--
  }

  /** Whether its address has had too many; then it is closed, when another one would be let in. */
  #isRefused(socket: Socket): boolean {
    const { clock, quota } = this.#options
    if (!quota.shares.isSet) return false
    const bytes = addressBytes(socket.remoteAddress)
    const address = bytes === null ? '' : (addressText(bytes) ?? '')
    const ms = quota.take('', address, 1, this.#nowMs)
    if (ms === 0) return false
    quota.add('', address, -1, this.#nowMs)
    const timer = clock.after(ms, () => {
      this.#refused.delete(socket)
      socket.destroy()
    })
    this.#refused.set(socket, timer)
    return true
  }

  /** @returns for how long it has to wait, in milliseconds; no longer than a sample */
  #count(queue: Queue, listener: string): number {
    const { rateOf, rateOfAll, isApart, windows } = this.#options
    const nowMs = this.#nowMs
    let ms = excess(queue.rate, rateOf(listener), nowMs)
    if (!isApart(listener)) ms = Math.max(ms, excess(this.#ofAll, rateOfAll(), nowMs))
    return Math.min(ms, windows.lengthMs)
  }

  #queueOf(listener: string): Queue {
    let queue = this.#queues.get(listener)
    if (queue === undefined) {
      queue = { rate: new ClientRate(this.#options.windows), waiting: [], timer: null }
      this.#queues.set(listener, queue)
    }
    return queue
  }

  get #nowMs(): number {
    return Math.floor(this.#options.clock.monotonic())
  }
}

function excess(rate: ClientRate, limit: number, nowMs: number): number {
  rate.record(1, nowMs)
  return limit === UNLIMITED ? 0 : rate.excessMs(limit, nowMs)
}
