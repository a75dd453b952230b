import { ApiVersions } from '../../protocol/messages/api-versions.ts'
import type { Address } from '../host/address.ts'
import type { Socket } from '../host/host.ts'
import { Connection, connectSocket, SOFTWARE } from './connection.ts'
import type { ConnectionOptions } from './connection.ts'
import type { PeerHost } from './security.ts'
import { PeerError } from './errors.ts'

/** Where a process has answered that it is the one who is meant: the very address, for a name may lead elsewhere later. */
export interface ProvenEndpoint {
  readonly ip: string
  readonly port: number
}

/** Who is to answer. */
interface MeantNode {
  readonly clusterId: string
  readonly nodeId: number
}

/**
 * `accepted`: somebody listens there; `ended`: somebody did, and has ended the connection right after (FIN); `reset`: the machine has
 * (RST), as it does where a port is closed before its process has taken the connection; `refused`: the machine says that nobody
 * listens; `silent`: nobody has answered, as where a machine is gone or the way is cut; `failed`: it could not be tried.
 */
export type Dialled = 'accepted' | 'ended' | 'reset' | 'refused' | 'silent' | 'failed'

/** The kernel gives up, before a dial does. */
const NO_ANSWER = ['ETIMEDOUT', 'EHOSTUNREACH', 'EHOSTDOWN']

/** The first version of ApiVersions that says whom it means (KIP-1242). */
const SAYS_WHOM = 5

/**
 * Asks at an address whether a node of this cluster answers there (KIP-1242).
 * @returns null where another one answers, or one that doesn't know the question
 * @throws PeerError where nobody answers
 */
export async function proveEndpoint(
  host: PeerHost,
  address: Address,
  { clusterId, nodeId }: MeantNode,
  options: ConnectionOptions,
): Promise<ProvenEndpoint | null> {
  const connection = await Connection.open(host, address, options)
  try {
    if ((connection.versionOf(ApiVersions) ?? 0) < SAYS_WHOM) return null
    const request = { ...SOFTWARE, clusterId, nodeId }
    const { errorCode } = await connection.request(ApiVersions, request, { version: SAYS_WHOM })
    return errorCode === 'NONE' ? { ip: connection.remoteAddress, port: address.port } : null
  } finally {
    connection.close()
  }
}

/**
 * What becomes of a connection to an endpoint that was proven; what is accepted is closed again.
 * @param timeoutMs for the attempt
 * @param watchMs how long a connection that was accepted is watched for its end; 0: it is `accepted` as it is
 */
export async function dial(
  host: Pick<PeerHost, 'clock' | 'network'>,
  endpoint: ProvenEndpoint,
  timeoutMs: number,
  watchMs = 0,
): Promise<Dialled> {
  const { ip, port } = endpoint
  let socket: Socket
  try {
    socket = await connectSocket(host, { host: ip, port }, timeoutMs)
  } catch (error) {
    return isRefusedAt(endpoint, port, error) ? 'refused' : inVain(error)
  }
  const outcome = watchMs > 0 ? await endWithin(host, socket, watchMs) : 'accepted'
  socket.destroy()
  return outcome
}

function inVain(error: unknown): Dialled {
  if (!(error instanceof PeerError)) return 'failed'
  // Whoever looks late finds the acceptance and the reset at once.
  if (error.isPeersEnd) return 'reset'
  const { code = '' } = (error.cause ?? {}) as NodeJS.ErrnoException
  return error.code === 'CONNECT_TIMEOUT' || NO_ANSWER.includes(code) ? 'silent' : 'failed'
}

function endWithin(
  { clock }: Pick<PeerHost, 'clock'>,
  socket: Socket,
  limitMs: number,
): Promise<'accepted' | 'ended' | 'reset'> {
  return new Promise((resolve) => {
    // Where this process had no time to look, what came meanwhile counts.
    const late = (): void => clock.endOfTurn(() => resolve('accepted'))
    const timer = clock.after(limitMs, late)
    const close = (error?: NodeJS.ErrnoException): void => {
      timer.cancel()
      resolve(error?.code === 'ECONNRESET' ? 'reset' : 'ended')
    }
    socket.attach({ data: () => undefined, drain: () => undefined, close })
  })
}

/**
 * Whether an attempt at a port has failed since the very machine of an endpoint says that nobody listens there any more. That
 * another machine of the same name says so is no word of this one.
 */
export function isRefusedAt(endpoint: ProvenEndpoint, port: number, error: unknown): boolean {
  return (
    error instanceof PeerError && endpoint.port === port && error.refusedBy.includes(endpoint.ip)
  )
}
