import type { ErrorName } from '../../protocol/errors.ts'
import { TxnOffsetCommit } from '../../protocol/messages/txn-offset-commit.ts'
import type { TxnOffsetCommitRequest } from '../../protocol/messages/txn-offset-commit.ts'
import type { ReplyTo } from '../coordinators/group/commands.ts'
import { OFFSETS_TOPIC } from '../coordinators/group/kind.ts'
import type { Passage } from '../replication/transaction-gate.ts'
import { all, each, one } from './access.ts'
import type { RequestContext } from './context.ts'
import { handle } from './handler.ts'
import { commitKnown, refusedTopic, topicNameOf } from './offsets-to-commit.ts'
import type { CommittedTopic, KnownTopics } from './offsets-to-commit.ts'

const FIRST_VERSION_WITH_LOADING = 2
const FIRST_VERSION_WITH_ABORTABLE = 4
const FIRST_VERSION_THAT_ADDS = 5
const FIRST_VERSION_WITH_IDS = 6

/** The offsets that coordinators append have no sequence. */
const NO_SEQUENCE = -1

/**
 * TxnOffsetCommit: v0-6. Offsets of a group that count once the producer's transaction commits; who may commit them is as in
 * OffsetCommit. The partition of the group has to be part of the transaction, or joins it (v5).
 */
export const txnOffsetCommit = handle(TxnOffsetCommit, {
  access: all(
    one('TRANSACTIONAL_ID', 'WRITE', ({ transactionalId }) => transactionalId, refuseAll),
    one('GROUP', 'READ', ({ groupId }) => groupId, refuseAll),
    each('TOPIC', 'READ', {
      items: 'topics',
      nameOf: (topic, context) =>
        topicNameOf(topic, context.version >= FIRST_VERSION_WITH_IDS, context),
      answers: 'topics',
      refuse: (topic, { errorCode }) => refusedTopic(topic, errorCode),
    }),
  ),
}).by(async (request, context) => {
  const isById = context.version >= FIRST_VERSION_WITH_IDS
  const topics = await commitKnown(request.topics, isById, context, (known) =>
    commit(request, known, context),
  )
  return { topics: context.version < FIRST_VERSION_WITH_LOADING ? topics.map(forOldest) : topics }
})

function refuseAll(
  { topics }: TxnOffsetCommitRequest,
  { errorCode }: { readonly errorCode: ErrorName },
): { topics: CommittedTopic[] } {
  return { topics: topics.map((topic) => refusedTopic(topic, errorCode)) }
}

async function commit(
  request: TxnOffsetCommitRequest,
  known: KnownTopics,
  context: RequestContext,
): Promise<ReplyTo<'CommitTransactionOffsets'>> {
  const { groupId, producerId, producerEpoch } = request
  const { services, version } = context
  if (groupId === '') return 'INVALID_GROUP_ID'
  const passage = await passageOf(request, context)
  if (typeof passage === 'string') return toldTo(passage)
  const view = services.cluster()
  return services.groups.ask<'CommitTransactionOffsets'>(groupId, {
    type: 'CommitTransactionOffsets',
    version,
    groupId,
    producerId,
    producerEpoch,
    generation: request.generationIdOrMemberEpoch,
    memberId: request.memberId,
    groupInstanceId: request.groupInstanceId,
    guard: passage.guard,
    topics: known.map((topic) => ({
      ...topic,
      topicId: view.topic(topic.name)?.id ?? topic.topicId,
    })),
  })
}

function passageOf(
  { groupId, transactionalId, producerId, producerEpoch }: TxnOffsetCommitRequest,
  { services: { groups, replicas, transactionGate }, version }: RequestContext,
): Promise<Passage> {
  const partition = replicas.find(OFFSETS_TOPIC, groups.partitionOf(groupId))
  if (typeof partition === 'string') return Promise.resolve('NOT_COORDINATOR')
  const request = {
    transactionalId,
    producerId,
    producerEpoch,
    addPartition: version >= FIRST_VERSION_THAT_ADDS,
    knowsAbortable: version >= FIRST_VERSION_WITH_ABORTABLE,
  }
  return new Promise((resolve) => {
    transactionGate.enter(request, [{ partition, baseSequence: NO_SEQUENCE }], ([passage]) =>
      resolve(passage!),
    )
  })
}

/** What the verification ends with, in words after which clients ask again without looking for another coordinator. */
function toldTo(error: ErrorName): ErrorName {
  return error === 'NETWORK_EXCEPTION' ? 'COORDINATOR_LOAD_IN_PROGRESS' : error
}

/** [KAFKA-7296] Producers of old fail where a coordinator loads. */
function forOldest(topic: CommittedTopic): CommittedTopic {
  const partitions = topic.partitions.map((partition) =>
    partition.errorCode === 'COORDINATOR_LOAD_IN_PROGRESS'
      ? { ...partition, errorCode: 'COORDINATOR_NOT_AVAILABLE' as const }
      : partition,
  )
  return { ...topic, partitions }
}
