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

  constructor(code: LogDirectoryError['code'], message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
    this.name = 'LogDirectoryError'
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
