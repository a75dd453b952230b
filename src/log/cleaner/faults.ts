/** An error's code where the operating system gave it: ENOSPC, EIO, but not ERR_ASSERTION. */
const SYSTEM_CODE = /^E(?!RR_)[A-Z0-9]+$/

/** Whose fault an error is, also one that came from a thread with no more than its message and code. */
export function workerFault(error: unknown): 'disk' | 'missing' | 'other' {
  const code = (error as { code?: unknown } | null)?.code
  if (typeof code !== 'string' || !SYSTEM_CODE.test(code)) return 'other'
  return code === 'ENOENT' ? 'missing' : 'disk'
}
