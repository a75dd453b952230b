import type { Listeners } from '../config/listeners.ts'
import type { Host } from '../host/host.ts'
import { StartError } from '../server/start-error.ts'

/** Who may have how many files and sockets open. */
export interface OpenFileShares {
  /** Files of partitions, of which those used least recently are closed. */
  readonly logFiles: number
  /** On the listeners for clients and other brokers. */
  readonly connections: number
  /** On those of the quorum, which no number of clients may keep other controllers from. */
  readonly controllerConnections: number
}

/** The kinds of listeners that a node has. */
interface Listening {
  readonly clients: boolean
  readonly controllers: boolean
}

/** Standard streams, the event loop, threads, listeners, locks, and what is being replaced or synced at a time. */
const OTHERS = 256
const LEAST_LOG_FILES = 256
const LEAST_CONNECTIONS = 64
/** Every broker keeps some, and every controller one. */
const LEAST_CONTROLLER_CONNECTIONS = 16
const CONTROLLERS_PART = 8
/** More gains nothing: a file is opened in microseconds. */
const MOST_LOG_FILES = 32_768
const UNKNOWN: OpenFileShares = {
  logFiles: 2048,
  connections: Infinity,
  controllerConnections: Infinity,
}

/** What the limit of open files has to be at least. */
export const LEAST_OPEN_FILES = OTHERS + LEAST_LOG_FILES + LEAST_CONNECTIONS

/**
 * Shares out the limit of open files between the logs and the connections.
 * @param limit the process's; null where it isn't known
 * @returns null where it is too low for a broker, however few its partitions
 */
export function shareOpenFiles(limit: number | null, listening: Listening): OpenFileShares | null {
  if (limit === null) return UNKNOWN
  if (limit < LEAST_OPEN_FILES) return null
  const free = limit - OTHERS
  const logFiles = Math.min(MOST_LOG_FILES, Math.max(LEAST_LOG_FILES, Math.floor(free / 2)))
  const sockets = free - logFiles
  const controllerConnections = shareOfControllers(sockets, listening)
  return { logFiles, connections: sockets - controllerConnections, controllerConnections }
}

function shareOfControllers(sockets: number, { clients, controllers }: Listening): number {
  if (!controllers) return 0
  if (!clients) return sockets
  return Math.max(LEAST_CONTROLLER_CONNECTIONS, Math.floor(sockets / CONTROLLERS_PART))
}

/** @throws StartError where the limit of open files is too low for any broker */
export function openFilesOf(
  { disk }: Pick<Host, 'disk'>,
  { broker, controller }: Pick<Listeners, 'broker' | 'controller'>,
): OpenFileShares {
  const limit = disk.openFileLimit()
  const listening = { clients: broker.length > 0, controllers: controller.length > 0 }
  const shares = shareOpenFiles(limit, listening)
  if (shares !== null) return shares
  const message = `A broker needs ${LEAST_OPEN_FILES} open files at least, and this process may have ${limit}: raise the limit (ulimit -n, LimitNOFILE of a systemd unit, --ulimit nofile of a container)`
  throw new StartError(message)
}
