import type { ErrorName } from '../../protocol/errors.ts'
import { ListOffsets } from '../../protocol/messages/list-offsets.ts'
import type { ListOffsetsRequest } from '../../protocol/messages/list-offsets.ts'
import { CorruptRecordError } from '../../protocol/records/errors.ts'
import { StorageError } from '../log/base/errors.ts'
import type { ReadUpTo } from '../log/base/results.ts'
import type { Log } from '../log/log.ts'
import { each } from './access.ts'
import type { RequestContext } from './context.ts'
import { handle } from './handler.ts'
import { inTurnsOfEach } from './turns.ts'

type PartitionResponse =
  (typeof ListOffsets)['response']['encoded']['topics'][number]['partitions'][number]
type PartitionRequest =
  (typeof ListOffsets)['request']['decoded']['topics'][number]['partitions'][number]

const LATEST = -1n
const EARLIEST = -2n
const MAX_TIMESTAMP = -3n
const EARLIEST_LOCAL = -4n
const LATEST_TIERED = -5n
const EARLIEST_PENDING_UPLOAD = -6n

/** The first version that knows each name; below it the request is refused (kafka#16873). */
const SINCE = new Map([
  [MAX_TIMESTAMP, 7],
  [EARLIEST_LOCAL, 8],
  [LATEST_TIERED, 9],
  [EARLIEST_PENDING_UPLOAD, 11],
])

const READ_COMMITTED = 1
const FIRST_VERSION_WITH_NOT_AVAILABLE = 5
const UNKNOWN = { timestamp: -1n, offset: -1, leaderEpoch: -1 }

/** ListOffsets: v1-11. Names of ends, and the first record at or after a time. */
export const listOffsets = handle(ListOffsets, {
  access: each('TOPIC', 'DESCRIBE', {
    items: 'topics',
    nameOf: ({ name }) => name,
    answers: 'topics',
    refuse: ({ name, partitions }, { errorCode }) => ({
      name,
      partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode })),
    }),
  }),
}).by(async (request, context) => {
  const upTo = readsUpTo(request)
  const seen = new Set<string>()
  const repeated = new Set<string>()
  for (const { name, partitions } of request.topics) {
    for (const { partitionIndex } of partitions) {
      const key = `${partitionIndex}/${name}`
      if (seen.has(key)) repeated.add(key)
      seen.add(key)
    }
  }
  const topics = await inTurnsOfEach(
    context.services,
    request.topics,
    ({ partitions }) => once(partitions),
    (partition, { name }) =>
      repeated.has(`${partition.partitionIndex}/${name}`)
        ? ({ partitionIndex: partition.partitionIndex, errorCode: 'INVALID_REQUEST' } as const)
        : find(name, partition, upTo, context),
  )
  return { topics: topics.map(({ of, results }) => ({ name: of.name, partitions: results })) }
})

/** A partition that is named more than once is answered once. */
function once(partitions: readonly PartitionRequest[]): PartitionRequest[] {
  return [...new Map(partitions.map((each) => [each.partitionIndex, each])).values()]
}

async function find(
  topic: string,
  { partitionIndex, currentLeaderEpoch, timestamp }: PartitionRequest,
  upTo: ReadUpTo,
  { services: { replicas }, version }: RequestContext,
): Promise<PartitionResponse> {
  if (timestamp < 0n && timestamp < EARLIEST && version < (SINCE.get(timestamp) ?? Infinity)) {
    return { partitionIndex, errorCode: 'UNSUPPORTED_VERSION' }
  }
  const partition = replicas.find(topic, partitionIndex)
  if (typeof partition === 'string') return { partitionIndex, errorCode: partition }
  const error = partition.checkLeader(currentLeaderEpoch)
  if (error !== 'NONE') return { partitionIndex, errorCode: error }
  const { log } = partition
  if (log === null) return { partitionIndex, errorCode: partition.whyUnusable }
  try {
    const isBehind = upTo !== 'logEnd' && partition.isHighWatermarkBehind
    const found = await lookUp(log, timestamp, readableEnd(log, upTo), isBehind)
    if (found === null) return { partitionIndex, errorCode: notAvailable(version) }
    const { offset, leaderEpoch = partition.leaderEpoch } = found
    return { partitionIndex, errorCode: 'NONE', timestamp: found.timestamp, offset, leaderEpoch }
  } catch (error) {
    // Whatever one partition holds, the answer for the others is good.
    if (error instanceof CorruptRecordError) return { partitionIndex, errorCode: 'CORRUPT_MESSAGE' }
    if (error instanceof StorageError) return { partitionIndex, errorCode: partition.whyUnusable }
    throw error
  }
}

/** [KIP-207] The error is told by its name from v5 on. */
function notAvailable(version: number): ErrorName {
  return version < FIRST_VERSION_WITH_NOT_AVAILABLE
    ? 'LEADER_NOT_AVAILABLE'
    : 'OFFSET_NOT_AVAILABLE'
}

/** Followers are told of what isn't replicated yet. */
function readsUpTo({ replicaId, isolationLevel }: ListOffsetsRequest): ReadUpTo {
  if (replicaId >= 0) return 'logEnd'
  return isolationLevel === READ_COMMITTED ? 'lastStable' : 'highWatermark'
}

function readableEnd(log: Log, upTo: ReadUpTo): number {
  if (upTo === 'logEnd') return log.logEndOffset
  return upTo === 'lastStable' ? log.lastStableOffset : log.highWatermark
}

/**
 * An offset's epoch is that of its record, and the leader's own only at the end (KAFKA's ListOffsets, RP#30100).
 * @param isBehind where the log ends for consumers isn't known: a new leader may know less of it than they do
 * @returns null where that would have to be known
 */
async function lookUp(
  log: Log,
  timestamp: bigint,
  readable: number,
  isBehind: boolean,
): Promise<{ timestamp: bigint; offset: number; leaderEpoch?: number } | null> {
  switch (timestamp) {
    case LATEST:
      return isBehind ? null : { timestamp: -1n, offset: readable }
    case EARLIEST:
    case EARLIEST_LOCAL:
      return log.earliest()
    case LATEST_TIERED:
      // Without remote storage there is no such offset.
      return UNKNOWN
    case EARLIEST_PENDING_UPLOAD:
      return UNKNOWN
    default: {
      const found =
        timestamp === MAX_TIMESTAMP
          ? await log.latestTimestamp()
          : await log.offsetForTimestamp(timestamp)
      if (found !== null && found.offset < readable) return found
      return isBehind ? null : UNKNOWN
    }
  }
}
