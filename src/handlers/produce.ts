import type { ErrorName } from '../../protocol/errors.ts'
import { Produce } from '../../protocol/messages/produce.ts'
import {
  BATCH_HEADER_BYTES,
  batchAttributes,
  batchMagic,
  batchSizeBytes,
  compressionType,
} from '../../protocol/records/batch.ts'
import type { AppendResult } from '../log/results.ts'
import { isInternalTopic } from '../metadata/internal-topics.ts'
import type { Partition, RequiredAcks } from '../replication/partition.ts'
import { closeConnection, handle } from './handler.ts'
import type { RequestContext } from './handler.ts'

type TopicResponse = (typeof Produce)['response']['encoded']['responses'][number]
type PartitionResponse = TopicResponse['partitionResponses'][number]

const FIRST_VERSION_WITH_ZSTD = 7
const FIRST_VERSION_WITH_TOPIC_IDS = 13
/** The client id that Apache's own tools use to write to internal topics. */
const ADMIN_CLIENT_ID = '__admin_client'

/**
 * Produce: v3-13, advertised from 0 (librdkafka turns compression off otherwise, KAFKA-18659).
 *
 * The batches are handed to the log as they came. All partitions of a request, and all requests of a turn, are appended
 * before anything is awaited; the answer follows when the last one is written and, with acks=-1, replicated.
 */
export const produce = handle(Produce, { advertised: [0, 13], pipelined: true, pooled: true }).by(
  (request, context) => {
    const acks = request.acks
    const answered = new Promise<TopicResponse[]>((resolve) => {
      let missing = 1
      const responses = request.topicData.map(({ name, topicId, partitionData }) => ({
        name,
        topicId,
        partitionResponses: partitionData.map(({ index, records }) => {
          const response = { ...unanswered, index }
          missing++
          append(
            context,
            name,
            topicId,
            index,
            records,
            acks,
            request.timeoutMs,
            (result, partition) => {
              fill(response, result, partition)
              if (--missing === 0) resolve(responses)
            },
          )
          return response
        }),
      }))
      if (--missing === 0) resolve(responses)
    })
    return answered.then((responses) => {
      if (acks !== 0) return { responses }
      // Nobody reads an answer: only a broken connection tells the producer to look again.
      const failed = responses.some(({ partitionResponses }) =>
        partitionResponses.some(({ errorCode }) => errorCode !== 'NONE'),
      )
      return failed ? closeConnection : null
    })
  },
)

type MutablePartitionResponse = { -readonly [K in keyof PartitionResponse]: PartitionResponse[K] }

const unanswered: PartitionResponse = {
  index: -1,
  errorCode: 'NONE',
  baseOffset: -1,
  logAppendTimeMs: -1,
  logStartOffset: -1,
  recordErrors: [],
  errorMessage: null,
  currentLeader: undefined,
}

type Appended = (result: AppendResult | ErrorName, partition: Partition | null) => void

function append(
  { replicas, version, clientId }: RequestContext,
  name: string,
  topicId: string,
  index: number,
  records: Buffer | null,
  acks: number,
  timeoutMs: number,
  done: Appended,
): void {
  if (acks !== 0 && acks !== 1 && acks !== -1) return done('INVALID_REQUIRED_ACKS', null)
  const partition =
    version >= FIRST_VERSION_WITH_TOPIC_IDS
      ? replicas.findById(topicId, index)
      : replicas.find(name, index)
  if (typeof partition === 'string') return done(partition, null)
  const refusal = refuse(records, version)
  if (refusal !== null || records === null) return done(refusal ?? 'INVALID_RECORD', partition)
  if (isInternalTopic(partition.topic) && clientId !== ADMIN_CLIENT_ID) {
    return done('INVALID_TOPIC_EXCEPTION', partition)
  }
  partition.append(records, acks satisfies RequiredAcks, 'client', timeoutMs, (result) =>
    done(result, partition),
  )
}

/** What Kafka checks before a partition's log sees the records. */
function refuse(records: Buffer | null, version: number): ErrorName | null {
  // Exactly one batch of magic 2 for a partition (Kafka's ProduceRequest.validateRecords).
  if (records === null || records.length < BATCH_HEADER_BYTES) return 'INVALID_RECORD'
  if (batchMagic(records, 0) !== 2) return 'INVALID_RECORD'
  if (batchSizeBytes(records, 0) < records.length) return 'INVALID_RECORD'
  const compression = compressionType(batchAttributes(records, 0))
  if (compression === 'zstd' && version < FIRST_VERSION_WITH_ZSTD)
    return 'UNSUPPORTED_COMPRESSION_TYPE'
  return null
}

function fill(
  response: MutablePartitionResponse,
  result: AppendResult | ErrorName,
  partition: Partition | null,
): void {
  if (typeof result === 'string') {
    response.errorCode = result
    return
  }
  response.errorCode = result.errorCode
  response.errorMessage = result.errorMessage
  response.recordErrors = result.recordErrors
  response.baseOffset = result.baseOffset
  response.logAppendTimeMs = result.logAppendTimeMs
  response.logStartOffset = result.logStartOffset
  if (result.errorCode === 'NOT_LEADER_OR_FOLLOWER' && partition !== null) {
    // [KIP-951] Saves the producer a Metadata request.
    const { leader, leaderEpoch } = partition.assignment
    response.currentLeader = { leaderId: leader, leaderEpoch }
  }
}
