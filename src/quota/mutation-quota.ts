import type { MutationAllowance } from '../metadata/controller/commands.ts'
import type { ClientQuotas } from './client-quotas.ts'

/** No answer says more: its field has no room. */
const MAX_THROTTLE_MS = 0x7fff_ffff

/**
 * [KIP-599] What one request takes of its client's quota of changes. Strictly, nothing is changed once more was taken than there
 * was, until that is made good; for requests of versions that know no error for it all is done, and the client is throttled.
 */
export class MutationQuota {
  readonly #quotas: ClientQuotas
  readonly #user: string
  readonly #clientId: string
  readonly #isStrict: boolean
  readonly #nowMs: () => number
  #excessMs = 0
  #sinceMs = 0

  /** @param nowMs whole milliseconds */
  constructor(
    quotas: ClientQuotas,
    client: { readonly user: string; readonly clientId: string },
    isStrict: boolean,
    nowMs: () => number,
  ) {
    this.#quotas = quotas
    this.#user = client.user
    this.#clientId = client.clientId
    this.#isStrict = isStrict
    this.#nowMs = nowMs
  }

  /** For how many milliseconds the client is to keep quiet from now on. */
  get throttleTimeMs(): number {
    return Math.max(0, this.#excessMs - (this.#nowMs() - this.#sinceMs))
  }

  /** What one command takes of it: where it is decided anew, what was taken before is given back. */
  allowance(): MutationAllowance {
    let taken = 0
    return {
      begin: () => {
        if (taken > 0) this.#take(-taken)
        taken = 0
      },
      take: (partitions) => {
        if (!this.#take(partitions)) return false
        taken += partitions
        return true
      },
    }
  }

  #take(partitions: number): boolean {
    const nowMs = this.#nowMs()
    const share = this.#quotas.mutations.shares.of(this.#user, this.#clientId, nowMs)
    if (share === null) return true
    const { limit, measure } = share
    if (this.#isStrict && partitions > 0 && measure.at(limit, nowMs) < 0) {
      this.#note(measure.excessMs(limit, nowMs), nowMs)
      return false
    }
    measure.take(partitions, limit, nowMs)
    if (!this.#isStrict) this.#note(measure.excessMs(limit, nowMs), nowMs)
    return true
  }

  #note(excessMs: number, nowMs: number): void {
    if (excessMs === 0) return
    this.#excessMs = Math.min(excessMs, MAX_THROTTLE_MS)
    this.#sinceMs = nowMs
  }
}
