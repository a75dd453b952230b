import { DescribeLogDirs } from '../../protocol/messages/describe-log-dirs.ts'
import type { DescribeLogDirsRequest } from '../../protocol/messages/describe-log-dirs.ts'
import type { DiskSpace } from '../host/host.ts'
import type { LogDirectory } from '../log/directory/directory.ts'
import type { Log } from '../log/log.ts'
import { METADATA_TOPIC } from '../log/base/paths.ts'
import type { RequestContext } from './context.ts'
import { handle } from './handler.ts'

type DirectoryResponse = (typeof DescribeLogDirs)['response']['encoded']['results'][number]
type Filter = (topic: string, partition: number) => boolean

const UNKNOWN_LAG = -1

/** DescribeLogDirs: v1-5. What lies in this broker's directories; v4 has the size of their volumes (KIP-827). */
export const describeLogDirs = handle(DescribeLogDirs).by((request, context) => {
  const isAsked = filterOf(request.topics)
  return {
    errorCode: 'NONE',
    results: context.services.logs.directories.map((directory) =>
      describe(directory, isAsked, context),
    ),
  }
})

function filterOf(topics: DescribeLogDirsRequest['topics']): Filter {
  if (topics === null) return () => true
  const asked = new Set(
    topics.flatMap(({ topic, partitions }) => partitions.map((index) => `${index}/${topic}`)),
  )
  return (topic, partition) => asked.has(`${partition}/${topic}`)
}

function describe(
  directory: LogDirectory,
  isAsked: Filter,
  context: RequestContext,
): DirectoryResponse {
  const { path: logDir } = directory
  const space = directory.failure === null ? spaceOf(logDir, context) : null
  if (space === null) return { errorCode: 'KAFKA_STORAGE_ERROR', logDir, topics: [] }
  const topics = new Map<string, DirectoryResponse['topics'][number]['partitions'][number][]>()
  for (const log of directory.logs.values()) {
    const { topic, partition } = log
    if (topic === METADATA_TOPIC || !isAsked(topic, partition)) continue
    const partitions = topics.get(topic) ?? []
    topics.set(topic, partitions)
    partitions.push({
      partitionIndex: partition,
      partitionSize: log.sizeBytes,
      offsetLag: lagOf(log, context),
      isFutureKey: log.isFuture,
    })
  }
  return {
    errorCode: 'NONE',
    logDir,
    topics: Array.from(topics, ([name, partitions]) => ({ name, partitions })),
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
