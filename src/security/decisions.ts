/** Names of topics have no more; whoever asks for longer ones is not served faster. */
const LONGEST_NAME = 249
/** So many names are remembered, over all who ask: some megabytes. Before one more all are forgotten. */
const MOST_NAMES = 10_000

/** What was decided about one name, by the number of the operation; undefined where nothing was. */
type OfName<Decision> = (Decision | undefined)[]

/** By type of resource and name. */
type OfAsker<Decision> = (Map<string, OfName<Decision>> | undefined)[]

/**
 * What was decided, so that ACLs are searched once, and not for each request: who produces asks the same all day.
 * Whoever changes what decisions depend on forgets them all.
 */
export class Decisions<Decision> {
  /** By principal and host. */
  readonly #askers = new Map<string, Map<string, OfAsker<Decision>>>()
  #size = 0
  /** Who asked last, since many questions come by one. */
  #principal = ''
  #host = ''
  #last: OfAsker<Decision> | undefined

  forget(): void {
    this.#askers.clear()
    this.#size = 0
    this.#last = undefined
  }

  /** What one principal from one host was told about a name: to be read, and added to. */
  of(principal: string, host: string, resourceType: number, name: string): OfName<Decision> {
    const known = this.#of(principal, host)?.[resourceType]?.get(name)
    if (known !== undefined) return known
    const decisions: OfName<Decision> = []
    if (name.length <= LONGEST_NAME) this.#add(principal, host, resourceType, name, decisions)
    return decisions
  }

  #of(principal: string, host: string): OfAsker<Decision> | undefined {
    if (principal !== this.#principal || host !== this.#host || this.#last === undefined) {
      this.#last = this.#askers.get(principal)?.get(host)
      this.#principal = principal
      this.#host = host
    }
    return this.#last
  }

  #add(
    principal: string,
    host: string,
    resourceType: number,
    name: string,
    decisions: OfName<Decision>,
  ): void {
    if (this.#size === MOST_NAMES) this.forget()
    let hosts = this.#askers.get(principal)
    if (hosts === undefined) this.#askers.set(principal, (hosts = new Map()))
    let ofAsker = hosts.get(host)
    if (ofAsker === undefined) hosts.set(host, (ofAsker = []))
    const names = (ofAsker[resourceType] ??= new Map())
    names.set(name, decisions)
    this.#size++
  }
}
