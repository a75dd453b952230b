import { isSystemError, LogDirectoryError, messageOf } from '../log/base/errors.ts'
import type { LogDirectory } from '../log/directory/directory.ts'

/** A broker can't start, for a reason that its operator can mend. The message says what to do. */
export class StartError extends Error {
  override readonly name = 'StartError'
  readonly code = 'ERR_START'
}

/**
 * What to tell the operator of a start that failed: where it was the disk, which directory is on it and what to do.
 * @param directory the one with the metadata; of others that fail a start only takes note
 */
export function startFailure(error: unknown, { failure, path }: LogDirectory): unknown {
  const cause = failure?.cause ?? (isSystemError(error) ? error : null)
  if (cause === null || error instanceof LogDirectoryError) return error
  const isFull = /^(ENOSPC|EDQUOT)$/.test((cause as { code?: string }).code ?? '')
  const message = `The log directory ${path}, which has the cluster's metadata, failed: ${messageOf(cause)}. ${isFull ? 'Make room on its disk' : 'Mend it'}, or set log.dirs to another one`
  return new LogDirectoryError('LOG_DIRECTORY_UNUSABLE', message, { cause })
}
