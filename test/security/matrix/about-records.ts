import { AddOffsetsToTxn } from '../../../protocol/messages/add-offsets-to-txn.ts'
import { AddPartitionsToTxn } from '../../../protocol/messages/add-partitions-to-txn.ts'
import { DescribeTransactions } from '../../../protocol/messages/describe-transactions.ts'
import { EndTxn } from '../../../protocol/messages/end-txn.ts'
import { Fetch } from '../../../protocol/messages/fetch.ts'
import { InitProducerId } from '../../../protocol/messages/init-producer-id.ts'
import { ListTransactions } from '../../../protocol/messages/list-transactions.ts'
import { Produce } from '../../../protocol/messages/produce.ts'
import { TxnOffsetCommit } from '../../../protocol/messages/txn-offset-commit.ts'
import { WriteTxnMarkers } from '../../../protocol/messages/write-txn-markers.ts'
import { ZERO_UUID } from '../../../protocol/schema.ts'
import { batchOf } from '../../system/bad-input/case.ts'
import { asks } from './request.ts'
import type { MatrixRequest, Subject } from './request.ts'

/** Nobody has this one. */
const producer = { producerId: 5_000_000_000, producerEpoch: 3 }
const plain = batchOf()
const transactional = batchOf({ ...producer, baseSequence: 0, isTransactional: true })

const byName = ({ topic, missing }: Subject) =>
  [topic, missing].map((name) => ({ name, topicId: ZERO_UUID }))
const byId = ({ topicId }: Subject) => [{ name: '', topicId }]
const produced = (topics: { name: string; topicId: string }[], records: Buffer) =>
  topics.map((topic) => ({ ...topic, partitionData: [{ index: 0, records }] }))
const fetched = (topics: { name: string; topicId: string }[]) =>
  topics.map(({ name, topicId }) => ({
    topic: name,
    topicId,
    partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1000 }],
  }))
const offsets = [{ partitionIndex: 0, committedOffset: 1, committedMetadata: null }]
const fetching = { maxWaitMs: 0, minBytes: 0 }

const records: readonly MatrixRequest[] = [
  asks(
    Produce,
    12,
    (own) => ({ acks: -1, timeoutMs: 1000, topicData: produced(byName(own), plain) }),
    { of: 'by name' },
  ),
  asks(
    Produce,
    13,
    (own) => ({ acks: 1, timeoutMs: 1000, topicData: produced(byId(own), plain) }),
    { of: 'by id' },
  ),
  asks(
    Produce,
    11,
    (own) => ({
      transactionalId: own.transaction,
      acks: -1,
      timeoutMs: 1000,
      topicData: produced(byName(own), transactional),
    }),
    { of: 'in a transaction' },
  ),
  asks(
    Produce,
    11,
    (own) => ({ acks: -1, timeoutMs: 1000, topicData: produced(byName(own), transactional) }),
    { of: 'in a transaction without its id' },
  ),
  asks(Fetch, 12, (own) => ({ ...fetching, topics: fetched(byName(own)) }), {
    of: 'by name',
    listeners: ['broker'],
  }),
  asks(Fetch, 13, (own) => ({ ...fetching, topics: fetched(byId(own)) }), {
    of: 'by id',
    listeners: ['broker'],
  }),
  asks(
    Fetch,
    13,
    () => ({ ...fetching, topics: fetched([{ name: '', topicId: 'x'.repeat(21) + 'w' }]) }),
    { of: 'by unknown id', listeners: ['broker'] },
  ),
  asks(
    Fetch,
    17,
    (own) => ({
      ...fetching,
      replicaState: { replicaId: 77, replicaEpoch: -1 },
      topics: fetched(byId(own)),
    }),
    { of: 'of a follower', listeners: ['broker'] },
  ),
]

const joining = ({ transaction, topic, missing }: Subject, names = [topic, missing]) => ({
  transactionalId: transaction,
  ...producer,
  topics: names.map((name) => ({ name, partitions: [0] })),
})

const transactions: readonly MatrixRequest[] = [
  asks(InitProducerId, 5, () => ({ transactionalId: null, transactionTimeoutMs: 1000 }), {
    of: 'without a transactional id',
  }),
  asks(
    InitProducerId,
    5,
    ({ transaction }) => ({
      transactionalId: transaction,
      transactionTimeoutMs: 1000,
      ...producer,
    }),
    { of: 'with a transactional id' },
  ),
  asks(AddOffsetsToTxn, 4, ({ transaction, group }) => ({
    transactionalId: transaction,
    ...producer,
    groupId: group,
  })),
  asks(AddPartitionsToTxn, 3, (own) => {
    const { transactionalId, topics } = joining(own)
    return {
      v3AndBelowTransactionalId: transactionalId,
      v3AndBelowProducerId: producer.producerId,
      v3AndBelowProducerEpoch: producer.producerEpoch,
      v3AndBelowTopics: topics,
    }
  }),
  asks(AddPartitionsToTxn, 5, (own) => ({
    transactions: [{ ...joining(own, [own.topic]), verifyOnly: true }],
  })),
  asks(EndTxn, 5, ({ transaction }) => ({
    transactionalId: transaction,
    ...producer,
    committed: true,
  })),
  ...[3, 5].map((version) =>
    asks(TxnOffsetCommit, version, ({ transaction, group, topic, missing }) => ({
      transactionalId: transaction,
      groupId: group,
      ...producer,
      topics: [topic, missing].map((name) => ({ name, partitions: offsets })),
    })),
  ),
  asks(TxnOffsetCommit, 6, ({ transaction, group, topicId }) => ({
    transactionalId: transaction,
    groupId: group,
    ...producer,
    topics: [{ topicId, partitions: offsets }],
  })),
  asks(DescribeTransactions, 0, ({ transaction, prefix }) => ({
    transactionalIds: [transaction, `${prefix}unknown`],
  })),
  asks(ListTransactions, 2, () => ({ stateFilters: [], producerIdFilters: [] })),
  asks(WriteTxnMarkers, 1, ({ missing }) => ({
    markers: [
      {
        ...producer,
        transactionResult: false,
        topics: [{ name: missing, partitionIndexes: [0] }],
        coordinatorEpoch: 0,
      },
    ],
  })),
]

export const aboutRecords: readonly MatrixRequest[] = [...records, ...transactions]
