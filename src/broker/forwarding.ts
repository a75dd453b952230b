import { codecOf } from '../../protocol/codec.ts'
import type { ErrorName } from '../../protocol/errors.ts'
import { CreateTopics } from '../../protocol/messages/create-topics.ts'
import type {
  CreateTopicsRequest,
  CreateTopicsResponse,
} from '../../protocol/messages/create-topics.ts'
import { Envelope } from '../../protocol/messages/envelope.ts'
import { ResponseHeader, responseHeaderVersion } from '../../protocol/messages/headers.ts'
import type { AnyApi } from '../../protocol/schema.ts'
import { DecodeError, Reader } from '../../protocol/wire/reader.ts'
import { closeConnection } from '../handlers/answer.ts'
import type { Answer } from '../handlers/answer.ts'
import type { AdvertisedApi, RequestContext } from '../handlers/context.ts'
import type { Handler } from '../handlers/handler.ts'
import type { AskingClient, NodeServices } from '../handlers/services.ts'
import type { RatedLog } from '../host/rated-log.ts'
import type { ControllerLink } from '../peer/controller-link.ts'
import { ControllerLinkError } from '../peer/controller-link.ts'
import type { EnvelopeSender } from '../peer/enveloped.ts'
import { PeerError } from '../peer/errors.ts'
import { addressBytes } from '../host/ip-address.ts'
import { encodePrincipal } from '../security/principal-data.ts'
import type { Forwarder } from '../server/forward.ts'
import { NotForwarded } from '../server/forward.ts'

/** Of a client that has none which the controller could read. */
const NO_ADDRESS = Buffer.alloc(4)
const CORRELATION_ID_AT = 4

export interface ForwardingOptions {
  readonly link: Pick<ControllerLink, 'ask' | 'apiVersions'>
  readonly faults: RatedLog
  /** Whether this node is the active controller now. */
  readonly isController: () => boolean
  /** `request.timeout.ms`: for so long another controller is looked for. */
  readonly timeoutMs: number
  /** Resolves when these topics serve here, where they are to, or after a while. */
  readonly known: (topics: readonly string[]) => Promise<void>
}

type Request = RequestContext<NodeServices>

/**
 * [KIP-590] Takes what only the controller answers to it: the client's request as it came, in an Envelope that names the
 * client. A controller that is none any more, or is lost, is asked for again while there is time, as Kafka's
 * ForwardingManager does.
 */
export class Forwarding implements Forwarder {
  readonly #options: ForwardingOptions

  constructor(options: ForwardingOptions) {
    this.#options = options
  }

  get controllerApis(): readonly AdvertisedApi[] | null {
    const { isController, link } = this.#options
    return isController() ? null : (link.apiVersions?.apiKeys ?? null)
  }

  forward(
    frame: Buffer,
    request: object,
    handler: Handler<NodeServices>,
    context: Request,
  ): Promise<Answer<object> | NotForwarded> | null {
    return this.#options.isController() ? null : this.#forward(frame, request, handler, context)
  }

  async #forward(
    frame: Buffer,
    request: object,
    { api }: Handler<NodeServices>,
    client: Request,
  ): Promise<Answer<object> | NotForwarded> {
    const { link, timeoutMs } = this.#options
    const { requestPrincipal, clientHostAddress } = senderOf(client)
    const body = { requestData: frame, requestPrincipal, clientHostAddress }
    try {
      const { errorCode, responseData } = await link.ask(Envelope, body, {
        timeoutMs,
        isElsewhere: (answer) => answer.errorCode === 'NOT_CONTROLLER',
      })
      // The client learns of the versions that there are when it connects again.
      if (errorCode === 'UNSUPPORTED_VERSION') return closeConnection
      if (errorCode !== 'NONE' || responseData === null) return this.#failed(api, errorCode)
      const answer = read(api, client.version, responseData, frame.readInt32BE(CORRELATION_ID_AT))
      if (api.key === CreateTopics.key) await this.#made(request, answer)
      return answer
    } catch (error) {
      if (error instanceof ControllerLinkError) {
        return new NotForwarded({ errorCode: 'REQUEST_TIMED_OUT', errorMessage: error.message })
      }
      if (error instanceof PeerError || error instanceof DecodeError) {
        return this.#failed(api, error.message)
      }
      throw error
    }
  }

  /** Who has made a topic looks for it next, here: the controller's answer may be faster than its log. */
  async #made(request: object, answer: object): Promise<void> {
    if ((request as CreateTopicsRequest).validateOnly) return
    const { topics } = answer as CreateTopicsResponse
    const made = topics.filter(({ errorCode }) => errorCode === 'NONE')
    await this.#options.known(made.map(({ name }) => name))
  }

  /** Nothing that the client could mend, so that it learns no more. */
  #failed({ name }: AnyApi, reason: ErrorName | string): NotForwarded {
    const message = `A client's request was not answered by the controller: ${reason}`
    this.#options.faults.warn('requests that could not be forwarded', { api: name }, message)
    return new NotForwarded({ errorCode: 'UNKNOWN_SERVER_ERROR', errorMessage: null })
  }
}

/** What an Envelope says of a client. */
export function senderOf({ clientId, principal, connection }: AskingClient): EnvelopeSender {
  return {
    clientId,
    requestPrincipal: encodePrincipal(principal),
    clientHostAddress: addressBytes(connection.host) ?? NO_ADDRESS,
  }
}

/** @throws DecodeError */
function read(api: AnyApi, version: number, bytes: Buffer, expected: number): object {
  const reader: Reader = new Reader(bytes)
  const { correlationId } = codecOf(ResponseHeader, responseHeaderVersion(api, version)).read(
    reader,
  )
  if (correlationId !== expected) reader.fail(`answer ${correlationId} in place of ${expected}`)
  const answer = codecOf(api.response, version).read(reader)
  if (reader.remaining > 0) reader.fail(`${reader.remaining} bytes too many`)
  return answer
}
