import { DescribeCluster } from '../../protocol/messages/describe-cluster.ts'
import type { NamedVoter, QuorumMembership } from '../config/joining.ts'
import { formatAddress } from '../host/address.ts'
import type { Address } from '../host/address.ts'
import type { Host, Logger } from '../host/host.ts'
import { randomId } from '../metadata/ids.ts'
import { Connection } from '../peer/connection.ts'
import { PeerError } from '../peer/errors.ts'
import type { PeerHost } from '../peer/security.ts'

const AGAIN_MS = 200
/** How often it is told whom a node still waits for. */
const TELL_MS = 10_000
const CONTROLLERS = 2
/** [KIP-919] From which on a client says that it means controllers. */
const FIRST_VERSION_WITH_ENDPOINT_TYPE = 1

const REFUSED =
  "it may not tell this node (CLUSTER_AUTHORIZATION_FAILED): have the node's principal in super.users, or give it ALTER on the cluster"

interface SearchOptions {
  readonly host: PeerHost & Pick<Host, 'log' | 'random'>
  readonly nodeId: number
  readonly membership: QuorumMembership
  /** `controller.quorum.request.timeout.ms` */
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

/** What a controller says of its cluster; or nothing that counts. */
type Word = { readonly clusterId: string } | 'none' | Silence

/** Why there is no word that counts. */
interface Silence {
  readonly silent: string
}

interface Asked {
  readonly at: Address
  readonly word: Word
}

/**
 * The cluster of a node that was told none: the one that a controller of its quorum names. Where all voters are there and none
 * belongs to a cluster, the one with the lowest id makes one; as no other does, and it asks all others before, there is one.
 * @param options until when: a signal that is aborted rejects with its reason
 */
export async function searchCluster(options: SearchOptions): Promise<string> {
  const { host, nodeId, membership, signal } = options
  const { voters, servers, kind } = membership
  const places = kind === 'static' ? voters.filter(({ id }) => id !== nodeId) : servers
  const log = host.log.child({ part: 'cluster' })
  log.info(
    { controllers: places.map(formatAddress) },
    'This node belongs to no cluster yet, and asks the controllers for theirs',
  )
  let tellAt = host.clock.monotonic() + TELL_MS
  for (;;) {
    signal.throwIfAborted()
    const round = Promise.all(
      places.map(async (at): Promise<Asked> => ({ at, word: await ask(options, at) })),
    )
    const asked = await unlessAborted(round, signal)
    signal.throwIfAborted()
    const found = agreed(asked, log)
    if (found !== null) return found
    const isNew = asked.every(({ word }) => word === 'none')
    if (isNew && kind === 'static' && isLowest(nodeId, voters)) {
      const clusterId = randomId(host.random)
      log.info({ clusterId }, 'All voters are there and belong to no cluster: this is a new one')
      return clusterId
    }
    if (host.clock.monotonic() >= tellAt) {
      tellAt += TELL_MS
      tell(asked, log)
    }
    await pause(options)
  }
}

const isLowest = (nodeId: number, voters: readonly NamedVoter[]): boolean =>
  voters.some(({ id }) => id === nodeId) && voters.every(({ id }) => id >= nodeId)

function agreed(asked: readonly Asked[], log: Logger): string | null {
  const named = asked.flatMap(({ at, word }) =>
    word === 'none' || 'silent' in word ? [] : [{ at, ...word }],
  )
  const [first, ...others] = named
  if (first === undefined) return null
  if (others.every(({ clusterId }) => clusterId === first.clusterId)) return first.clusterId
  const clusters = Object.fromEntries(
    named.map(({ at, clusterId }) => [formatAddress(at), clusterId]),
  )
  log.error(
    { clusters },
    'The controllers belong to different clusters: correct controller.quorum.voters and controller.quorum.bootstrap.servers, or move the directories of those away that are wrong here',
  )
  return null
}

function tell(asked: readonly Asked[], log: Logger): void {
  const silent = asked.flatMap(({ at, word }) =>
    word !== 'none' && 'silent' in word ? [[formatAddress(at), word.silent] as const] : [],
  )
  if (silent.length > 0) {
    log.warn(
      { silent: Object.fromEntries(silent) },
      'This node belongs to no cluster yet, and waits: a new cluster begins when all its voters are there',
    )
  } else {
    const lowest = 'All others are there, and wait for the cluster of the voter with the lowest id'
    log.info({}, lowest)
  }
}

async function ask({ host, nodeId, timeoutMs }: SearchOptions, at: Address): Promise<Word> {
  const limits = { connectTimeoutMs: timeoutMs, requestTimeoutMs: timeoutMs }
  let connection: Connection
  try {
    connection = await Connection.open(host, at, { clientId: `raft-client-${nodeId}`, ...limits })
  } catch (error) {
    return silence(error)
  }
  try {
    const version = connection.versionOf(DescribeCluster)
    if (version === null || version < FIRST_VERSION_WITH_ENDPOINT_TYPE) {
      return { silent: 'it tells nothing of controllers' }
    }
    const { errorCode, clusterId } = await connection.request(
      DescribeCluster,
      {
        includeClusterAuthorizedOperations: false,
        endpointType: CONTROLLERS,
        includeFencedBrokers: false,
      },
      { version },
    )
    // Who belongs to no cluster says that it is the controller of none.
    if (errorCode === 'NOT_CONTROLLER') return 'none'
    if (errorCode === 'NONE' && clusterId !== '') return { clusterId }
    return { silent: errorCode === 'CLUSTER_AUTHORIZATION_FAILED' ? REFUSED : errorCode }
  } catch (error) {
    return silence(error)
  } finally {
    connection.close()
  }
}

function silence(error: unknown): Silence {
  if (error instanceof PeerError) return { silent: error.message }
  throw error
}

/** What goes on may go on for as long as its own limits let it: nobody waits for it. */
function unlessAborted<Result>(work: Promise<Result>, signal: AbortSignal): Promise<Result> {
  return new Promise((resolve, reject) => {
    const end = (): void => reject(signal.reason as Error)
    signal.addEventListener('abort', end)
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', end))
  })
}

function pause({ host, signal }: SearchOptions): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      timer.cancel()
      signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = host.clock.after(AGAIN_MS, end)
    signal.addEventListener('abort', end)
  })
}
