import { Fetch } from '../../protocol/messages/fetch.ts'
import { OffsetFetch } from '../../protocol/messages/offset-fetch.ts'
import { WriteTxnMarkers } from '../../protocol/messages/write-txn-markers.ts'
import { ZERO_UUID } from '../../protocol/schema.ts'
import { UNGUARDED } from '../../src/log/producers/verifications.ts'
import type { Partition } from '../../src/replication/partition/partition.ts'
import { batch } from './test-node.ts'
import type { TestNode } from './test-node.ts'

export const PRODUCER = 4000

export function partitionOf(node: TestNode, topic: string, index = 0): Partition {
  const partition = node.replicas.find(topic, index)
  if (typeof partition === 'string') throw new Error(partition)
  return partition
}

/** Records of a transaction that nobody has verified. */
export function writeOpen(
  node: TestNode,
  topic: string,
  {
    producerId = PRODUCER,
    producerEpoch = 0,
    baseSequence = 0,
    values = ['x'],
  }: {
    producerId?: number
    producerEpoch?: number
    baseSequence?: number
    values?: readonly string[]
  } = {},
): Promise<string> {
  const marks = { producerId, producerEpoch, baseSequence, isTransactional: true }
  const records = batch(values, marks)
  return new Promise((resolve) =>
    partitionOf(node, topic).append(
      records,
      -1,
      'client',
      1000,
      ({ errorCode }) => resolve(errorCode),
      -1,
      { guard: UNGUARDED },
    ),
  )
}

export interface MarkerAsked {
  readonly version?: number
  readonly producerId?: number
  readonly producerEpoch?: number
  readonly coordinatorEpoch?: number
  readonly transactionVersion?: number
  readonly commits?: boolean
  readonly topics?: readonly { name: string; partitionIndexes: number[] }[]
}

export const markerFor = ({
  producerId = PRODUCER,
  producerEpoch = 0,
  coordinatorEpoch = 0,
  transactionVersion = 0,
  commits = true,
  topics = [{ name: 't', partitionIndexes: [0] }],
}: MarkerAsked) => ({
  producerId,
  producerEpoch,
  coordinatorEpoch,
  transactionVersion,
  transactionResult: commits,
  topics: [...topics],
})

/** The errors of the partitions, in their order. */
export async function writeMarker(node: TestNode, asked: MarkerAsked = {}) {
  const { version = 2 } = asked
  const { markers } = await node.ask(WriteTxnMarkers, version, { markers: [markerFor(asked)] })
  return markers[0]!.topics.flatMap(({ partitions }) =>
    partitions.map(({ errorCode }) => errorCode),
  )
}

/** What group `g` has committed for partition 0 of `t`, as who may not read what is undecided is told. */
export async function stableOffset(node: TestNode, groupId = 'g') {
  const topics = [{ name: 't', topicId: ZERO_UUID, partitionIndexes: [0] }]
  const { groups } = await node.ask(OffsetFetch, 9, {
    requireStable: true,
    groups: [{ groupId, memberId: null, memberEpoch: -1, topics }],
  })
  const { errorCode, committedOffset } = groups[0]!.topics[0]!.partitions[0]!
  return errorCode === 'NONE' ? committedOffset : errorCode
}

/** A read_committed fetch of partition 0 from an offset on. */
export async function fetchCommitted(
  node: TestNode,
  topic: string,
  { offset = 0, maxWaitMs = 0 }: { offset?: number; maxWaitMs?: number } = {},
) {
  const partition = { partition: 0, fetchOffset: offset, partitionMaxBytes: 1 << 20 }
  const { responses } = await node.ask(Fetch, 12, {
    replicaId: -1,
    maxWaitMs,
    minBytes: 1,
    isolationLevel: 1,
    topics: [{ topic, partitions: [partition] }],
  })
  return responses[0]!.partitions[0]!
}
