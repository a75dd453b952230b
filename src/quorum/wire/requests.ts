import type { ErrorName } from '../../../protocol/errors.ts'
import { BeginQuorumEpoch } from '../../../protocol/messages/begin-quorum-epoch.ts'
import { EndQuorumEpoch } from '../../../protocol/messages/end-quorum-epoch.ts'
import { Fetch } from '../../../protocol/messages/fetch.ts'
import { Vote } from '../../../protocol/messages/vote.ts'
import { ZERO_UUID } from '../../../protocol/schema.ts'
import type { Api, Decoded, Encoded, ReceivedResponse, Shape } from '../../../protocol/schema.ts'
import type {
  BeginQuorumEpoch as BeginMessage,
  EndQuorumEpoch as EndMessage,
  EpochReply,
  FetchReply,
  FetchRequest,
  RaftReply,
  RaftRequest,
  Voter,
  VoterEndpoint,
  VoteReply,
  VoteRequest,
} from '../types.ts'
import {
  isMetadataIndex,
  METADATA_PARTITION,
  METADATA_TOPIC,
  METADATA_TOPIC_ID,
  onlyPartition,
} from './partition.ts'
import type { NodeEndpoint } from './partition.ts'

/** As Apache Kafka's followers of the metadata log ask for. */
const MAX_FETCH_BYTES = 1 << 20
/** From which on votes may be asked for without an election (KIP-996), and logs that differ be told (KIP-595). */
const FIRST_VERSION_WITH_PRE_VOTE = 2
const FIRST_VERSION_WITH_DIVERGENCE = 12

/** The way to the node that is asked. */
export interface Asked {
  /** @param leastVersion with one below it the request would mean something else */
  request<Q extends Shape, R extends Shape>(
    api: Api<Q, R>,
    body: Encoded<Q>,
    leastVersion?: number,
  ): Promise<Decoded<R>>
}

/** Who asks. */
export interface Asking {
  readonly clusterId: string
  /** Of its controller listeners; none where it is no controller. */
  readonly endpoints: readonly VoterEndpoint[]
}

export interface Answered {
  readonly reply: RaftReply
  /** Where the leader is that the reply names; null where the answer doesn't say. */
  readonly leader: NodeEndpoint | null
}

/** Another node answers what has no place in the quorum's own talk: it can't do what it is asked for. */
export class PeerRefusal extends Error {
  override readonly name = 'PeerRefusal'
  readonly code = 'ERR_QUORUM_REFUSED'
  readonly errorCode: ErrorName

  constructor(errorCode: ErrorName) {
    super(
      errorCode === 'INCONSISTENT_CLUSTER_ID'
        ? 'It belongs to another cluster: correct controller.quorum.voters and controller.quorum.bootstrap.servers, or the cluster id of one of the two'
        : `It answers ${errorCode}`,
    )
    this.errorCode = errorCode
  }
}

/**
 * Puts one of the quorum's requests into Kafka's words, and the answer back.
 * @throws PeerRefusal, and what the way throws
 */
export function ask(way: Asked, from: Asking, voter: Voter | null, request: RaftRequest) {
  switch (request.type) {
    case 'vote':
      return askForVote(way, from, request)
    case 'beginQuorumEpoch':
      return tellOfBegin(way, from, voter, request)
    case 'endQuorumEpoch':
      return tellOfEnd(way, from, request)
    case 'fetch':
      return askForRecords(way, from, request)
  }
}

async function askForVote(way: Asked, from: Asking, request: VoteRequest): Promise<Answered> {
  const { candidate, voter, epoch, lastEpoch, lastOffset, preVote } = request
  const partition = {
    partitionIndex: METADATA_PARTITION,
    replicaEpoch: epoch,
    replicaId: candidate.id,
    replicaDirectoryId: candidate.directoryId,
    voterDirectoryId: voter.directoryId,
    lastOffsetEpoch: lastEpoch,
    lastOffset,
    preVote,
  }
  const body = {
    clusterId: from.clusterId,
    voterId: voter.id,
    topics: [{ topicName: METADATA_TOPIC, partitions: [partition] }],
  }
  // One that doesn't know the question would take it for the election itself.
  const answer = await way.request(Vote, body, preVote ? FIRST_VERSION_WITH_PRE_VOTE : 0)
  const told = partitionOf(answer)
  const reply: VoteReply = {
    type: 'voteReply',
    errorCode: known(told.errorCode, ['NONE', 'FENCED_LEADER_EPOCH', 'INVALID_VOTER_KEY']),
    epoch: told.leaderEpoch,
    leaderId: told.leaderId,
    granted: told.voteGranted,
    preVote,
  }
  return { reply, leader: leaderIn(answer, told.leaderId) }
}

async function tellOfBegin(
  way: Asked,
  from: Asking,
  voter: Voter | null,
  { leaderId, epoch }: BeginMessage,
): Promise<Answered> {
  const partition = {
    partitionIndex: METADATA_PARTITION,
    leaderId,
    leaderEpoch: epoch,
    voterDirectoryId: voter?.directoryId ?? ZERO_UUID,
  }
  const answer = await way.request(BeginQuorumEpoch, {
    clusterId: from.clusterId,
    voterId: voter?.id ?? -1,
    topics: [{ topicName: METADATA_TOPIC, partitions: [partition] }],
    leaderEndpoints: [...from.endpoints],
  })
  return epochAnswer(answer)
}

async function tellOfEnd(
  way: Asked,
  from: Asking,
  { leaderId, epoch, preferredCandidates }: EndMessage,
): Promise<Answered> {
  const partition = {
    partitionIndex: METADATA_PARTITION,
    leaderId,
    leaderEpoch: epoch,
    preferredSuccessors: preferredCandidates.map(({ id }) => id),
    preferredCandidates: preferredCandidates.map(({ id, directoryId }) => ({
      candidateId: id,
      candidateDirectoryId: directoryId,
    })),
  }
  const answer = await way.request(EndQuorumEpoch, {
    clusterId: from.clusterId,
    topics: [{ topicName: METADATA_TOPIC, partitions: [partition] }],
    leaderEndpoints: [...from.endpoints],
  })
  return epochAnswer(answer)
}

function epochAnswer(
  answer: ReceivedResponse<typeof BeginQuorumEpoch> | ReceivedResponse<typeof EndQuorumEpoch>,
): Answered {
  const { errorCode, leaderEpoch: epoch, leaderId } = partitionOf(answer)
  const reply: EpochReply = {
    type: 'epochReply',
    errorCode: known(errorCode, ['NONE', 'FENCED_LEADER_EPOCH']),
    epoch,
    leaderId,
  }
  return { reply, leader: leaderIn(answer, leaderId) }
}

async function askForRecords(way: Asked, from: Asking, request: FetchRequest): Promise<Answered> {
  const { replica, requestId } = request
  const partition = {
    partition: METADATA_PARTITION,
    currentLeaderEpoch: request.currentLeaderEpoch,
    fetchOffset: request.fetchOffset,
    lastFetchedEpoch: request.lastFetchedEpoch,
    partitionMaxBytes: 0,
    replicaDirectoryId: replica.directoryId,
    highWatermark: BigInt(request.highWatermark),
  }
  const body = {
    clusterId: from.clusterId,
    replicaId: replica.id,
    replicaState: { replicaId: replica.id },
    maxWaitMs: request.maxWaitMs,
    minBytes: 0,
    maxBytes: MAX_FETCH_BYTES,
    topics: [{ topic: METADATA_TOPIC, topicId: METADATA_TOPIC_ID, partitions: [partition] }],
    forgottenTopicsData: [],
  }
  const answer = await way.request(Fetch, body, FIRST_VERSION_WITH_DIVERGENCE)
  if (answer.errorCode !== 'NONE') throw new PeerRefusal(answer.errorCode)
  const told = onlyPartition(
    { topics: answer.responses },
    ({ topic, topicId }, { partitionIndex }) =>
      (topic === METADATA_TOPIC || topicId === METADATA_TOPIC_ID) &&
      partitionIndex === METADATA_PARTITION,
  )
  if (told === null) throw new PeerRefusal('UNKNOWN_TOPIC_OR_PARTITION')
  const { divergingEpoch, snapshotId, currentLeader, records } = told
  const reply: FetchReply = {
    type: 'fetchReply',
    requestId,
    errorCode: known(told.errorCode, [
      'NONE',
      'FENCED_LEADER_EPOCH',
      'UNKNOWN_LEADER_EPOCH',
      'NOT_LEADER_OR_FOLLOWER',
    ]),
    epoch: currentLeader.leaderEpoch,
    leaderId: currentLeader.leaderId,
    highWatermark: told.highWatermark,
    diverging:
      divergingEpoch.epoch < 0
        ? null
        : { offset: divergingEpoch.endOffset, epoch: divergingEpoch.epoch },
    snapshot:
      snapshotId.endOffset < 0 ? null : { offset: snapshotId.endOffset, epoch: snapshotId.epoch },
    records: records === null || records.length === 0 ? null : records,
  }
  return { reply, leader: leaderIn(answer, currentLeader.leaderId) }
}

type PartitionIn<Answer> = Answer extends {
  readonly topics: readonly { readonly partitions: readonly (infer Partition)[] }[]
}
  ? Partition
  : never

/** @throws PeerRefusal */
function partitionOf<
  Answer extends
    | ReceivedResponse<typeof Vote>
    | ReceivedResponse<typeof BeginQuorumEpoch>
    | ReceivedResponse<typeof EndQuorumEpoch>,
>(answer: Answer): PartitionIn<Answer> {
  if (answer.errorCode !== 'NONE') throw new PeerRefusal(answer.errorCode)
  const partition = onlyPartition<{ topicName: string }, { partitionIndex: number }>(
    answer,
    isMetadataIndex,
  )
  if (partition === null) throw new PeerRefusal('UNKNOWN_TOPIC_OR_PARTITION')
  return partition as PartitionIn<Answer>
}

/** The error where it is one of those that the quorum knows what to do about. */
function known<Name extends ErrorName>(errorCode: ErrorName, expected: readonly Name[]): Name {
  const found = expected.find((name) => name === errorCode)
  if (found === undefined) throw new PeerRefusal(errorCode)
  return found
}

function leaderIn(
  {
    nodeEndpoints,
  }: {
    readonly nodeEndpoints: readonly {
      readonly nodeId: number
      readonly host: string
      readonly port: number
    }[]
  },
  leaderId: number,
): NodeEndpoint | null {
  const found = nodeEndpoints.find(({ nodeId }) => nodeId === leaderId)
  return found === undefined ? null : { id: leaderId, host: found.host, port: found.port }
}
