/** Files that the disk refused to read, write or make durable. `cause` is what the operating system said. */
export class StorageError extends Error {
  readonly code = 'KAFKA_STORAGE_ERROR'

  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'StorageError'
  }
}

/** A log directory that can't be used as it is: held by another process, written for another node, unreadable. */
export class LogDirectoryError extends Error {
  readonly code:
    | 'LOG_DIRECTORY_LOCKED'
    | 'META_PROPERTIES_INVALID'
    | 'LOG_DIRECTORY_UNUSABLE'
    | 'PARTITION_DUPLICATED'
    | 'LOG_DIRECTORY_DUPLICATED'
    | 'LOG_DIRECTORY_FOREIGN'

  constructor(code: LogDirectoryError['code'], message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
    this.name = 'LogDirectoryError'
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** An error's code where the operating system gave it: ENOSPC, EIO, but not ERR_ASSERTION. */
const SYSTEM_CODE = /^E(?!RR_)[A-Z0-9]+$/

/** Whether the operating system refused something; such an error may have come from a thread with its message and code only. */
export function isSystemError(error: unknown): error is { readonly code: string } {
  const code = (error as { code?: unknown } | null)?.code
  return typeof code === 'string' && SYSTEM_CODE.test(code)
}
