import { isSystemError } from '../base/errors.ts'

/** Whose fault an error is, also one that came from a thread with no more than its message and code. */
export function workerFault(error: unknown): 'disk' | 'missing' | 'other' {
  if (!isSystemError(error)) return 'other'
  return error.code === 'ENOENT' ? 'missing' : 'disk'
}
