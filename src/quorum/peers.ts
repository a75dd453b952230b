import type { LogPosition, RaftMessage, Voter } from './types.ts'

/** The way to the other nodes of the quorum. Messages may be lost, late and out of order, never changed. */
export interface Peers {
  /** Names who is told of what arrives. */
  attach(receive: (from: number, message: RaftMessage) => void): void
  /** @param voter what is known of the other node; null for an observer, which is answered where it asked */
  send(to: number, voter: Voter | null, message: RaftMessage): void
  /** Ends the connection to another node that says what can't be true. */
  disconnect(id: number): void
  /** The bytes of another node's snapshot, piece by piece (FetchSnapshot). Fails when it can't be had. */
  fetchSnapshot(from: number, voter: Voter | null, snapshot: LogPosition): AsyncIterable<Buffer>
}

/** For a quorum of one, which has nobody to talk to. */
export const NO_PEERS: Peers = {
  attach: () => undefined,
  send: () => undefined,
  disconnect: () => undefined,
  fetchSnapshot: (from) => {
    throw new Error(`Node ${from} is not known here`)
  },
}
