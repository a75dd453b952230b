import type { Host } from '../host/host.ts'
import { StartError } from '../server/start-error.ts'

/** Who may have how many files and sockets open. */
export interface OpenFileShares {
  /** Files of partitions, of which those used least recently are closed. */
  readonly logFiles: number
  readonly connections: number
}

/** Standard streams, the event loop, threads, listeners, locks, and what is being replaced or synced at a time. */
const OTHERS = 256
const LEAST_LOG_FILES = 256
const LEAST_CONNECTIONS = 64
/** More gains nothing: a file is opened in microseconds. */
const MOST_LOG_FILES = 32_768
const UNKNOWN: OpenFileShares = { logFiles: 2048, connections: Infinity }

/** What the limit of open files has to be at least. */
export const LEAST_OPEN_FILES = OTHERS + LEAST_LOG_FILES + LEAST_CONNECTIONS

/**
 * Shares out the limit of open files between the logs and the connections.
 * @param limit the process's; null where it isn't known
 * @returns null where it is too low for a broker, however few its partitions
 */
export function shareOpenFiles(limit: number | null): OpenFileShares | null {
  if (limit === null) return UNKNOWN
  if (limit < LEAST_OPEN_FILES) return null
  const free = limit - OTHERS
  const logFiles = Math.min(MOST_LOG_FILES, Math.max(LEAST_LOG_FILES, Math.floor(free / 2)))
  return { logFiles, connections: free - logFiles }
}

/** @throws StartError where the limit of open files is too low for any broker */
export function openFilesOf({ disk }: Pick<Host, 'disk'>): OpenFileShares {
  const limit = disk.openFileLimit()
  const shares = shareOpenFiles(limit)
  if (shares !== null) return shares
  const message = `A broker needs ${LEAST_OPEN_FILES} open files at least, and this process may have ${limit}: raise the limit (ulimit -n, LimitNOFILE of a systemd unit, --ulimit nofile of a container)`
  throw new StartError(message)
}
