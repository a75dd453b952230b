import { addressBytes, addressText } from '../host/ip-address.ts'
import type { MetadataDelta, MetadataImage } from '../metadata/image.ts'
import { EntityType, QuotaKey, quotaAt, quotasOf } from '../metadata/quotas.ts'
import type { QuotaEntity, QuotaRecord } from '../metadata/quotas.ts'
import { ClientRate } from './sampled-rate.ts'
import type { RateWindows } from './sampled-rate.ts'
import { Shares } from './shares.ts'
import { TokenBucket } from './token-bucket.ts'

/** No answer says more: its field has no room. */
const MAX_THROTTLE_MS = 0x7fff_ffff

/** How quotas are measured. */
export interface QuotaWindows {
  /** `quota.window.num`, `quota.window.size.seconds` */
  readonly rates: RateWindows
  /** `controller.quota.window.num`, `controller.quota.window.size.seconds` */
  readonly mutations: RateWindows
}

/**
 * [KIP-13, KIP-124, KIP-599] What clients may use of this node, as the metadata says it, and what they have used. Each node
 * measures by itself, as in Kafka. A client is a user and the client id that it gives. Times are whole milliseconds of one
 * clock.
 */
export class ClientQuotas {
  /** Bytes of requests. */
  readonly produce: RateQuota
  /** Bytes of answers. */
  readonly fetch: RateQuota
  /** Of the time of the event loop, in percent. No throttling for it is longer than one sample. */
  readonly request: RateQuota
  /** Partitions that are made and deleted. */
  readonly mutations: MutationQuotas
  /** Connections by address, which stands in place of the client id; no throttling for them is longer than one sample, either. */
  readonly connections: RateQuota
  /** Whether any of those for requests is set: where none is, nobody is measured. */
  isActive = false

  constructor({ rates, mutations }: QuotaWindows) {
    this.produce = new RateQuota(rates, MAX_THROTTLE_MS)
    this.fetch = new RateQuota(rates, MAX_THROTTLE_MS)
    this.request = new RateQuota(rates, rates.lengthMs)
    this.mutations = new MutationQuotas(mutations)
    this.connections = new RateQuota(rates, rates.lengthMs)
  }

  /** Takes all quotas of an image. */
  load(image: MetadataImage): void {
    for (const quota of quotasOf(image)) this.#set(quota, quota.value)
  }

  /** What changed from one image to the next. */
  follow(
    { before, changedQuotas }: Pick<MetadataDelta, 'before' | 'changedQuotas'>,
    image: MetadataImage,
  ): void {
    for (const key of changedQuotas) {
      const quota = quotaAt(image, key)
      const gone = quotaAt(before, key)
      if (quota !== undefined) this.#set(quota, quota.value)
      else if (gone !== undefined) this.#set(gone, null)
    }
  }

  #set({ entity, key }: QuotaRecord, value: number | null): void {
    // Kafka before 4.4 has written others, too. They limit nobody, and stand before wider ones as all do.
    const limit = value === null || value > 0 ? value : Infinity
    const { produce, fetch, request, mutations } = this
    if (key === QuotaKey.PRODUCE) produce.shares.set(entity, limit)
    else if (key === QuotaKey.FETCH) fetch.shares.set(entity, limit)
    else if (key === QuotaKey.REQUEST) request.shares.set(entity, limit)
    else if (key === QuotaKey.MUTATION) mutations.shares.set(entity, limit)
    else if (key === QuotaKey.CONNECTION) this.connections.shares.set(byAddress(entity), limit)
    else return
    this.isActive = [produce, fetch, request, mutations].some(({ shares }) => shares.isSet)
  }
}

/** Something that clients may do at a rate. */
export class RateQuota {
  readonly shares: Shares<ClientRate>
  readonly #mostMs: number
  /** Of what may be taken at once, as so many seconds' worth of the limit: more would exceed it though nothing was taken before. */
  readonly #burstSeconds: number

  /** @param mostMs no throttling is longer */
  constructor(windows: RateWindows, mostMs: number) {
    this.shares = new Shares(() => new ClientRate(windows))
    this.#mostMs = mostMs
    this.#burstSeconds = ((windows.count - 1) * windows.lengthMs) / 1000
  }

  /**
   * Counts what a client has done.
   * @returns for how many milliseconds it is to keep quiet
   */
  take(user: string, clientId: string, amount: number, nowMs: number): number {
    const share = this.shares.of(user, clientId, nowMs)
    if (share === null) return 0
    share.measure.record(amount, nowMs)
    return Math.min(share.measure.excessMs(share.limit, nowMs), this.#mostMs)
  }

  /** Counts what holds back only what comes next; less than 0 takes back what was counted. */
  add(user: string, clientId: string, amount: number, nowMs: number): void {
    this.shares.of(user, clientId, nowMs)?.measure.record(amount, nowMs)
  }

  /** What a client may take at once, if it took nothing before; Infinity where it isn't limited. */
  mostAtOnce(user: string, clientId: string, nowMs: number): number {
    const share = this.shares.of(user, clientId, nowMs)
    return share === null ? Infinity : Math.floor(share.limit * this.#burstSeconds)
  }

  /** Whether a client that is limited has taken nothing lately. */
  isUnused(user: string, clientId: string, nowMs: number): boolean {
    return this.shares.of(user, clientId, nowMs)?.measure.isIdle(nowMs) ?? true
  }
}

/** [KIP-599] How many partitions clients may make and delete. */
export class MutationQuotas {
  readonly shares: Shares<TokenBucket>

  constructor(windows: RateWindows) {
    this.shares = new Shares(() => new TokenBucket(windows))
  }
}

/** An address counts in whatever form it was written. */
function byAddress(entity: QuotaEntity): QuotaEntity {
  return entity.map(({ entityName }) => {
    const bytes = entityName === null ? null : addressBytes(entityName)
    const name = bytes === null ? entityName : addressText(bytes)
    return { entityType: EntityType.CLIENT_ID, entityName: name }
  })
}
