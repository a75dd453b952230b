import type { Codecs } from '../../protocol/records/codecs.ts'
import type { Host } from '../host/host.ts'
import type { Log } from '../log/log.ts'
import type { CommittedBatch } from './committed-reader.ts'
import type { QuorumHistory } from './history.ts'
import type { Peers } from './peers.ts'
import type { Retention } from './retention.ts'
import type { LoadedSnapshot } from './snapshot.ts'
import type { LogPosition, RaftTimeouts, ReplicaKey, Voter } from './types.ts'

/** Who is told of what becomes of the quorum's log. */
export interface QuorumListener {
  /** The state up to `id.offset` (exclusive), in place of everything before. Nothing else is told until it resolves. */
  loadSnapshot(id: LogPosition, snapshot: LoadedSnapshot): void | Promise<void>
  /** In order, without gaps, before the `done` of its append. A large one comes in parts. */
  committed(batch: CommittedBatch): void
  /** All that this node knows to be committed was told; said after each step that ends so. */
  caughtUp(): void
  /** This node leads, and what was before its epoch is committed and was told. */
  leading(epoch: number): void
  /** It leads no longer; it may lead again. */
  resigned(): void
  /**
   * This node, which leads, is about to append a change of the voters. Where the listener counts on offsets from `nextOffset`
   * on, it appends what is to have them before this returns.
   */
  beforeVoters(): void
  /** `Quorum.leader` is another one, or where it is has changed. */
  leaderChanged(): void
  /** The log failed: nothing is appended or told any more. */
  failed(error: Error): void
}

export interface QuorumOptions {
  readonly host: Host
  readonly codecs: Codecs
  /** `__cluster_metadata-0`: snapshots and quorum-state are here, beside the log. */
  readonly directory: string
  /** Opens and recovers the log in that directory. */
  readonly openLog: () => Log
  readonly self: ReplicaKey
  /**
   * Somebody has formatted the directory, and so says that it has no votes to remember. Without that a voter of a static quorum
   * that remembers none asks all others before it votes.
   */
  readonly isFormatted?: boolean
  /** The voters where neither log nor snapshot names any: those of a static quorum (kraft.version 0). */
  readonly initialVoters: readonly Voter[]
  readonly peers: Peers
  readonly timeouts: RaftTimeouts
  readonly retention: Retention
  readonly listener: QuorumListener
}

/** What was on disk. */
export interface Found {
  readonly history: QuorumHistory
  readonly snapshot: LogPosition | null
}
