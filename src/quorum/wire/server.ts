import type { ErrorName } from '../../../protocol/errors.ts'
import type {
  BeginQuorumEpoch,
  BeginQuorumEpochRequest,
  BeginQuorumEpochResponse,
} from '../../../protocol/messages/begin-quorum-epoch.ts'
import type {
  EndQuorumEpochRequest,
  EndQuorumEpochResponse,
} from '../../../protocol/messages/end-quorum-epoch.ts'
import type {
  FetchSnapshotRequest,
  FetchSnapshotResponse,
} from '../../../protocol/messages/fetch-snapshot.ts'
import type { FetchRequest, FetchResponse } from '../../../protocol/messages/fetch.ts'
import type {
  UpdateRaftVoterRequest,
  UpdateRaftVoterResponse,
} from '../../../protocol/messages/update-raft-voter.ts'
import type { VoteRequest, VoteResponse } from '../../../protocol/messages/vote.ts'
import type { Address } from '../../host/address.ts'
import type { TellAnswer } from '../pending-answers.ts'
import { epochProblem, isKeyOf } from '../rules.ts'
import type { SnapshotPiece } from '../snapshot-pieces.ts'
import type {
  EpochProblem,
  FetchReply,
  RaftReply,
  RaftRequest,
  ReplicaKey,
  SnapshotRequest,
} from '../types.ts'
import {
  isMetadataIndex,
  METADATA_PARTITION,
  METADATA_TOPIC,
  METADATA_TOPIC_ID,
  onlyPartition,
} from './partition.ts'
import type { Asker } from '../unsent.ts'
import { endpointOn } from './peers.ts'
import type { VoterChange, VoterOutcome } from '../voter-changes.ts'
import type { NodeEndpoint } from './partition.ts'

/** The part of a node in the quorum, as others ask it. */
export interface AskedQuorum {
  readonly epoch: number
  /** -1: unknown. */
  readonly leaderId: number
  /** Where a node's controller listener is, this one's too; null where nobody has said. */
  endpointOf(id: number): Address | null
  request(request: RaftRequest, answer: TellAnswer, asker?: Asker): void
  changeVoters(change: VoterChange): Promise<VoterOutcome>
  readSnapshot(
    request: SnapshotRequest,
    asker?: Asker,
  ): Promise<SnapshotPiece | { readonly errorCode: EpochProblem }>
}

export interface RaftServerOptions {
  /** Nobody asks before there is one. */
  readonly quorum: () => AskedQuorum
  readonly self: ReplicaKey
  readonly clusterId: string
  /** Name of the controllers' listener by which nodes reach each other. */
  readonly listenerName: string
  /** A leader says where it is, in its epoch. */
  readonly learn: (leader: NodeEndpoint, epoch: number) => void
}

type EpochPartition = Pick<
  (typeof BeginQuorumEpoch)['response']['encoded']['topics'][number]['partitions'][number],
  'errorCode' | 'leaderId' | 'leaderEpoch'
>

/** KIP-1166: the follower doesn't say what it knows to be committed, and is not woken for that. */
const NOT_TOLD = 0x7fff_ffff_ffff_ffffn

/**
 * Answers the quorum's requests of other nodes, each once and in its own words. Null: there is no answer, and the connection
 * should end. An error on the whole request or INVALID_REQUEST gets who did wrong, and nobody else: it ends the process of
 * Apache Kafka.
 */
export class RaftServer {
  readonly #options: RaftServerOptions

  constructor(options: RaftServerOptions) {
    this.#options = options
  }

  /** @param request its version 0 names nobody who is asked: it is this node */
  async vote(request: VoteRequest): Promise<VoteResponse | null> {
    const asked = onlyPartition<{ topicName: string }, VotePartition>(request, isMetadataIndex)
    const problem = this.#problem(request.clusterId, asked)
    if (asked === null || problem !== null) return { errorCode: problem ?? 'NONE', topics: [] }
    const reply = await this.#ask({
      type: 'vote',
      candidate: { id: asked.replicaId, directoryId: asked.replicaDirectoryId },
      voter: this.#voterOf(request.voterId, asked.voterDirectoryId),
      epoch: asked.replicaEpoch,
      lastOffset: asked.lastOffset,
      lastEpoch: asked.lastOffsetEpoch,
      preVote: asked.preVote,
    })
    if (reply?.type !== 'voteReply') return null
    const { errorCode, granted: voteGranted } = reply
    return this.#answer({ ...this.#epochOf(reply), errorCode, voteGranted })
  }

  async beginQuorumEpoch(
    request: BeginQuorumEpochRequest,
  ): Promise<BeginQuorumEpochResponse | null> {
    const asked = onlyPartition<{ topicName: string }, BeginPartition>(request, isMetadataIndex)
    const problem = this.#problem(request.clusterId, asked)
    if (asked === null || problem !== null) return { errorCode: problem ?? 'NONE', topics: [] }
    const { self, listenerName, learn } = this.#options
    if (!isKeyOf(self, this.#voterOf(request.voterId, asked.voterDirectoryId))) {
      return this.#answer({ ...this.#known(), errorCode: 'INVALID_VOTER_KEY' })
    }
    const { leaderId, leaderEpoch: epoch } = asked
    const at = endpointOn(listenerName, request.leaderEndpoints)
    // Before the quorum is told, which fetches from there at once.
    if (at !== null && this.#believes(leaderId, epoch)) learn({ id: leaderId, ...at }, epoch)
    return this.#tellEpoch({ type: 'beginQuorumEpoch', leaderId, epoch })
  }

  async endQuorumEpoch(request: EndQuorumEpochRequest): Promise<EndQuorumEpochResponse | null> {
    const asked = onlyPartition<{ topicName: string }, EndPartition>(request, isMetadataIndex)
    const problem = this.#problem(request.clusterId, asked)
    if (asked === null || problem !== null) return { errorCode: problem ?? 'NONE', topics: [] }
    const { leaderId, leaderEpoch: epoch } = asked
    const named = asked.preferredCandidates.map(({ candidateId, candidateDirectoryId }) => ({
      id: candidateId,
      directoryId: candidateDirectoryId,
    }))
    // In version 0 they have no directories.
    const older = asked.preferredSuccessors.map((id) => this.#keyOf(id))
    const preferredCandidates = named.length > 0 ? named : older
    return this.#tellEpoch({ type: 'endQuorumEpoch', leaderId, epoch, preferredCandidates })
  }

  async fetch(request: FetchRequest, asker?: Asker): Promise<FetchResponse | null> {
    const asked = onlyPartition(
      request,
      ({ topic, topicId }, { partition }) =>
        (topic === METADATA_TOPIC || topicId === METADATA_TOPIC_ID) &&
        partition === METADATA_PARTITION,
    )
    const problem = this.#problem(request.clusterId, asked)
    if (asked === null || problem !== null) return { errorCode: problem ?? 'NONE', responses: [] }
    const { highWatermark } = asked
    const wanted: RaftRequest = {
      type: 'fetch',
      requestId: 0,
      replica: {
        id: Math.max(request.replicaId, request.replicaState.replicaId),
        directoryId: asked.replicaDirectoryId,
      },
      currentLeaderEpoch: asked.currentLeaderEpoch,
      fetchOffset: asked.fetchOffset,
      lastFetchedEpoch: asked.lastFetchedEpoch,
      highWatermark: highWatermark === NOT_TOLD ? Infinity : Number(highWatermark),
      maxWaitMs: request.maxWaitMs,
    }
    const reply = await this.#ask(wanted, asker)
    return reply?.type === 'fetchReply' ? this.#fetchAnswer(reply) : null
  }

  #fetchAnswer(reply: FetchReply): FetchResponse {
    const { errorCode, highWatermark, diverging, snapshot, records } = reply
    const { leaderId, leaderEpoch } = this.#epochOf(reply)
    const partition = {
      partitionIndex: METADATA_PARTITION,
      errorCode,
      highWatermark,
      currentLeader: { leaderId, leaderEpoch },
      abortedTransactions: [],
      records,
      ...(diverging === null
        ? {}
        : { divergingEpoch: { epoch: diverging.epoch, endOffset: diverging.offset } }),
      ...(snapshot === null
        ? {}
        : { snapshotId: { endOffset: snapshot.offset, epoch: snapshot.epoch } }),
    }
    return {
      errorCode: 'NONE',
      responses: [{ topic: METADATA_TOPIC, topicId: METADATA_TOPIC_ID, partitions: [partition] }],
      nodeEndpoints: this.#endpointsOf(leaderId),
    }
  }

  async fetchSnapshot(
    request: FetchSnapshotRequest,
    asker?: Asker,
  ): Promise<FetchSnapshotResponse> {
    const asked = onlyPartition(request, ({ name }) => name === METADATA_TOPIC)
    const problem = this.#problem(request.clusterId, asked)
    if (asked === null || problem !== null) return { errorCode: problem ?? 'NONE', topics: [] }
    const { snapshotId, position, currentLeaderEpoch, partition: index } = asked
    const piece =
      index === METADATA_PARTITION
        ? await this.#options.quorum().readSnapshot(
            {
              replica: { id: request.replicaId, directoryId: asked.replicaDirectoryId },
              currentLeaderEpoch,
              snapshot: { offset: snapshotId.endOffset, epoch: snapshotId.epoch },
              position,
              maxBytes: request.maxBytes,
            },
            asker,
          )
        : ({ errorCode: 'UNKNOWN_TOPIC_OR_PARTITION' } as const)
    const { leaderId, leaderEpoch } = this.#known()
    const hasBytes = 'bytes' in piece
    const partition = {
      index,
      errorCode: piece.errorCode,
      snapshotId,
      currentLeader: { leaderId, leaderEpoch },
      size: hasBytes ? piece.size : 0,
      position: hasBytes ? position : 0,
      unalignedRecords: hasBytes ? piece.bytes : Buffer.alloc(0),
    }
    return {
      errorCode: 'NONE',
      topics: [{ name: METADATA_TOPIC, partitions: [partition] }],
      nodeEndpoints: this.#endpointsOf(leaderId),
    }
  }

  /** [KIP-853] A voter says where it listens now, and what it knows; a static quorum takes note of it. */
  async updateVoter(request: UpdateRaftVoterRequest): Promise<UpdateRaftVoterResponse> {
    const { clusterId, currentLeaderEpoch, voterId: id, voterDirectoryId: directoryId } = request
    const quorum = this.#options.quorum()
    const isElsewhere = clusterId !== null && clusterId !== this.#options.clusterId
    const isLeader = quorum.leaderId === this.#options.self.id
    const problem = isElsewhere
      ? 'INCONSISTENT_CLUSTER_ID'
      : epochProblem(currentLeaderEpoch, quorum.epoch, isLeader)
    const { minSupportedVersion: min, maxSupportedVersion: max } = request.kRaftVersionFeature
    const voter = { id, directoryId, endpoints: request.listeners }
    const told = { kind: 'update', voter, kraftVersions: { min, max } } as const
    const wrong = min < 0 || max < min ? 'INVALID_REQUEST' : null
    const errorCode = problem ?? wrong ?? (await quorum.changeVoters(told)).errorCode
    const { leaderId, leaderEpoch } = this.#known()
    const at = leaderId < 0 ? null : quorum.endpointOf(leaderId)
    const { host, port } = at ?? { host: '', port: 0 }
    return { errorCode, currentLeader: { leaderId, leaderEpoch, host, port } }
  }

  /** Why a request is none of this quorum's; null where it is. */
  #problem(clusterId: string | null, partition: object | null): ErrorName | null {
    if (clusterId !== null && clusterId !== this.#options.clusterId) {
      return 'INCONSISTENT_CLUSTER_ID'
    }
    return partition === null ? 'INVALID_REQUEST' : null
  }

  /** Whether a node may lead an epoch, as far as this one knows. */
  #believes(leader: number, epoch: number): boolean {
    const { epoch: known, leaderId } = this.#options.quorum()
    return epoch > known || (epoch === known && (leaderId < 0 || leaderId === leader))
  }

  /** The voter that is asked; who names none means this node. */
  #voterOf(id: number, directoryId: string): ReplicaKey {
    return id < 0 ? this.#options.self : { id, directoryId }
  }

  #keyOf(id: number): ReplicaKey {
    const { self } = this.#options
    return id === self.id ? self : { id, directoryId: '' }
  }

  #ask(request: RaftRequest, asker?: Asker): Promise<RaftReply | null> {
    return new Promise((resolve) => this.#options.quorum().request(request, resolve, asker))
  }

  async #tellEpoch(
    request: Extract<RaftRequest, { type: 'beginQuorumEpoch' | 'endQuorumEpoch' }>,
  ): Promise<BeginQuorumEpochResponse | null> {
    const reply = await this.#ask(request)
    if (reply?.type !== 'epochReply') return null
    return this.#answer({ ...this.#epochOf(reply), errorCode: reply.errorCode })
  }

  #answer<Partition extends EpochPartition>(partition: Partition) {
    return {
      errorCode: 'NONE' as const,
      topics: [
        {
          topicName: METADATA_TOPIC,
          partitions: [{ partitionIndex: METADATA_PARTITION, ...partition }],
        },
      ],
      nodeEndpoints: this.#endpointsOf(partition.leaderId),
    }
  }

  #known(): { leaderId: number; leaderEpoch: number } {
    const { epoch, leaderId } = this.#options.quorum()
    return this.#epochOf({ epoch, leaderId })
  }

  /** No leader is named whom the asker could not find: it would follow nobody. */
  #epochOf({ epoch, leaderId }: { epoch: number; leaderId: number }) {
    const isFound = leaderId >= 0 && this.#options.quorum().endpointOf(leaderId) !== null
    return { leaderId: isFound ? leaderId : -1, leaderEpoch: epoch }
  }

  #endpointsOf(leaderId: number): { nodeId: number; host: string; port: number }[] {
    const at = leaderId < 0 ? null : this.#options.quorum().endpointOf(leaderId)
    return at === null ? [] : [{ nodeId: leaderId, host: at.host, port: at.port }]
  }
}

type VotePartition = VoteRequest['topics'][number]['partitions'][number]
type BeginPartition = BeginQuorumEpochRequest['topics'][number]['partitions'][number]
type EndPartition = EndQuorumEpochRequest['topics'][number]['partitions'][number]
