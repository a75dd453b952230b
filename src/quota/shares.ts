import type { QuotaEntity } from '../metadata/quotas.ts'
import { QuotaLimits } from './quota-limits.ts'
import type { Allowance } from './quota-limits.ts'

/** What those who share an allowance have used of it. */
export interface Share<Measure> {
  limit: number
  readonly measure: Measure
}

/** Something that counts what is used, and is as good as new at times. */
export interface Forgetful {
  isIdle(nowMs: number, limit: number): boolean
}

/** What a share takes in memory, about; and its names, once here and once in the table of clients. */
const SHARE_BYTES = 800
const CLIENT_BYTES = 150
/** Clients make names up: beyond this, those who come new share what a limit allows one of them. */
const MAX_SHARES_BYTES = 32 << 20
/** Beyond this it is worked out anew which share is whose. */
const MAX_CLIENTS_BYTES = 8 << 20
/** Fewer than this aren't looked through for those that are as good as new. */
const LEAST_SWEPT_BYTES = 1 << 20
/** Nor are any twice within this time. */
const SWEEP_MS = 1000

/** One kind of quota: its limits, and what their clients have used. Who isn't limited is not measured. */
export class Shares<Measure extends Forgetful> {
  readonly #newMeasure: () => Measure
  readonly #limits = new QuotaLimits()
  /** By user and client id; null for who isn't limited. Made anew when limits change. */
  readonly #ofClients = new Map<string, Map<string, Share<Measure> | null>>()
  #clientsBytes = 0
  readonly #shares = new Map<string, Share<Measure>>()
  #sharesBytes = 0
  #sweepBytes = LEAST_SWEPT_BYTES
  #sweptMs = -Infinity

  constructor(newMeasure: () => Measure) {
    this.#newMeasure = newMeasure
  }

  /** Whether anybody is limited. */
  get isSet(): boolean {
    return !this.#limits.isEmpty
  }

  /** How many are measured. */
  get size(): number {
    return this.#shares.size
  }

  /** @param limit null: there is none any more. What was used stays counted */
  set(entity: QuotaEntity, limit: number | null): void {
    this.#limits.set(entity, limit)
    this.#forgetClients()
    if (this.#limits.isEmpty) this.#forgetShares()
  }

  /** A client's share; null where nothing limits it. */
  of(user: string, clientId: string, nowMs: number): Share<Measure> | null {
    const known = this.#ofClients.get(user)?.get(clientId)
    return known === undefined ? this.#find(user, clientId, nowMs) : known
  }

  #find(user: string, clientId: string, nowMs: number): Share<Measure> | null {
    const allowance = this.#limits.find(user, clientId)
    const share = allowance === null ? null : this.#shareOf(allowance, nowMs)
    if (this.#clientsBytes > MAX_CLIENTS_BYTES) this.#forgetClients()
    let ofUser = this.#ofClients.get(user)
    if (ofUser === undefined) {
      this.#ofClients.set(user, (ofUser = new Map()))
      this.#clientsBytes += CLIENT_BYTES + 2 * user.length
    }
    ofUser.set(clientId, share)
    this.#clientsBytes += CLIENT_BYTES + 2 * clientId.length
    return share
  }

  #shareOf(allowance: Allowance, nowMs: number): Share<Measure> {
    const key = JSON.stringify([allowance.user, allowance.clientId])
    const known = this.#shares.get(key)
    if (known !== undefined) {
      known.limit = allowance.limit
      return known
    }
    if (this.#sharesBytes > this.#sweepBytes && nowMs - this.#sweptMs >= SWEEP_MS) {
      this.#sweep(nowMs)
    }
    if (this.#sharesBytes <= MAX_SHARES_BYTES) return this.#add(key, allowance)
    const ofMany = `level ${allowance.level}: ${allowance.limit}`
    return this.#shares.get(ofMany) ?? this.#add(ofMany, allowance)
  }

  #add(key: string, { limit }: Allowance): Share<Measure> {
    const share = { limit, measure: this.#newMeasure() }
    this.#shares.set(key, share)
    this.#sharesBytes += bytesOf(key)
    return share
  }

  /** Forgets those that are as good as new. */
  #sweep(nowMs: number): void {
    for (const [key, { measure, limit }] of this.#shares) {
      if (!measure.isIdle(nowMs, limit)) continue
      this.#shares.delete(key)
      this.#sharesBytes -= bytesOf(key)
    }
    this.#forgetClients()
    this.#sweptMs = nowMs
    // Never more than there may be: what is idle by then would be kept for good.
    this.#sweepBytes = Math.min(
      MAX_SHARES_BYTES,
      Math.max(LEAST_SWEPT_BYTES, 2 * this.#sharesBytes),
    )
  }

  #forgetClients(): void {
    this.#ofClients.clear()
    this.#clientsBytes = 0
  }

  #forgetShares(): void {
    this.#shares.clear()
    this.#sharesBytes = 0
    this.#sweepBytes = LEAST_SWEPT_BYTES
  }
}

const bytesOf = (key: string): number => SHARE_BYTES + 2 * key.length
