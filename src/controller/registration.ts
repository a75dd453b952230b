import { ControllerRegistration as RegistrationApi } from '../../protocol/messages/controller-registration.ts'
import type { Host, Logger, Timer } from '../host/host.ts'
import type { ControllerRegistration } from '../metadata/controller/commands.ts'
import { METADATA_VERSION } from '../metadata/features.ts'
import type { MetadataNode } from '../metadata/node.ts'
import { ControllerLink } from '../peer/controller-link.ts'
import type { PeerHost } from '../peer/security.ts'

/** As Kafka's ControllerRegistrationManager waits after a failure, at first. */
const RETRY_BACKOFF_MS = 100
const TIMEOUT_MS = 10_000

interface RegistrationOptions {
  readonly host: PeerHost & Pick<Host, 'log'>
  readonly metadata: Pick<
    MetadataNode,
    'image' | 'isController' | 'activeController' | 'onActiveController' | 'onChange' | 'submit'
  >
  readonly registration: ControllerRegistration
}

/**
 * [KIP-919] Has the metadata say where this controller is and what it knows, in this life of its process: told to whoever
 * leads, this node itself included, and again when the metadata no longer says it.
 */
export class SelfRegistration {
  readonly #options: RegistrationOptions
  readonly #log: Logger
  readonly #link: ControllerLink
  readonly #unfollow: () => void
  #timer: Timer | null = null
  #isAsking = false
  #isClosed = false

  /** @param options the metadata have all that was committed when this node came */
  constructor(options: RegistrationOptions) {
    const { host, metadata, registration } = options
    this.#options = options
    this.#log = host.log.child({ part: 'registration' })
    this.#link = new ControllerLink({
      host,
      log: this.#log,
      metadata,
      clientId: String(registration.controllerId),
      connectTimeoutMs: TIMEOUT_MS,
      answerTimeoutMs: TIMEOUT_MS,
      retryBackoffMs: RETRY_BACKOFF_MS,
    })
    this.#unfollow = metadata.onChange(() => this.#check())
    this.#check()
  }

  close(): void {
    this.#isClosed = true
    this.#timer?.cancel()
    this.#unfollow()
    this.#link.close()
  }

  #check(): void {
    if (this.#isAsking || this.#isClosed || this.#isKnown()) return
    this.#isAsking = true
    this.#ask().then(
      (errorCode) => this.#asked(errorCode === 'NONE' ? null : errorCode),
      (error: Error) => this.#asked(error.message),
    )
  }

  /** Before the first records of a cluster there is nothing to be known in. */
  #isKnown(): boolean {
    const { controllerId, incarnationId } = this.#options.registration
    const { controllers, features } = this.#options.metadata.image
    const known = controllers.get(controllerId)?.incarnationId === incarnationId
    return known || !features.has(METADATA_VERSION)
  }

  async #ask(): Promise<string> {
    const { metadata } = this.#options
    const registration = this.#options.registration
    if (metadata.isController) {
      return (await metadata.submit({ type: 'registerController', ...registration })).errorCode
    }
    const { controllerId, incarnationId, endPoints, features } = registration
    const body = {
      controllerId,
      incarnationId,
      zkMigrationReady: false,
      listeners: [...endPoints],
      features: [...features],
    }
    const isElsewhere = ({ errorCode }: { readonly errorCode: string }): boolean =>
      errorCode === 'NOT_CONTROLLER'
    const asking = { timeoutMs: TIMEOUT_MS, isElsewhere }
    return (await this.#link.ask(RegistrationApi, body, asking)).errorCode
  }

  /** What the controller has agreed to comes with the metadata; it is looked at again in any case. */
  #asked(failure: string | null): void {
    if (this.#isClosed) return
    if (failure !== null) {
      this.#log.warn({ failure }, 'This controller could not be registered yet; it is tried again')
    }
    this.#timer = this.#options.host.clock.after(RETRY_BACKOFF_MS, () => {
      this.#isAsking = false
      this.#check()
    })
  }
}
