import type { ErrorName } from '../../protocol/errors.ts'
import { Produce } from '../../protocol/messages/produce.ts'
import type { ProduceRequest, ProduceResponse } from '../../protocol/messages/produce.ts'
import {
  BATCH_HEADER_BYTES,
  CURRENT_MAGIC,
  HEADER_BYTES_UP_TO_MAGIC,
  LEAST_LENGTH,
  LOG_OVERHEAD_BYTES,
  batchAttributes,
  batchMagic,
  batchProducerId,
  batchSizeBytes,
  compressionType,
  haveSameProducer,
  isProducerIdSafe,
  isTransactional,
} from '../../protocol/records/batch.ts'
import { ZERO_UUID } from '../../protocol/schema.ts'
import type { AppendResult } from '../log/base/results.ts'
import { isInternalTopic } from '../metadata/internal-topics.ts'
import type { RequiredAcks } from '../replication/partition/partition.ts'
import { all, each, one } from './access.ts'
import type { Access } from './access.ts'
import { closeConnection, hangUp, isAnswer, Later } from './answer.ts'
import type { Answer } from './answer.ts'
import type { RequestContext } from './context.ts'
import { currentLeader, endpointsOf } from './current-leader.ts'
import { handle } from './handler.ts'
import { appendInTransaction } from './produce-in-transaction.ts'
import type { Appended, OfTransaction } from './produce-in-transaction.ts'

type TopicRequest = ProduceRequest['topicData'][number]
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
export const produce = handle(Produce, {
  access: all(
    itsTransaction(),
    each('TOPIC', 'WRITE', {
      items: 'topicData',
      nameOf: ({ name, topicId }, { services: { cluster } }) =>
        topicId === ZERO_UUID ? name : (cluster().topicById(topicId)?.name ?? null),
      answers: 'responses',
      refuse: (topic, { errorCode }) => refusedTopic(topic, errorCode),
    }),
  ),
  advertised: [0, 13],
  pipelined: true,
  pooled: true,
}).by((request, context) => {
  const refused = refuseAll(request)
  if (refused !== null) return answerAll(request, refused)
  return new ProduceAnswer(request, context)
})

/** The answer to one request: given when its last partition has its result. Until then it is all that is kept of it. */
class ProduceAnswer extends Later<ProduceResponse> {
  readonly #acks: number
  readonly #responses: TopicResponse[]
  readonly #context: RequestContext
  #ofTransaction: OfTransaction[] | null = null
  #missing = 1
  /** Somebody else leads one of the partitions. */
  #isMisled = false
  /** What one of them was sent has not been replicated in time. */
  #isLate = false

  constructor(request: ProduceRequest, context: RequestContext) {
    super()
    this.#acks = request.acks
    this.#context = context
    this.#responses = request.topicData.map(({ name, topicId, partitionData }) => ({
      name,
      topicId,
      partitionResponses: partitionData.map(({ index, records }) => {
        const response = unanswered(index)
        this.#missing++
        const held = append(request, context, name, topicId, index, records, (result) => {
          fill(response, result)
          if (response.errorCode === 'NOT_LEADER_OR_FOLLOWER') this.#isMisled = true
          if (response.errorCode === 'REQUEST_TIMED_OUT') this.#isLate = true
          this.#appended()
        })
        if (held !== null) (this.#ofTransaction ??= []).push(held)
        return response
      }),
    }))
    if (this.#ofTransaction !== null) appendInTransaction(request, context, this.#ofTransaction)
    this.#appended()
  }

  #appended(): void {
    if (--this.#missing > 0) return
    if (this.#isLate && !this.#context.services.hasSession()) return this.give(this.#sendAway())
    const answer = answerOf(this.#acks, this.#responses)
    this.give(this.#isMisled ? withLeaders(answer, this.#context) : answer)
  }

  /**
   * This broker may have been cut off from the others, who then have another one lead. REQUEST_TIMED_OUT, which Apache Kafka says,
   * has librdkafka try the same leader again until its records are too old, or ask this broker alone who leads.
   */
  #sendAway(): Answer<ProduceResponse> {
    this.#context.services.doubtItself()
    return hangUp
  }
}

/** [KIP-951] With those who lead instead. */
function withLeaders(
  answer: Answer<ProduceResponse>,
  context: RequestContext,
): Answer<ProduceResponse> {
  if (!isAnswer(answer)) return answer
  const leaders = new Set<number>()
  const responses = answer.responses.map(
    ({ name = '', topicId = ZERO_UUID, partitionResponses }) => ({
      name,
      topicId,
      partitionResponses: partitionResponses.map((response) => {
        if (response.errorCode !== 'NOT_LEADER_OR_FOLLOWER') return response
        const leader = currentLeader(name, topicId, response.index, context)
        if (leader !== undefined) leaders.add(leader.leaderId)
        return { ...response, currentLeader: leader }
      }),
    }),
  )
  return { responses, nodeEndpoints: endpointsOf(leaders, context) }
}

function answerOf(acks: number, responses: TopicResponse[]): Answer<ProduceResponse> {
  if (acks !== 0) return { responses }
  // Nobody reads an answer: only a broken connection tells the producer to look again.
  const failed = responses.some(({ partitionResponses }) =>
    partitionResponses.some(({ errorCode }) => errorCode !== 'NONE'),
  )
  return failed ? closeConnection : null
}

/**
 * What Kafka finds wrong before it looks at any partition by itself: the first batch of one is noise, or belongs to a
 * transaction that the request doesn't name, or to another one than that of another partition. Then no partition is written to.
 */
function refuseAll({ topicData, transactionalId }: ProduceRequest): ErrorName | null {
  let first: Buffer | null = null
  for (const { partitionData } of topicData) {
    for (const { records } of partitionData) {
      if (records === null) continue
      const batch = firstBatch(records)
      if (batch === 'noise' && first === null) return 'CORRUPT_MESSAGE'
      if (batch === null || batch === 'noise' || batchMagic(batch, 0) !== CURRENT_MAGIC) continue
      if (!isTransactional(batchAttributes(batch, 0))) continue
      if (transactionalId === null) return 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED'
      first ??= batch
      if (!isOfOneProducer(batch, first)) return 'INVALID_PRODUCER_ID_MAPPING'
    }
  }
  return null
}

function isOfOneProducer(one: Buffer, other: Buffer): boolean {
  if (one === other || !isWithHeader(one) || !isWithHeader(other)) return true
  return haveSameProducer(one, 0, other, 0)
}

function isWithHeader(batch: Buffer): boolean {
  return batch.length >= BATCH_HEADER_BYTES
}

/** What records of a transaction demand before anything is said of topics: its id, and WRITE for that. */
function itsTransaction(): Access<ProduceRequest, ProduceResponse> {
  const refusal = 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED'
  const write = one<ProduceRequest, ProduceResponse>(
    'TRANSACTIONAL_ID',
    'WRITE',
    ({ transactionalId }) => transactionalId,
    (request) => answerAll(request, refusal),
  )
  return {
    needs: write.needs,
    judge: (request, context) => {
      if (!isInTransaction(request)) return { request, complete: null }
      return request.transactionalId === null
        ? { refused: answerAll(request, refuseAll(request) ?? refusal) }
        : write.judge(request, context)
    },
  }
}

function isInTransaction({ topicData }: ProduceRequest): boolean {
  return topicData.some(({ partitionData }) =>
    partitionData.some(({ records }) => {
      const batch = records === null ? null : firstBatch(records)
      if (batch === null || batch === 'noise' || batchMagic(batch, 0) !== CURRENT_MAGIC)
        return false
      return isTransactional(batchAttributes(batch, 0))
    }),
  )
}

/** The batch that the bytes begin with, whole; null for none, `noise` for what can't become one. */
function firstBatch(records: Buffer): Buffer | 'noise' | null {
  if (records.length < LOG_OVERHEAD_BYTES) return null
  const sizeBytes = batchSizeBytes(records, 0)
  if (sizeBytes < LEAST_LENGTH + LOG_OVERHEAD_BYTES) return 'noise'
  if (records.length < HEADER_BYTES_UP_TO_MAGIC) return null
  const magic = batchMagic(records, 0)
  if (magic < 0 || magic > CURRENT_MAGIC) return 'noise'
  if (sizeBytes === records.length) return records
  return sizeBytes > records.length ? null : records.subarray(0, sizeBytes)
}

function answerAll(
  { acks, topicData }: ProduceRequest,
  errorCode: ErrorName,
): Answer<ProduceResponse> {
  if (acks === 0) return closeConnection
  return { responses: topicData.map((topic) => refusedTopic(topic, errorCode)) }
}

function refusedTopic({ name, topicId, partitionData }: TopicRequest, errorCode: ErrorName) {
  return {
    name,
    topicId,
    partitionResponses: partitionData.map(({ index }) => ({ ...unanswered(index), errorCode })),
  }
}

type MutablePartitionResponse = { -readonly [K in keyof PartitionResponse]: PartitionResponse[K] }

function unanswered(index: number): MutablePartitionResponse {
  return {
    index,
    errorCode: 'NONE',
    baseOffset: -1,
    logAppendTimeMs: -1,
    logStartOffset: -1,
    recordErrors: NO_RECORD_ERRORS,
    errorMessage: null,
    currentLeader: undefined,
  }
}

const NO_RECORD_ERRORS: PartitionResponse['recordErrors'] = []

/** Appends at once, unless the batch is of a transaction: that is given back. */
function append(
  { acks, timeoutMs }: ProduceRequest,
  { services: { replicas }, version, clientId }: RequestContext,
  name: string,
  topicId: string,
  index: number,
  records: Buffer | null,
  done: Appended,
): OfTransaction | null {
  const partition =
    version >= FIRST_VERSION_WITH_TOPIC_IDS
      ? replicas.findById(topicId, index)
      : replicas.find(name, index)
  if (typeof partition === 'string') return refuse(done, partition)
  const batch = onlyBatch(records, version)
  if (typeof batch === 'string') return refuse(done, batch)
  if (!isRequiredAcks(acks)) return refuse(done, 'INVALID_REQUIRED_ACKS')
  if (isInternalTopic(partition.topic) && clientId !== ADMIN_CLIENT_ID) {
    return refuse(done, 'INVALID_TOPIC_EXCEPTION')
  }
  if (isOfTransaction(batch)) return { partition, batch, acks, done }
  partition.append(batch, acks, 'client', timeoutMs, done)
  return null
}

/** As Kafka: a transaction that nobody has is none. One of an impossible producer the log refuses. */
function isOfTransaction(batch: Buffer): boolean {
  if (!isTransactional(batchAttributes(batch, 0))) return false
  return isProducerIdSafe(batch, 0) && batchProducerId(batch, 0) >= 0
}

function refuse(done: Appended, error: ErrorName): null {
  done(error)
  return null
}

function isRequiredAcks(acks: number): acks is RequiredAcks {
  return acks === 0 || acks === 1 || acks === -1
}

/**
 * What Kafka checks before a partition's log sees the records (its ProduceRequest.validateRecords): they are one batch of
 * magic 2. What follows it and isn't a whole batch is left out.
 */
function onlyBatch(records: Buffer | null, version: number): Buffer | ErrorName {
  const batch = records === null ? null : firstBatch(records)
  if (batch === 'noise') return 'CORRUPT_MESSAGE'
  if (records === null || batch === null) return 'INVALID_RECORD'
  if (batchMagic(batch, 0) !== CURRENT_MAGIC) return 'INVALID_RECORD'
  if (batch.length < BATCH_HEADER_BYTES) return 'CORRUPT_MESSAGE'
  if (batch.length < records.length) {
    const next = firstBatch(records.subarray(batch.length))
    if (next !== null) return next === 'noise' ? 'CORRUPT_MESSAGE' : 'INVALID_RECORD'
  }
  const attributes = batchAttributes(batch, 0)
  if (compressionType(attributes) === 'zstd' && version < FIRST_VERSION_WITH_ZSTD) {
    return 'UNSUPPORTED_COMPRESSION_TYPE'
  }
  return batch
}

function fill(response: MutablePartitionResponse, result: AppendResult | ErrorName): void {
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
}
