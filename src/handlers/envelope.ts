import type { ErrorName } from '../../protocol/errors.ts'
import { DescribeQuorum } from '../../protocol/messages/describe-quorum.ts'
import { Envelope } from '../../protocol/messages/envelope.ts'
import type { EnvelopeRequest } from '../../protocol/messages/envelope.ts'
import { addressText } from '../host/ip-address.ts'
import { decodePrincipal } from '../security/principal-data.ts'
import { cluster } from './access.ts'
import type { ConnectionContext } from './context.ts'
import { handle } from './handler.ts'

/** Of key, version and correlation id. */
const LEAST_HEADER_BYTES = 8

/**
 * Envelope: v0 (KIP-590). A client's request that a broker has forwarded: it is answered as if the client itself had sent
 * it, by its principal and its address. Where this isn't the active controller, or is it no longer when the request comes to
 * be decided, the envelope's own error says so, and the broker looks for another one.
 */
export const envelope = handle(Envelope, {
  access: cluster('CLUSTER_ACTION', (_request, { errorCode }) => refused(errorCode)),
  at: 'controller',
}).by(async (request, { connection, services }) => {
  if (!services.controller.isController) return refused('NOT_CONTROLLER')
  const client = clientOf(request, connection)
  if (typeof client === 'string') return refused(client)
  const { requestData } = request
  const answered = await connection.listener.answerForwarded(requestData, client)
  if ('refused' in answered) return refused(answered.refused)
  const { responseData, answer } = answered
  // The quorum's own word for it.
  const isQuorum = requestData.readInt16BE(0) === DescribeQuorum.key
  const notHere = isQuorum ? 'NOT_LEADER_OR_FOLLOWER' : 'NOT_CONTROLLER'
  return tells(answer, notHere) ? refused('NOT_CONTROLLER') : { errorCode: 'NONE', responseData }
})

function refused(errorCode: ErrorName) {
  return { errorCode, responseData: null }
}

/** The client's own connection, as it were; or what is wrong with what is said of it. */
function clientOf(
  { requestData, requestPrincipal, clientHostAddress }: EnvelopeRequest,
  connection: ConnectionContext,
): ConnectionContext | ErrorName {
  const principal = requestPrincipal === null ? null : decodePrincipal(requestPrincipal)
  if (principal === null) return 'PRINCIPAL_DESERIALIZATION_FAILURE'
  const host = addressText(clientHostAddress)
  if (host === null) return 'INVALID_REQUEST'
  if (requestData.length < LEAST_HEADER_BYTES) return 'UNSUPPORTED_VERSION'
  // The broker's SASL session is none of the client's.
  return { ...connection, host, authentication: { principal, isPending: false }, sasl: null }
}

/** Whether an answer, or a part of it, has this error. */
function tells(answer: unknown, error: ErrorName): boolean {
  if (typeof answer !== 'object' || answer === null || ArrayBuffer.isView(answer)) return false
  if ((answer as { errorCode?: unknown }).errorCode === error) return true
  return Object.values(answer).some((part) => tells(part, error))
}
