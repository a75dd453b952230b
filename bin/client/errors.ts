import { errors, type ErrorDefinition, type ErrorName } from '../../protocol/errors.ts'

/**
 * What went wrong on the way to a broker or at it:
 * `BAD_ADDRESS`, `CONNECTION_REFUSED`, `HOST_NOT_FOUND`, `CONNECT_FAILED`, `CONNECT_TIMEOUT` no connection came about;
 * `CONNECTION_CLOSED` it ended with requests unanswered; `REQUEST_TIMEOUT` no answer in time; `NOT_KAFKA` what came back
 * isn't Kafka's protocol; `UNSUPPORTED_VERSION` the broker has no version of the API in common with us;
 * `NO_SUCH_PARTITION` the topic has fewer; `BROKER_ERROR` the broker answered with an error (then it is a BrokerError).
 */
export type ClientErrorCode =
  | 'BAD_ADDRESS'
  | 'CONNECTION_REFUSED'
  | 'HOST_NOT_FOUND'
  | 'CONNECT_FAILED'
  | 'CONNECT_TIMEOUT'
  | 'CONNECTION_CLOSED'
  | 'REQUEST_TIMEOUT'
  | 'NOT_KAFKA'
  | 'UNSUPPORTED_VERSION'
  | 'NO_SUCH_PARTITION'
  | 'BROKER_ERROR'

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
  return error instanceof ClientError && error.code === 'CONNECTION_CLOSED'
}

/** Throws a BrokerError unless the error is NONE. */
export function throwUnlessNone(
  error: ErrorName,
  what: string,
  detail: string | null = null,
): void {
  if (error !== 'NONE') throw new BrokerError(error, what, detail)
}
