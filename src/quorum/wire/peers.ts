import type { Address } from '../../host/address.ts'
import { formatAddress } from '../../host/address.ts'
import type { Clock, Host, Logger } from '../../host/host.ts'
import { RatedLog } from '../../host/rated-log.ts'
import type { ConnectionOptions } from '../../peer/connection.ts'
import { PeerError, SECURITY_FAILURES } from '../../peer/errors.ts'
import type { PeerHost } from '../../peer/security.ts'
import type { PeerListener, Peers } from '../peers.ts'
import { ANYBODY } from '../types.ts'
import type {
  KraftVersions,
  LogPosition,
  RaftRequest,
  ReplicaKey,
  Voter,
  VoterEndpoint,
} from '../types.ts'
import { LeaderWatch } from './leader-watch.ts'
import type { LookAtBroker } from './leader-watch.ts'
import type { NodeEndpoint } from './partition.ts'
import { ask, PeerRefusal } from './requests.ts'
import { fetchPieces } from './snapshot.ts'
import { Way } from './way.ts'

export interface WireOptions {
  readonly host: PeerHost & Pick<Host, 'log'>
  readonly self: ReplicaKey
  readonly clusterId: string
  /** The name of the controllers' listener by which nodes reach each other: the first of `controller.listener.names`. */
  readonly listenerName: string
  /** Of this node's own controller listeners, as others reach them; none where it is no controller. */
  readonly endpoints: () => readonly VoterEndpoint[]
  /** `controller.quorum.bootstrap.servers`, or the addresses of static voters. */
  readonly servers: readonly Address[]
  /** `controller.quorum.request.timeout.ms` */
  readonly requestTimeoutMs: number
  /** `ottla.controller.quorum.dead.leader.evidence.enable` */
  readonly looksForDeadLeader: boolean
  /** Looks after the broker in the process of a controller; null where there is none. */
  readonly lookAtBrokerOf: (controllerId: number) => LookAtBroker | null
}

const KRAFT_VERSION = 'kraft.version'
/** A node that stops waits so long for others to hear that it leads no longer. */
const SETTLE_MS = 1000

/** Of errors on the way: that nodes are not there is usual. */
const WORTH_A_LINE: readonly PeerError['code'][] = [
  'NOT_KAFKA',
  'UNSUPPORTED_VERSION',
  ...SECURITY_FAILURES,
]

/** A parked fetch must not hold up the vote behind it: each has a connection of its own. */
type Lane = 'fetch' | 'election'

/**
 * The way to the quorum's other nodes over the network, in Kafka's words (KIP-595, KIP-853). Where a voter is, the log or
 * the settings say; where the leader is, answers say, too.
 */
export class WirePeers implements Peers {
  readonly #options: WireOptions
  readonly #connecting: ConnectionOptions
  readonly #faults: RatedLog
  readonly #ways = new Map<string, Way>()
  /** Where nodes were when they were asked last, by id. */
  readonly #asked = new Map<number, Address>()
  /** Requests that are not fetches, and have no answer yet. */
  readonly #electing = new Set<Promise<void>>()
  /** The leader that an answer or its own word has told the place of. */
  #leader: NodeEndpoint | null = null
  #leaderEpoch = -1
  readonly #leaderWatch: LeaderWatch
  #listener: PeerListener | null = null
  #lastServer = 0
  #isClosed = false

  constructor(options: WireOptions) {
    const { self, requestTimeoutMs, looksForDeadLeader: isEnabled, lookAtBrokerOf, host } = options
    const { clock, log }: { clock: Clock; log: Logger } = options.host
    this.#options = options
    this.#faults = new RatedLog(log.child({ part: 'quorum' }), clock)
    this.#connecting = {
      clientId: `raft-client-${self.id}`,
      connectTimeoutMs: requestTimeoutMs,
      requestTimeoutMs,
    }
    const gone = (leaderId: number): void => this.#listener?.gone(leaderId)
    this.#leaderWatch = new LeaderWatch({ host, isEnabled, lookAtBrokerOf, gone })
  }

  get discovers(): boolean {
    return this.#options.servers.length > 0
  }

  get listenerName(): string {
    return this.#options.listenerName
  }

  attach(listener: PeerListener): void {
    this.#listener = listener
  }

  send(to: number, voter: Voter | null, request: RaftRequest): void {
    const address = to === ANYBODY ? this.#nextServer() : this.endpointOf(to, voter)
    const unanswered = (): void => {
      if (!this.#isClosed) this.#listener?.unanswered(to, request)
    }
    // Not at once: the quorum is in the middle of a step.
    if (address === null) return this.#options.host.clock.endOfTurn(unanswered)
    if (to !== ANYBODY) this.#asked.set(to, address)
    const way = this.#way(request.type === 'fetch' ? 'fetch' : 'election', address)
    const { clusterId, endpoints } = this.#options
    const asked = ask(way, { clusterId, endpoints: endpoints() }, voter, request).then(
      ({ reply, leader }) => {
        if (this.#isClosed) return
        if (leader !== null) this.learn(leader, reply.epoch)
        if (reply.type === 'fetchReply' && reply.errorCode === 'NONE') {
          this.#leaderWatch.reached(to, way.remoteAddress!, address.port)
        }
        this.#listener?.replied(to, reply)
      },
      (error: unknown) => {
        if (this.#isClosed) return
        this.#note(error, address)
        this.#leaderWatch.failed(to, address.port, error)
        unanswered()
      },
    )
    if (request.type === 'fetch') return
    this.#electing.add(asked)
    void asked.finally(() => this.#electing.delete(asked))
  }

  /** The last look after the broker in the process of the leader, where nobody has answered a fetch since; null where there was none. */
  get lookAtBroker(): LookAtBroker | null {
    return this.#leaderWatch.lookAtBroker
  }

  /** Where an epoch's leader is, as it or somebody else says. */
  learn(leader: NodeEndpoint, epoch: number): void {
    // An answer that was long on its way tells of a leader of before.
    if (leader.id === this.#options.self.id) return this.#noteTwin(leader)
    if (epoch < this.#leaderEpoch) return
    this.#leader = leader
    this.#leaderEpoch = epoch
  }

  /** A node that is no controller can't lead. */
  #noteTwin({ id, host, port }: NodeEndpoint): void {
    if (this.#options.endpoints().length > 0) return
    const where = formatAddress({ host, port })
    this.#faults.error(
      'controllers that have the id of this node',
      { address: where },
      `The controller at ${where} has the id of this node, ${id}: give this one another node.id, and a directory of its own`,
    )
  }

  /** What was said last of the leader is what holds. */
  endpointOf(id: number, voter: Voter | null): Address | null {
    const { self, listenerName, endpoints } = this.#options
    if (id === self.id) return endpointOn(listenerName, endpoints())
    if (this.#leader?.id === id) return this.#leader
    return endpointOn(listenerName, voter?.endpoints ?? [])
  }

  /** @throws PeerError */
  async kraftVersionsOf({ id, endpoints }: Voter): Promise<KraftVersions | null> {
    const address = endpointOn(this.#options.listenerName, endpoints)
    if (address === null) throw new Error(`Where node ${id} is isn't known`)
    // Anybody may ask for a voter at any address: nothing of it is kept.
    const way = new Way(this.#options.host, address, this.#connecting)
    try {
      const { supportedFeatures } = await way.apiVersions()
      const found = supportedFeatures.find(({ name }) => name === KRAFT_VERSION)
      return found === undefined ? null : { min: found.minVersion, max: found.maxVersion }
    } finally {
      way.close()
    }
  }

  disconnect(id: number): void {
    const address = this.#asked.get(id)
    if (address === undefined) return
    for (const lane of ['fetch', 'election'] as const) {
      const key = keyOf(lane, address)
      this.#ways.get(key)?.close()
      this.#ways.delete(key)
    }
  }

  async *fetchSnapshot(
    from: number,
    voter: Voter | null,
    snapshot: LogPosition,
    epoch: number,
    replica: ReplicaKey,
  ): AsyncIterable<Buffer> {
    const address = this.endpointOf(from, voter)
    if (address === null) throw new Error(`Where node ${from} is isn't known`)
    const { clusterId } = this.#options
    yield* fetchPieces(this.#way('fetch', address), { clusterId, replica, epoch, snapshot })
  }

  /** Resolves when what elections have asked and told so far is answered, or after a while. */
  async settled(): Promise<void> {
    const late = new Promise<void>((resolve) => {
      this.#options.host.clock.after(SETTLE_MS, resolve)
    })
    await Promise.race([Promise.all(this.#electing), late])
  }

  /** Nobody is asked any more, nor told. */
  close(): void {
    this.#isClosed = true
    this.#leaderWatch.close()
    this.#faults.close()
    for (const way of this.#ways.values()) way.close()
    this.#ways.clear()
  }

  #way(lane: Lane, address: Address): Way {
    const key = keyOf(lane, address)
    let way = this.#ways.get(key)
    if (way === undefined) {
      way = new Way(this.#options.host, address, this.#connecting)
      this.#ways.set(key, way)
    }
    return way
  }

  /** One after the other, this node itself aside. */
  #nextServer(): Address | null {
    const { servers, endpoints } = this.#options
    for (let tries = 0; tries < servers.length; tries++) {
      this.#lastServer = (this.#lastServer + 1) % servers.length
      const server = servers[this.#lastServer]!
      const isOwn = endpoints().some(
        ({ host, port }) => host === server.host && port === server.port,
      )
      if (!isOwn) return server
    }
    return null
  }

  /**
   * Nodes are often not there; anything else is worth a line. One that closes after the handshake of TLS may be about to stop, or
   * not trust the certificate it was shown, of which nothing else may tell.
   */
  #note(error: unknown, address: Address): void {
    const isExpected = error instanceof PeerError || error instanceof PeerRefusal
    if (error instanceof PeerError && !isWorthALine(error)) return
    const where = formatAddress(address)
    const why = isExpected ? error.message : 'The answer could not be dealt with'
    this.#faults.error(
      'answers of other nodes of the quorum that can not be used',
      isExpected ? { address: where } : { address: where, err: error },
      `The node at ${where} is of no use to the quorum: ${why}`,
    )
  }
}

const isWorthALine = ({ code, hadSaid }: PeerError): boolean =>
  WORTH_A_LINE.includes(code) || (code === 'CONNECTION_CLOSED' && hadSaid === 'handshake')

const keyOf = (lane: Lane, { host, port }: Address): string => `${lane} ${host} ${port}`

/** The endpoint on a listener; where there is none of its name the first one. */
export function endpointOn(
  listenerName: string,
  endpoints: readonly VoterEndpoint[],
): Address | null {
  const name = listenerName.toUpperCase()
  const found = endpoints.find((endpoint) => endpoint.name.toUpperCase() === name) ?? endpoints[0]
  return found === undefined ? null : { host: found.host, port: found.port }
}
