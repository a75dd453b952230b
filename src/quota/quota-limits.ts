import { EntityType } from '../metadata/quotas.ts'
import type { QuotaEntity } from '../metadata/quotas.ts'

/** A limit, and who shares what it allows: all clients of a user, all users of a client id, or one client id of a user. */
export interface Allowance {
  readonly limit: number
  /** Empty: of all users; and so is the client id. */
  readonly user: string
  readonly clientId: string
  /** The level that the limit was set at. */
  readonly level: number
}

/** Limits by client id; null is the default. */
type ByClientId = Map<string | null, number>

interface OfUser {
  /** Of all clients of the user together; null where there is none. */
  whole: number | null
  readonly clients: ByClientId
}

/**
 * One kind of quota, as it was set for users, client ids, and their defaults. The most specific one counts; of Kafka's eight
 * levels, each user's own come before those of the default user, and these before those of client ids alone.
 */
export class QuotaLimits {
  readonly #users = new Map<string | null, OfUser>()
  readonly #clients: ByClientId = new Map()

  get isEmpty(): boolean {
    return this.#users.size + this.#clients.size === 0
  }

  /** @param limit null: there is none any more; Infinity: those are limited by none of the wider ones, either */
  set(entity: QuotaEntity, limit: number | null): void {
    const user = nameOf(entity, EntityType.USER)
    const clientId = nameOf(entity, EntityType.CLIENT_ID)
    if (user === undefined) {
      if (clientId !== undefined) put(this.#clients, clientId, limit)
      return
    }
    let ofUser = this.#users.get(user)
    if (ofUser === undefined) this.#users.set(user, (ofUser = { whole: null, clients: new Map() }))
    if (clientId === undefined) ofUser.whole = limit
    else put(ofUser.clients, clientId, limit)
    if (ofUser.whole === null && ofUser.clients.size === 0) this.#users.delete(user)
  }

  /** What counts for a client; null where nothing limits it. A client that gives no id has none that could be limited. */
  find(user: string, clientId: string): Allowance | null {
    const found =
      this.#ofUser(this.#users.get(user), user, clientId, 1) ??
      this.#ofUser(this.#users.get(null), user, clientId, 4) ??
      among(this.#clients, '', clientId, 7)
    return found?.limit === Infinity ? null : found
  }

  #ofUser(
    ofUser: OfUser | undefined,
    user: string,
    clientId: string,
    level: number,
  ): Allowance | null {
    if (ofUser === undefined) return null
    const ofClient = among(ofUser.clients, user, clientId, level)
    if (ofClient !== null || ofUser.whole === null) return ofClient
    return { limit: ofUser.whole, user, clientId: '', level: level + 2 }
  }
}

function among(
  clients: ByClientId,
  user: string,
  clientId: string,
  level: number,
): Allowance | null {
  if (clientId === '') return null
  const own = clients.get(clientId)
  if (own !== undefined) return { limit: own, user, clientId, level }
  const limit = clients.get(null)
  return limit === undefined ? null : { limit, user, clientId, level: level + 1 }
}

function put(clients: ByClientId, clientId: string | null, limit: number | null): void {
  if (limit === null) clients.delete(clientId)
  else clients.set(clientId, limit)
}

/** Undefined where the entity has no name of this type, null where it is the default. */
function nameOf(entity: QuotaEntity, type: string): string | null | undefined {
  return entity.find(({ entityType }) => entityType === type)?.entityName
}
