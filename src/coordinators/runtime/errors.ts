import type { ErrorName } from '../../../protocol/errors.ts'
import { ShardError } from '../../machine/runtime.ts'

/** A request that the coordinator can't serve, with the error to tell. */
export class CoordinatorError extends Error {
  override readonly name = 'CoordinatorError'
  readonly code: ErrorName

  constructor(code: ErrorName, cause?: unknown) {
    super(code, { cause })
    this.code = code
  }
}

/** What the log of a shard doesn't take, or has lost. `code` is the protocol's name for the reason. */
export class AppendError extends Error {
  override readonly name = 'AppendError'
  readonly code: ErrorName

  constructor(code: ErrorName, message: string) {
    super(message)
    this.code = code
  }
}

/**
 * What a client is told of an error of a shard or its log: clients look for the coordinator again after some of Kafka's errors,
 * and just ask again after others.
 * @throws what is neither
 */
export function errorToTell(error: unknown): ErrorName {
  if (error instanceof ShardError) {
    if (error.code === 'ERR_COMMIT_TIMEOUT') return 'COORDINATOR_NOT_AVAILABLE'
    return error.cause instanceof AppendError ? errorToTell(error.cause) : 'NOT_COORDINATOR'
  }
  if (!(error instanceof AppendError)) throw error
  switch (error.code) {
    case 'UNKNOWN_TOPIC_OR_PARTITION':
    case 'NOT_ENOUGH_REPLICAS':
    case 'REQUEST_TIMED_OUT':
      return 'COORDINATOR_NOT_AVAILABLE'
    case 'NOT_LEADER_OR_FOLLOWER':
    case 'FENCED_LEADER_EPOCH':
    case 'UNKNOWN_LEADER_EPOCH':
    case 'KAFKA_STORAGE_ERROR':
      return 'NOT_COORDINATOR'
    case 'INVALID_PRODUCER_EPOCH':
    case 'INVALID_TXN_STATE':
    case 'TRANSACTION_COORDINATOR_FENCED':
      return error.code
    default:
      return 'UNKNOWN_SERVER_ERROR'
  }
}
