import type { ErrorName } from '../../protocol/errors.ts'
import { WriteTxnMarkers } from '../../protocol/messages/write-txn-markers.ts'
import type {
  WriteTxnMarkersRequest,
  WriteTxnMarkersResponse,
} from '../../protocol/messages/write-txn-markers.ts'
import { CLUSTER_NAME } from '../security/authorizer.ts'
import { custom } from './access.ts'
import type { RequestContext } from './context.ts'
import { handle } from './handler.ts'

type Marker = WriteTxnMarkersRequest['markers'][number]

/**
 * WriteTxnMarkers: v1-2. The coordinator of transactions, or `kafka-transactions abort`, has them ended in the partitions that
 * this broker leads. The answer comes when all of the in-sync replicas have the markers.
 */
export const writeTxnMarkers = handle(WriteTxnMarkers, {
  access: custom(['ALTER', 'CLUSTER'], ['CLUSTER_ACTION', 'CLUSTER']),
}).by(async ({ markers }, context) => {
  if (!mayWrite(context))
    return answer(
      markers,
      markers.map((marker) => refused(marker, 'CLUSTER_AUTHORIZATION_FAILED')),
    )
  const { markers: writer } = context.services
  const errors = markers.map((marker) => {
    const { topics, transactionResult, ...end } = marker
    // There is no such producer, nor could a batch have it: Kafka says nothing better.
    if (end.producerId < 0 || end.producerEpoch < 0) return refused(marker, 'UNKNOWN_SERVER_ERROR')
    const partitions = topics.flatMap(({ name, partitionIndexes }) =>
      partitionIndexes.map((partition) => ({ topic: name, partition })),
    )
    return writer.write({ ...end, result: transactionResult ? 'COMMIT' : 'ABORT', partitions })
  })
  return answer(markers, await Promise.all(errors))
})

function mayWrite(context: RequestContext): boolean {
  return (
    context.could('ALTER', 'CLUSTER', CLUSTER_NAME) ||
    context.may('CLUSTER_ACTION', 'CLUSTER', CLUSTER_NAME)
  )
}

function refused({ topics }: Marker, error: ErrorName): ErrorName[] {
  return topics.flatMap(({ partitionIndexes }) => partitionIndexes.map(() => error))
}

/**
 * One entry a producer, as Kafka has it: coordinators look for their own by it.
 * @param errors of each marker, in the order of its partitions
 */
function answer(
  markers: readonly Marker[],
  errors: readonly (readonly ErrorName[])[],
): WriteTxnMarkersResponse {
  const byProducer = new Map<number, Map<string, Map<number, ErrorName>>>()
  for (const [at, { producerId, topics }] of markers.entries()) {
    if (topics.length === 0) continue
    const byTopic = entryOf(byProducer, producerId)
    let next = 0
    for (const { name, partitionIndexes } of topics) {
      const byPartition = entryOf(byTopic, name)
      for (const index of partitionIndexes) byPartition.set(index, errors[at]![next++]!)
    }
  }
  return {
    markers: Array.from(byProducer, ([producerId, byTopic]) => ({
      producerId,
      topics: Array.from(byTopic, ([name, partitions]) => ({
        name,
        partitions: Array.from(partitions, ([partitionIndex, errorCode]) => ({
          partitionIndex,
          errorCode,
        })),
      })),
    })),
  }
}

function entryOf<Key, Inner, Value>(map: Map<Key, Map<Inner, Value>>, key: Key): Map<Inner, Value> {
  let entry = map.get(key)
  if (entry === undefined) map.set(key, (entry = new Map()))
  return entry
}
