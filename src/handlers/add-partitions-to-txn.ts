import type { ErrorName } from '../../protocol/errors.ts'
import { AddPartitionsToTxn } from '../../protocol/messages/add-partitions-to-txn.ts'
import type {
  AddPartitionsToTxnRequest,
  AddPartitionsToTxnResponse,
} from '../../protocol/messages/add-partitions-to-txn.ts'
import { EPOCH_BUMP_VERSION } from '../coordinators/transaction/transaction.ts'
import { isInternalTopic } from '../metadata/internal-topics.ts'
import { CLUSTER_NAME } from '../security/authorizer.ts'
import { custom } from './access.ts'
import type { RequestContext } from './context.ts'
import { coordinated } from './coordinated.ts'
import { fencedAs } from './fenced.ts'
import { handle } from './handler.ts'

const FIRST_VERSION_WITH_FENCED = 2
/** [KIP-890] From here on brokers ask, which have checked already what their clients may do. */
const FIRST_VERSION_OF_BROKERS = 4

type Asked = AddPartitionsToTxnRequest['transactions'][number]
type TopicResults = AddPartitionsToTxnResponse['resultsByTopicV3AndBelow']

/** AddPartitionsToTxn: v0-3 from producers, v4-5 from the leaders of partitions, for several transactions at once. */
export const addPartitionsToTxn = handle(AddPartitionsToTxn, {
  access: custom(['WRITE', 'TRANSACTIONAL_ID'], ['WRITE', 'TOPIC'], ['CLUSTER_ACTION', 'CLUSTER']),
}).by(async (request, context) => {
  if (context.version < FIRST_VERSION_OF_BROKERS) {
    const asked = {
      transactionalId: request.v3AndBelowTransactionalId,
      producerId: request.v3AndBelowProducerId,
      producerEpoch: request.v3AndBelowProducerEpoch,
      verifyOnly: false,
      topics: request.v3AndBelowTopics,
    }
    return { errorCode: 'NONE', resultsByTopicV3AndBelow: await ofProducer(asked, context) }
  }
  if (!context.may('CLUSTER_ACTION', 'CLUSTER', CLUSTER_NAME)) {
    return { errorCode: 'CLUSTER_AUTHORIZATION_FAILED', resultsByTransaction: [] }
  }
  const results = request.transactions.map(async (asked) => ({
    transactionalId: asked.transactionalId,
    topicResults: await join(asked, () => 'NONE', context),
  }))
  return { errorCode: 'NONE', resultsByTransaction: await Promise.all(results) }
})

async function ofProducer(asked: Asked, context: RequestContext): Promise<TopicResults> {
  if (!context.may('WRITE', 'TRANSACTIONAL_ID', asked.transactionalId)) {
    return results(asked, () => 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED')
  }
  const mayWrite = (topic: string): ErrorName =>
    !isInternalTopic(topic) && context.may('WRITE', 'TOPIC', topic)
      ? 'NONE'
      : 'TOPIC_AUTHORIZATION_FAILED'
  return join(asked, mayWrite, context)
}

/** All of the partitions join, or none does. */
async function join(
  asked: Asked,
  accessError: (topic: string) => ErrorName,
  context: RequestContext,
): Promise<TopicResults> {
  const { cluster, transactions } = context.services
  const view = cluster()
  const partitions = asked.topics.flatMap(({ name, partitions: indexes }) =>
    indexes.map((partition) => ({ topic: name, partition })),
  )
  const errors = partitions.map(({ topic, partition }) => {
    const error = accessError(topic)
    if (error !== 'NONE') return error
    const exists = view.topic(topic)?.partitions[partition] !== undefined
    return exists ? 'NONE' : 'UNKNOWN_TOPIC_OR_PARTITION'
  })
  if (errors.some((error) => error !== 'NONE')) {
    return results(asked, (index) =>
      errors[index] === 'NONE' ? 'OPERATION_NOT_ATTEMPTED' : errors[index]!,
    )
  }
  const { verifyOnly, topics, ...producer } = asked
  const isBroker = context.version >= FIRST_VERSION_OF_BROKERS
  const command = { ...producer, partitions }
  const replied = verifyOnly
    ? transactions.verifyPartitions(command)
    : transactions.addPartitions({ ...command, clientVersion: isBroker ? EPOCH_BUMP_VERSION : 0 })
  const reply = await coordinated<ErrorName | readonly ErrorName[]>(replied, (error) => error)
  const isOld = context.version < FIRST_VERSION_WITH_FENCED
  return results({ topics }, (index) =>
    fencedAs(typeof reply === 'string' ? reply : reply[index]!, isOld),
  )
}

/** @param errorAt of the partition at this place among all that are named */
function results(
  { topics }: Pick<Asked, 'topics'>,
  errorAt: (index: number) => ErrorName,
): TopicResults {
  let next = 0
  return topics.map(({ name, partitions }) => ({
    name,
    resultsByPartition: partitions.map((partitionIndex) => ({
      partitionIndex,
      partitionErrorCode: errorAt(next++),
    })),
  }))
}
