import { DescribeLogDirs } from '../../protocol/messages/describe-log-dirs.ts'
import type { DescribeLogDirsRequest } from '../../protocol/messages/describe-log-dirs.ts'
import type { DiskSpace } from '../host/host.ts'
import type { LogDirectory } from '../log/directory/directory.ts'
import type { Log } from '../log/log.ts'
import { METADATA_TOPIC } from '../log/base/paths.ts'
import { knowsCordoned } from '../metadata/features.ts'
import { cluster } from './access.ts'
import type { RequestContext } from './context.ts'
import { handle } from './handler.ts'
import { inTurnsOfStored } from './turns.ts'

type DirectoryResponse = (typeof DescribeLogDirs)['response']['encoded']['results'][number]
type Filter = (topic: string, partition: number) => boolean

const UNKNOWN_LAG = -1

/** What a topic and a partition take in an answer, about. */
const TOPIC_BYTES = 100
const PARTITION_BYTES = 100

/**
 * DescribeLogDirs: v1-5. What lies in this broker's directories; v4 has the size of their volumes (KIP-827), v5 which are
 * cordoned (KIP-1066).
 */
export const describeLogDirs = handle(DescribeLogDirs, {
  access: cluster('DESCRIBE', (_request, { errorCode }) => ({ errorCode, results: [] })),
}).by(async (request, context) => {
  const isAsked = filterOf(request.topics)
  const levels = context.services
    .features()
    .finalized.map(({ name, maxVersionLevel }) => [name, maxVersionLevel] as const)
  const knows = knowsCordoned(new Map(levels))
  const results: DirectoryResponse[] = []
  for (const directory of context.services.logs.directories) {
    results.push(await describe(directory, isAsked, knows, context))
  }
  return { errorCode: 'NONE', results }
})

function filterOf(topics: DescribeLogDirsRequest['topics']): Filter {
  if (topics === null) return () => true
  const asked = new Set(
    topics.flatMap(({ topic, partitions }) => partitions.map((index) => `${index}/${topic}`)),
  )
  return (topic, partition) => asked.has(`${partition}/${topic}`)
}

async function describe(
  directory: LogDirectory,
  isAsked: Filter,
  knows: boolean,
  context: RequestContext,
): Promise<DirectoryResponse> {
  const { path: logDir } = directory
  const space = directory.failure === null ? spaceOf(logDir, context) : null
  if (space === null) return { errorCode: 'KAFKA_STORAGE_ERROR', logDir, topics: [] }
  const topics = new Map<string, DirectoryResponse['topics'][number]['partitions'][number][]>()
  await inTurnsOfStored(context.services, directory.logs.values(), (log) => {
    const { topic, partition } = log
    if (topic === METADATA_TOPIC || !isAsked(topic, partition)) return null
    let partitions = topics.get(topic)
    if (partitions === undefined) {
      topics.set(topic, (partitions = []))
      context.spend(TOPIC_BYTES + topic.length)
    }
    context.spend(PARTITION_BYTES)
    return partitions.push({
      partitionIndex: partition,
      partitionSize: log.sizeBytes,
      offsetLag: lagOf(log, context),
      isFutureKey: log.isFuture,
    })
  })
  return {
    errorCode: 'NONE',
    logDir,
    topics: Array.from(topics, ([name, partitions]) => ({ name, partitions })),
    isCordoned: directory.isCordoned && knows,
    ...space,
  }
}

/** How far the log's end is behind the high watermark, as a follower's may be; a copy's, behind the end of what it copies. */
function lagOf(log: Log, { services: { replicas, logs } }: RequestContext): number {
  const partition = replicas.find(log.topic, log.partition)
  const current = logs.get(log.topic, log.partition)
  if (typeof partition === 'string' || partition.log === null || current === undefined) {
    return UNKNOWN_LAG
  }
  return log.isFuture
    ? current.logEndOffset - log.logEndOffset
    : Math.max(current.highWatermark - log.logEndOffset, 0)
}

/** Null when the directory can't be looked at, as when somebody has unmounted it. */
function spaceOf(path: string, context: RequestContext): DiskSpace | null {
  try {
    return context.services.spaceOf(path)
  } catch {
    return null
  }
}
