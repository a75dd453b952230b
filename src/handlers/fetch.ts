import { Fetch } from '../../protocol/messages/fetch.ts'
import type { FetchRequest, FetchResponse } from '../../protocol/messages/fetch.ts'
import { ZERO_UUID } from '../../protocol/schema.ts'
import type { ReadUpTo } from '../log/base/results.ts'
import { GRANT_BYTES } from '../log/read/memory.ts'
import { fetchRecords } from '../replication/fetch/fetch.ts'
import type { PartitionData } from '../replication/fetch/partition-data.ts'
import type { FindPartition, Found } from '../replication/fetch/reading.ts'
import { LeaderThrottle } from '../replication/fetch/leader-throttle.ts'
import { ReplicaSelector } from '../replication/fetch/replica-selector.ts'
import type { FetchContext, FetchTarget } from '../replication/fetch/session.ts'
import type { FollowerId } from '../replication/partition/follower-state.ts'
import { CLUSTER_NAME } from '../security/authorizer.ts'
import { custom } from './access.ts'
import { Later } from './answer.ts'
import type { RequestContext } from './context.ts'
import { currentLeader, endpointsOf } from './current-leader.ts'
import { FetchedSize } from './fetched-size.ts'
import { handle } from './handler.ts'

type TopicResponse = (typeof Fetch)['response']['encoded']['responses'][number]
type PartitionResponse = TopicResponse['partitions'][number]

const NO_ENDPOINTS: NonNullable<FetchResponse['nodeEndpoints']> = []

const FIRST_VERSION_WITH_RACK = 11
const FIRST_VERSION_WITH_TOPIC_IDS = 13
const READ_COMMITTED = 1
/**
 * An answer has no more than this, whatever the client would take: larger ones keep more memory busy than caches hold, and
 * hold up all others while they are read and sent. What doesn't fit comes with the next request.
 */
const MAX_ANSWER_BYTES = GRANT_BYTES

/**
 * Fetch: v4-18.
 *
 * Batches go out as they stand in the log: from the bytes just appended, or from the file. v7 keeps sessions (KIP-227),
 * v11 has consumers read from the replica that is near them (KIP-392), from followers what these know as replicated;
 * v12 tells of diverging epochs (KIP-595), v13 names topics by id (KIP-516).
 */
export const fetch = handle(Fetch, {
  access: custom(['CLUSTER_ACTION', 'CLUSTER'], ['READ', 'TOPIC']),
}).by((request, context) => {
  const { services, version } = context
  const { fetchSessions, fetchMemory, replicas, clock, config } = services
  const { replicaFetchMemory, followerPatience, leaderQuota } = services
  const usesTopicIds = version >= FIRST_VERSION_WITH_TOPIC_IDS
  const replicaId = Math.max(request.replicaId, request.replicaState.replicaId)
  const session = fetchSessions.resolve({
    sessionId: request.sessionId,
    sessionEpoch: request.sessionEpoch,
    usesTopicIds,
    isFollower: replicaId >= 0,
    targets: targetsOf(request),
    forgotten: request.forgottenTopicsData.flatMap(({ topic, topicId, partitions }) =>
      partitions.map((partition) => ({ topic, topicId, partition })),
    ),
  })
  if (session.error !== 'NONE') return { errorCode: session.error, responses: [] }
  const follower =
    replicaId >= 0 ? { brokerId: replicaId, brokerEpoch: request.replicaState.replicaEpoch } : null
  if (follower !== null) context.quota?.exempt()
  const quota = follower === null ? context.quota : null
  const maxBytes = Math.min(
    request.maxBytes,
    config.get('fetch.max.bytes'),
    MAX_ANSWER_BYTES,
    quota?.mostFetchedBytes ?? Infinity,
  )
  const find = (target: FetchTarget): Found => {
    if (!mayFetch(target, replicaId, context)) return 'TOPIC_AUTHORIZATION_FAILED'
    const partition = usesTopicIds
      ? replicas.findById(target.topicId, target.partition)
      : replicas.find(target.topic, target.partition)
    if (follower === null || typeof partition === 'string') return partition
    const error = partition.checkFollower(follower, target.currentLeaderEpoch)
    return error === 'NONE' ? partition : error
  }
  // All of them, though an answer may be full before the last one has its turn.
  const found = follower === null ? null : noteFollower(follower, session.targets, find, context)
  const answer = new Later<FetchResponse>()
  fetchRecords(
    session.targets,
    {
      upTo: readsUpTo(request.isolationLevel, follower),
      maxWaitMs: request.maxWaitMs,
      minBytes: Math.min(request.minBytes, maxBytes),
      maxBytes,
      memory: follower === null ? fetchMemory : replicaFetchMemory,
      fromAnyReplica: follower === null && version >= FIRST_VERSION_WITH_RACK,
      selector: follower === null ? selectorFor(request, context) : null,
      client: context.connection.presence,
      patience: follower === null ? null : followerPatience,
      mayLeaveOut: session.mayLeaveOut,
      throttle:
        follower !== null && leaderQuota.isLimited
          ? new LeaderThrottle(leaderQuota, follower.brokerId)
          : null,
    },
    find,
    clock,
    {
      fetched: (data) => {
        if (quota !== null && !quota.takeFetched(() => sizeOf(data.partitions, session, version))) {
          data.release()
          return answer.give({ sessionId: session.tellNothing(), responses: [] })
        }
        context.afterSent(() => data.release())
        answer.give(answerOf(session, data.partitions, context))
      },
      failed: (error) => answer.fail(error),
      abandoned: () => answer.give(null),
    },
    found,
  )
  return answer
})

/** [KIP-392] Who chooses the replica that a consumer reads from; null where that is the leader, or it says no rack. */
function selectorFor({ rackId }: FetchRequest, context: RequestContext): ReplicaSelector | null {
  const { config, cluster } = context.services
  if (rackId === '' || config.get('replica.selector.class') === null) return null
  const { name } = context.connection.listener
  const view = cluster()
  return new ReplicaSelector({
    clientRack: rackId,
    brokerId: config.get('node.id'),
    rackOf: (brokerId) => view.broker(brokerId, name)?.rack ?? null,
  })
}

/** What followers fetch is not replicated yet. */
function readsUpTo(isolationLevel: number, follower: FollowerId | null): ReadUpTo {
  if (follower !== null) return 'logEnd'
  return isolationLevel === READ_COMMITTED ? 'lastStable' : 'highWatermark'
}

/**
 * A follower has what is before the offsets that it asks for.
 * @returns what was found of each target
 */
function noteFollower(
  follower: FollowerId,
  targets: readonly FetchTarget[],
  find: FindPartition,
  { services, connection }: RequestContext,
): Found[] {
  let follows = false
  const found = targets.map(find)
  found.forEach((partition, index) => {
    if (typeof partition === 'string') return
    if (partition.followerFetched(follower, targets[index]!)) follows = true
  })
  if (follows) services.followers.fetched(follower.brokerId, connection.presence)
  return found
}

/** Followers act for the cluster, consumers read a topic. An id that no topic has is told as such. */
function mayFetch(
  { topic, topicId }: FetchTarget,
  replicaId: number,
  context: RequestContext,
): boolean {
  const { authorizer, cluster } = context.services
  if (authorizer === null) return true
  if (replicaId >= 0) return context.may('CLUSTER_ACTION', 'CLUSTER', CLUSTER_NAME)
  const name = topicId === ZERO_UUID ? topic : cluster().topicById(topicId)?.name
  return name === undefined || context.may('READ', 'TOPIC', name)
}

function targetsOf(request: FetchRequest): FetchTarget[] {
  const targets: FetchTarget[] = []
  for (const { topic, topicId, partitions } of request.topics) {
    for (const partition of partitions) {
      targets.push({
        topic,
        topicId,
        partition: partition.partition,
        fetchOffset: partition.fetchOffset,
        maxBytes: partition.partitionMaxBytes,
        currentLeaderEpoch: partition.currentLeaderEpoch,
        lastFetchedEpoch: partition.lastFetchedEpoch,
        logStartOffset: partition.logStartOffset,
      })
    }
  }
  return targets
}

/** Of the answer that would be given. */
function sizeOf(
  partitions: readonly PartitionData[],
  session: FetchContext,
  version: number,
): number {
  const size = new FetchedSize(version)
  partitions.forEach((data, index) => {
    if (session.wouldTell(index, data)) size.add(data)
  })
  return size.bytes
}

/** Neighbours of the same topic share an entry; in a session only what has changed is told. */
function answerOf(
  session: FetchContext,
  partitions: readonly PartitionData[],
  context: RequestContext,
): FetchResponse {
  let leaders: Set<number> | null = null
  const responses: { topic: string; topicId: string; partitions: PartitionResponse[] }[] = []
  for (let index = 0; index < partitions.length; index++) {
    const data = partitions[index]!
    if (!session.tell(index, data)) continue
    const { target } = data
    let topic = responses.at(-1)
    if (topic === undefined || topic.topic !== target.topic || topic.topicId !== target.topicId) {
      topic = { topic: target.topic, topicId: target.topicId, partitions: [] }
      responses.push(topic)
    }
    const response = responseOf(data, context)
    if (response.currentLeader !== undefined) {
      leaders ??= new Set()
      leaders.add(response.currentLeader.leaderId ?? -1)
    }
    topic.partitions.push(response)
  }
  return {
    errorCode: 'NONE',
    sessionId: session.sessionId,
    responses,
    nodeEndpoints: leaders === null ? NO_ENDPOINTS : endpointsOf(leaders, context),
  }
}

function responseOf(data: PartitionData, context: RequestContext): PartitionResponse {
  const { target, errorCode, divergingEpoch } = data
  const response: PartitionResponse = {
    partitionIndex: target.partition,
    errorCode,
    highWatermark: data.highWatermark,
    lastStableOffset: data.lastStableOffset,
    logStartOffset: data.logStartOffset,
    abortedTransactions: data.abortedTransactions,
    records: data.chunks,
    preferredReadReplica: data.preferredReadReplica,
    divergingEpoch:
      divergingEpoch === null
        ? undefined
        : { epoch: divergingEpoch.leaderEpoch, endOffset: divergingEpoch.endOffset },
  }
  if (errorCode !== 'NOT_LEADER_OR_FOLLOWER' && errorCode !== 'FENCED_LEADER_EPOCH') return response
  const { topic, topicId, partition } = target
  return { ...response, currentLeader: currentLeader(topic, topicId, partition, context) }
}
