import { ApiVersions } from '../../protocol/messages/api-versions.ts'
import type { Clock, Logger } from '../host/host.ts'
import type { BrokerLinks } from '../peer/broker-links.ts'
import { BrokerLinkError } from '../peer/broker-links.ts'
import { SOFTWARE } from '../peer/connection.ts'

/** By then a machine has ended all connections of a process that was killed. */
const PATIENCE_MS = 500
/** A connection that lay idle may have been forgotten on its way, as by a firewall: whether it was the broker a new one tells. */
const MOST_TRIES = 2

interface SignsOfLifeOptions {
  readonly clock: Pick<Clock, 'monotonic' | 'after' | 'endOfTurn'>
  readonly log: Logger
  /** Whose watch is told where a connection was ended or refused. */
  readonly links: Pick<BrokerLinks, 'ask'>
}

/**
 * Asks other brokers whether they are there, before clients are sent to them.
 *
 * A process that was killed says nothing any more, but its machine may end some of its connections before others, so a client may
 * know of its end first and ask here who leads. An answer to a question that was put after the client's proves that it asked for
 * another reason. Where the process has ended, the connection ends instead, and the watch of the links knows of it by then.
 *
 * All who ask at about the same time have one question: a broker is asked the next thing when it has answered the last.
 */
export class SignsOfLife {
  readonly #options: SignsOfLifeOptions
  readonly #pulses = new Map<number, Pulse>()

  constructor(options: SignsOfLifeOptions) {
    this.#options = options
  }

  /**
   * Resolves when the broker has answered a question that was put after this call, or can't be asked; or after half a second, which
   * proves nothing: who is so slow isn't waited for any more until it has answered in time. Never rejects.
   */
  of(brokerId: number): Promise<void> {
    let pulse = this.#pulses.get(brokerId)
    if (pulse === undefined) {
      pulse = new Pulse(this.#options.clock, () => this.#hasAnswered(brokerId))
      this.#pulses.set(brokerId, pulse)
    }
    return pulse.felt()
  }

  async #hasAnswered(brokerId: number): Promise<boolean> {
    const { links, log } = this.#options
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      try {
        await links.ask(brokerId, ApiVersions, SOFTWARE)
        return true
      } catch (error) {
        if (error instanceof BrokerLinkError) continue
        log.error({ err: error, brokerId }, 'A broker could not be asked whether it is there')
        return false
      }
    }
    return false
  }
}

/** Of one broker. */
class Pulse {
  readonly #clock: SignsOfLifeOptions['clock']
  readonly #ask: () => Promise<boolean>
  /** That is on its way. */
  #question: Promise<void> | null = null
  /** The last answer has taken too long, or does so. */
  #isSlow = false

  constructor(clock: SignsOfLifeOptions['clock'], ask: () => Promise<boolean>) {
    this.#clock = clock
    this.#ask = ask
  }

  felt(): Promise<void> {
    const sign = this.#question === null ? this.#put() : this.#next()
    return this.#isSlow ? Promise.resolve() : this.#patiently(sign)
  }

  #put(): Promise<void> {
    const beganMs = this.#clock.monotonic()
    return (this.#question = this.#ask().then((hasAnswered) => {
      this.#question = null
      if (hasAnswered) this.#isSlow = this.#clock.monotonic() - beganMs > PATIENCE_MS
    }))
  }

  /** The one that is on its way may have been answered before somebody asked who comes now. */
  async #next(): Promise<void> {
    await this.#question
    // Others have waited for that, too.
    await (this.#question ?? this.#put())
  }

  #patiently(sign: Promise<void>): Promise<void> {
    return new Promise((resolve) => {
      let isOver = false
      const late = (): void => {
        if (!isOver) this.#isSlow = true
        resolve()
      }
      // Where this process had no time to look, what came meanwhile counts.
      const timer = this.#clock.after(PATIENCE_MS, () => this.#clock.endOfTurn(late))
      void sign.then(() => {
        isOver = true
        timer.cancel()
        resolve()
      })
    })
  }
}
