import type { BrokerConfig } from '../../config/broker-config.ts'
import { hmac } from '../../host/digests.ts'
import type { Host } from '../../host/host.ts'
import type { MetadataImage } from '../../metadata/image.ts'
import {
  isTokenOver,
  tokenRecordOf,
  tokenRecords,
  type TokenRecord,
} from '../../metadata/tokens.ts'
import {
  LEAST_ITERATIONS,
  saltedPassword,
  scramCredential,
  type ScramCredential,
  type ScramMechanism,
  type TokenBearer,
} from '../sasl/scram.ts'

const SALT_BYTES = 24
/** Of so many tokens what SCRAM needs is kept: working it out takes milliseconds of a thread. */
const MOST_CREDENTIALS = 1000

/** [KIP-48] The cluster's delegation tokens, with their secrets, which all nodes work out of `delegation.token.secret.key`. */
export class DelegationTokens {
  readonly #image: () => MetadataImage
  readonly #host: Pick<Host, 'clock' | 'random'>
  readonly #secret: Buffer | null
  /** By secret, in Base64: of the records that were looked through last. */
  #ids = new Map<string, string>()
  #lookedThrough: MetadataImage['others'] | null = null
  readonly #credentials = new Map<string, Promise<ScramCredential>>()

  constructor(
    config: BrokerConfig,
    host: Pick<Host, 'clock' | 'random'>,
    image: () => MetadataImage,
  ) {
    const secret = config.get('delegation.token.secret.key')
    this.#secret = secret === null || secret === '' ? null : Buffer.from(secret)
    this.#host = host
    this.#image = image
  }

  /** Without a secret of the cluster there are no tokens. */
  get isEnabled(): boolean {
    return this.#secret !== null
  }

  *all(): IterableIterator<TokenRecord> {
    yield* tokenRecords(this.#image())
  }

  /** A token's own secret: whoever has it may use the token. */
  secretOf(tokenId: string): Buffer {
    return this.#secret === null
      ? Buffer.alloc(0)
      : hmac('sha512', this.#secret, Buffer.from(tokenId))
  }

  /** The id of the token with this secret; null: there is none. */
  idOf(secret: Buffer): string | null {
    if (this.#secret === null) return null
    const image = this.#image()
    if (image.others !== this.#lookedThrough) this.#lookThrough(image)
    return this.#ids.get(secret.toString('base64')) ?? null
  }

  /** A secret is worked out once: who asks with any other one must not cost as much as there are tokens. */
  #lookThrough(image: MetadataImage): void {
    const secrets = new Map(Array.from(this.#ids, ([secret, tokenId]) => [tokenId, secret]))
    this.#ids = new Map()
    for (const { tokenId } of tokenRecords(image)) {
      this.#ids.set(secrets.get(tokenId) ?? this.secretOf(tokenId).toString('base64'), tokenId)
    }
    this.#lookedThrough = image.others
  }

  /** What SCRAM needs of a token, worked out on the thread pool; null: there is none, or it has expired. */
  async bearer(mechanism: ScramMechanism, tokenId: string): Promise<TokenBearer | null> {
    const token = this.isEnabled ? tokenRecordOf(this.#image(), tokenId) : null
    if (token === null || isTokenOver(token, this.#host.clock.now())) return null
    const { owner, expirationTimestamp: expiresAtMs } = token
    const credential = await this.#credential(mechanism, tokenId)
    return { credential, owner: owner.slice(owner.indexOf(':') + 1), expiresAtMs }
  }

  #credential(mechanism: ScramMechanism, tokenId: string): Promise<ScramCredential> {
    const key = `${mechanism} ${tokenId}`
    let credential = this.#credentials.get(key)
    if (credential === undefined) {
      credential = this.#newCredential(mechanism, tokenId)
      this.#credentials.set(key, credential)
      const [oldest] = this.#credentials.keys()
      if (this.#credentials.size > MOST_CREDENTIALS) this.#credentials.delete(oldest!)
    }
    return credential
  }

  async #newCredential(mechanism: ScramMechanism, tokenId: string): Promise<ScramCredential> {
    const salt = this.#host.random.bytes(SALT_BYTES)
    // The text is the password, not its bytes.
    const password = this.secretOf(tokenId).toString('base64')
    const salted = await saltedPassword(mechanism, password, salt, LEAST_ITERATIONS)
    return scramCredential(mechanism, salted, salt, LEAST_ITERATIONS)
  }
}
