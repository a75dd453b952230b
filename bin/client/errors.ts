import { errors, type ErrorDefinition, type ErrorName } from '../../protocol/errors.ts'
import { PeerError } from '../../src/peer/errors.ts'

/**
 * What went wrong here or at a broker, beside what a PeerError says of the way to it: `BAD_ADDRESS` what was given is none;
 * `CLIENT_CLOSED` there is no way any more; `NO_SUCH_PARTITION` the topic has fewer; `BROKER_ERROR` the broker answered with
 * an error (then it is a BrokerError).
 */
export type ClientErrorCode = 'BAD_ADDRESS' | 'CLIENT_CLOSED' | 'NO_SUCH_PARTITION' | 'BROKER_ERROR'

/** A request that came to nothing. `remedy` says what a person can do about it, where that is known. */
export class ClientError extends Error {
  override readonly name: string = 'ClientError'
  readonly code: ClientErrorCode
  readonly remedy: string | null

  constructor(
    code: ClientErrorCode,
    message: string,
    options: { cause?: unknown; remedy?: string } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.remedy = options.remedy ?? null
  }
}

/** An error that a broker answered with, as a value of Kafka's vocabulary. */
export class BrokerError extends ClientError {
  override readonly name = 'BrokerError'
  readonly error: ErrorName

  /** @param what what was asked for, as the beginning of a sentence: "Topic orders" */
  constructor(
    error: ErrorName,
    what: string,
    detail: string | null = null,
    options: { remedy?: string } = {},
  ) {
    super('BROKER_ERROR', `${what}: ${detail ? `${detail} (${error})` : error}`, options)
    this.error = error
  }
}

/** Whether sending the same again may succeed: as Kafka's own clients see it, and when a connection broke under way. */
export function isRetriable(error: unknown): boolean {
  if (error instanceof BrokerError) {
    const definition: ErrorDefinition | undefined = errors[error.error]
    return definition?.retriable ?? false
  }
  return error instanceof PeerError && error.code === 'CONNECTION_CLOSED'
}

/** Throws a BrokerError unless the error is NONE. */
export function throwUnlessNone(
  error: ErrorName,
  what: string,
  detail: string | null = null,
): void {
  if (error !== 'NONE') throw new BrokerError(error, what, detail)
}
