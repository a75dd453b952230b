import type { Host, Timer, TlsContext } from '../../../host/host.ts'
import {
  UnknownKeyError,
  WebKeys,
  WebTokenError,
  type Claims,
  type TokenRules,
} from '../../../host/web-tokens.ts'

/** Where the keys come from that tokens are signed with. */
export interface KeySource {
  /** As `WebKeys.claimsOf`; also rejects with WebTokenError where there are no keys. */
  claimsOf(token: string, rules: TokenRules): Promise<Claims>
  close(): void
}

/** A file with a set of keys. It may be replaced. */
export class KeyFile implements KeySource {
  readonly #host: Pick<Host, 'disk' | 'log'>
  readonly #path: string
  #keys: WebKeys
  /** Of what was found last, whatever it was worth; null: nothing was. */
  #modifiedMs: number | null

  /** @throws errors of the disk, and WebTokenError where it has no set of keys */
  constructor(host: Pick<Host, 'disk' | 'log'>, path: string) {
    this.#host = host
    this.#path = path
    this.#modifiedMs = this.#lastModifiedMs()
    this.#keys = this.#read()
  }

  claimsOf(token: string, rules: TokenRules): Promise<Claims> {
    this.#follow()
    return this.#keys.claimsOf(token, rules)
  }

  close(): void {}

  /** Anybody who has not logged in yet has it look: it tells once of each state that the file is found in. */
  #follow(): void {
    let modifiedMs: number
    try {
      modifiedMs = this.#lastModifiedMs()
    } catch (error) {
      if (this.#modifiedMs !== null) this.#tell(error)
      this.#modifiedMs = null
      return
    }
    if (modifiedMs === this.#modifiedMs) return
    this.#modifiedMs = modifiedMs
    try {
      this.#keys = this.#read()
    } catch (error) {
      // Half of a file, say: it is read again when it was modified again.
      this.#tell(error)
    }
  }

  #tell(error: unknown): void {
    const { message } = error as Error
    const why = `The keys of tokens stay as they were, for ${this.#path} can't be used: ${message}`
    this.#host.log.error({ path: this.#path }, why)
  }

  #lastModifiedMs(): number {
    return this.#host.disk.stat(this.#path).modifiedMs
  }

  #read(): WebKeys {
    return new WebKeys(this.#host.disk.readFile(this.#path).toString())
  }
}

/** Log-ins wait for so long, at most, for keys that are being fetched. */
const FETCH_MS = 10_000
const MOST_BYTES = 512 * 1024
/** Tokens by keys that aren't known have the keys fetched again so often: anybody can make such tokens. */
const LEAST_PAUSE_MS = 10_000

export interface EndpointOptions {
  readonly url: string
  readonly tls: TlsContext | null
  readonly refreshMs: number
  /** After the first failure; twice as long after each further one. */
  readonly retryBackoffMs: number
  readonly retryBackoffMaxMs: number
}

/**
 * Keys that a server tells. They are fetched again from time to time, and when a token comes by one that isn't known: once for
 * all who have such tokens. Where they can't be fetched, those that are known go on being good.
 */
export class KeyEndpoint implements KeySource {
  readonly #host: Pick<Host, 'clock' | 'log' | 'network'>
  readonly #options: EndpointOptions
  /** Without what a name or a password might stand in. */
  readonly #place: string
  #keys: WebKeys | null = null
  #fetching: Promise<void> | null = null
  #timer: Timer | null = null
  #failures = 0
  #askedMs = -Infinity
  readonly #closing = new AbortController()

  constructor(host: Pick<Host, 'clock' | 'log' | 'network'>, options: EndpointOptions) {
    this.#host = host
    this.#options = options
    const { origin, pathname } = new URL(options.url)
    this.#place = origin + pathname
    void this.#refresh()
  }

  async claimsOf(token: string, rules: TokenRules): Promise<Claims> {
    const keys = this.#keys
    if (keys !== null) {
      try {
        return await keys.claimsOf(token, rules)
      } catch (error) {
        if (!(error instanceof UnknownKeyError)) throw error
      }
      if (this.#keys === keys) this.#ask()
    }
    await this.#fetching
    if (this.#keys === null) throw new WebTokenError(`no keys could be fetched from ${this.#place}`)
    if (this.#keys === keys) {
      throw new UnknownKeyError(
        `the key that it is signed with is not among those of ${this.#place}`,
      )
    }
    return this.#keys.claimsOf(token, rules)
  }

  close(): void {
    this.#closing.abort()
    this.#timer?.cancel()
  }

  /** Has the keys fetched out of turn. */
  #ask(): void {
    const nowMs = this.#host.clock.monotonic()
    if (this.#fetching !== null || nowMs - this.#askedMs < LEAST_PAUSE_MS) return
    this.#askedMs = nowMs
    void this.#refresh()
  }

  #refresh(): Promise<void> {
    this.#timer?.cancel()
    return (this.#fetching = this.#fetch().finally(() => {
      this.#fetching = null
      if (this.#closing.signal.aborted) return
      const { refreshMs } = this.#options
      const delayMs = this.#failures === 0 ? refreshMs : this.#backoffMs()
      this.#timer = this.#host.clock.after(delayMs, () => void this.#refresh())
    }))
  }

  #backoffMs(): number {
    const { retryBackoffMs, retryBackoffMaxMs } = this.#options
    return Math.min(retryBackoffMs * 2 ** (this.#failures - 1), retryBackoffMaxMs)
  }

  async #fetch(): Promise<void> {
    const { url, tls } = this.#options
    const { network, log } = this.#host
    const { signal } = this.#closing
    const fields = { place: this.#place }
    try {
      const options = { timeoutMs: FETCH_MS, maxBytes: MOST_BYTES, signal, tls }
      this.#keys = new WebKeys((await network.http.get(url, options)).toString())
      if (this.#failures > 0)
        log.info(fields, 'The keys that tokens are signed with are there again')
      this.#failures = 0
    } catch (error) {
      this.#failures++
      // Those that follow say the same.
      if (this.#failures > 1 || signal.aborted) return
      const until = this.#keys === null ? 'no token is good' : 'those that are known stay good'
      log.warn(
        fields,
        `The keys that tokens are signed with could not be fetched: ${(error as Error).message}. Until they are, ${until}`,
      )
    }
  }
}
