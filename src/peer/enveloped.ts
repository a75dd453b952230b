import { codecOf } from '../../protocol/codec.ts'
import { Envelope } from '../../protocol/messages/envelope.ts'
import {
  RequestHeader,
  ResponseHeader,
  requestHeaderVersion,
  responseHeaderVersion,
} from '../../protocol/messages/headers.ts'
import type { Api, Decoded, Encoded, Shape } from '../../protocol/schema.ts'
import { DecodeError, Reader } from '../../protocol/wire/reader.ts'
import { Writer } from '../../protocol/wire/writer.ts'
import { formatAddress } from '../host/address.ts'
import type { Connection } from './connection.ts'
import { PeerError } from './errors.ts'

/** [KIP-590] The client in whose name a broker asks the controller. */
export interface EnvelopeSender {
  readonly clientId: string
  /** As Kafka's default serde writes it. */
  readonly requestPrincipal: Buffer
  /** 4 or 16 bytes. */
  readonly clientHostAddress: Buffer
}

/** The controller has not judged what came in an Envelope: what it said of the Envelope itself. */
export class EnvelopeError extends Error {
  override readonly name = 'EnvelopeError'
}

/**
 * Asks in a client's name: the controller judges the client's rights, not those of this node.
 * @returns null where who was asked says that it isn't the active controller
 * Rejects with PeerError and EnvelopeError
 */
export async function requestFor<Q extends Shape, R extends Shape>(
  connection: Connection,
  { clientId, ...sender }: EnvelopeSender,
  api: Api<Q, R>,
  body: Encoded<Q>,
  timeoutMs: number,
): Promise<Decoded<R> | null> {
  const version = connection.versionOf(api)
  if (version === null) {
    const message = `The controller at ${formatAddress(connection.address)} has no version of ${api.name} that this node knows`
    throw new PeerError('UNSUPPORTED_VERSION', connection.address, message)
  }
  const writer = new Writer()
  codecOf(RequestHeader, requestHeaderVersion(api, version)).write(writer, {
    requestApiKey: api.key,
    requestApiVersion: version,
    correlationId: 0,
    clientId,
  })
  codecOf(api.request, version).write(writer, body)
  const envelope = { ...sender, requestData: writer.toBuffer() }
  const { errorCode, responseData } = await connection.request(Envelope, envelope, { timeoutMs })
  if (errorCode === 'NOT_CONTROLLER') return null
  if (errorCode !== 'NONE' || responseData === null) {
    throw new EnvelopeError(`The controller took no Envelope with ${api.name}: ${errorCode}`)
  }
  try {
    const reader: Reader = new Reader(responseData)
    codecOf(ResponseHeader, responseHeaderVersion(api, version)).read(reader)
    return codecOf(api.response, version).read(reader)
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    throw new EnvelopeError(`The answer to ${api.name} in an Envelope: ${error.message}`)
  }
}
