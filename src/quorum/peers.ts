import type { Address } from '../host/address.ts'
import type {
  KraftVersions,
  LogPosition,
  RaftReply,
  RaftRequest,
  ReplicaKey,
  Voter,
} from './types.ts'

/** Who is told of what became of the requests to other nodes. */
export interface PeerListener {
  /** @param from who was asked, which may be `ANYBODY` */
  replied(from: number, reply: RaftReply): void
  /** There is no answer, and none will come. */
  unanswered(to: number, request: RaftRequest): void
  /** The process of the leader has ended that has answered fetches of this node: as its machine says, no guess by time. */
  gone(leaderId: number): void
}

/** The way to the other nodes of the quorum. Requests and replies may be lost, late and out of order, never changed. */
export interface Peers {
  /** Whether there is somebody to ask where `ANYBODY` is asked. */
  readonly discovers: boolean
  /** Of the listener by which nodes reach each other; null where there is nobody to reach. */
  readonly listenerName: string | null
  attach(listener: PeerListener): void
  /** @param voter what is known of the other node; null where it is none, or `ANYBODY` */
  send(to: number, voter: Voter | null, request: RaftRequest): void
  /**
   * Where a node's controller listener is, this node's own too; null where nobody has said.
   * @param voter what is known of it
   */
  endpointOf(id: number, voter: Voter | null): Address | null
  /**
   * [KIP-853] What a node that is to vote offers of the feature kraft.version, as it says itself; null where it has no such thing.
   * Fails where it can't be asked.
   */
  kraftVersionsOf(voter: Voter): Promise<KraftVersions | null>
  /** Ends the connection to another node that says what can't be true. */
  disconnect(id: number): void
  /**
   * The bytes of the snapshot of an epoch's leader, piece by piece (FetchSnapshot). Fails when it can't be had.
   * @param epoch in which the node was told of it
   * @param replica as whom
   */
  fetchSnapshot(
    from: number,
    voter: Voter | null,
    snapshot: LogPosition,
    epoch: number,
    replica: ReplicaKey,
  ): AsyncIterable<Buffer>
}

/** What to tell of a node that contradicts itself or others. */
export const NOT_BELIEVED =
  'A node of the quorum is not believed: see that no other node has its node.id, and that its directory is no copy, nor an old one'

/** For a quorum of one, which has nobody to talk to. */
export const NO_PEERS: Peers = {
  discovers: false,
  listenerName: null,
  attach: () => undefined,
  send: () => undefined,
  endpointOf: (_id, voter) => voter?.endpoints[0] ?? null,
  kraftVersionsOf: () => Promise.resolve(null),
  disconnect: () => undefined,
  fetchSnapshot: (from) => {
    throw new Error(`Node ${from} is not known here`)
  },
}
