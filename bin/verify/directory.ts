import { basename, dirname, resolve } from 'node:path'
import { parseOffsetCheckpoint } from '../../src/log/state/checkpoints.ts'
import { parseMetaProperties } from '../../src/log/directory/meta-properties.ts'
import {
  directorySuffix,
  parsePartitionDirectoryName,
  parseSegmentFileName,
} from '../../src/log/base/paths.ts'
import { CommandError } from '../errors.ts'
import { fileKind, dumpFile } from '../dump/file.ts'
import { contentOf, found, type Check, type Report, type Reports } from './check.ts'
import { PartitionScan } from './partition-scan.ts'
import { verifyPartition, type PartitionToVerify } from './partition.ts'
import { verifySnapshot } from './quorum.ts'
import { verifySegment } from './segment.ts'

const METADATA_LOG = '__cluster_metadata-0'
const CLEAN_SHUTDOWN = '.kafka_cleanshutdown'
const RECOVERY_POINTS = 'recovery-point-offset-checkpoint'
const CLEANED = 'cleaner-offset-checkpoint'
/** What the offsets in each file are, so that they can't be beyond the log's end. */
const CHECKPOINTS: Readonly<Record<string, string>> = {
  [RECOVERY_POINTS]: 'was flushed up to',
  'replication-offset-checkpoint': 'had a high watermark of',
  'log-start-offset-checkpoint': 'had a log start of',
  [CLEANED]: 'was cleaned up to',
}

/** A log directory, a partition's directory, or a file of one. Throws CommandError for anything else. */
export function* verifyPath(check: Check, path: string): Reports {
  const { disk } = check
  if (!disk.exists(path)) throw new CommandError('NOT_FOUND', `${path} does not exist`)
  if (!disk.stat(path).isDirectory) return yield* verifyFile(check, path)
  const name = basename(resolve(path))
  if (parsePartitionDirectoryName(name) !== null || directorySuffix(name) !== null) {
    yield* verifyPartition(check, partitionIn(check, resolve(path)))
    return
  }
  yield* verifyLogDirectory(check, path)
}

/** What the log directory says of a partition in it. */
function partitionIn({ disk }: Check, path: string): PartitionToVerify {
  const name = basename(path)
  const home = dirname(path)
  const kept = (file: string): number | undefined => {
    const content = contentOf(disk, `${home}/${file}`)
    return parseOffsetCheckpoint(content?.toString('utf8') ?? '')?.get(name)
  }
  return {
    directory: path,
    isMetadata: name === METADATA_LOG,
    isClosed: disk.exists(`${home}/${CLEAN_SHUTDOWN}`),
    recoveryPoint: kept(RECOVERY_POINTS) ?? 0,
    isCleaned: kept(CLEANED) !== undefined,
  }
}

function* verifyLogDirectory(check: Check, directory: string): Reports {
  const { disk } = check
  const names = disk.list(directory)
  const partitions = names.filter((name) => {
    const isPartition = parsePartitionDirectoryName(name) !== null
    return isPartition && disk.stat(`${directory}/${name}`).isDirectory
  })
  if (partitions.length === 0 && !names.includes('meta.properties')) {
    throw new CommandError('NO_LOGS', `${directory} is no log directory and no partition's`)
  }
  yield* verifyMetaProperties(check, directory)
  // Before the logs: these are never ahead of them, however fast a broker writes on.
  const checkpoints = new Map<string, ReadonlyMap<string, number>>()
  for (const name of Object.keys(CHECKPOINTS)) {
    checkpoints.set(name, yield* readCheckpoint(check, `${directory}/${name}`))
  }
  const isClosed = disk.exists(`${directory}/${CLEAN_SHUTDOWN}`)
  if (names.includes('bootstrap.checkpoint')) {
    yield* verifySnapshot(check, `${directory}/bootstrap.checkpoint`)
  }
  for (const name of partitions.sort()) {
    const path = `${directory}/${name}`
    if (!disk.exists(path)) continue
    const endOffset = yield* verifyPartition(check, {
      directory: path,
      isMetadata: name === METADATA_LOG,
      isClosed,
      recoveryPoint: checkpoints.get(RECOVERY_POINTS)!.get(name) ?? 0,
      isCleaned: checkpoints.get(CLEANED)!.has(name),
    })
    for (const [file, offsets] of checkpoints) {
      const offset = offsets.get(name)
      if (offset === undefined || offset <= endOffset || !disk.exists(path)) continue
      const problem = `${name} ${CHECKPOINTS[file]} ${offset}, and its log ends at ${endOffset}: records are lost`
      yield found({ file: `${directory}/${file}`, offset, problem })
    }
  }
}

function* verifyMetaProperties({ disk }: Check, directory: string): Reports {
  const file = `${directory}/meta.properties`
  const content = contentOf(disk, file)
  if (content === null) yield found({ file, problem: 'It is missing' })
  else if (parseMetaProperties(content.toString('utf8')) === null) {
    yield found({ file, problem: 'It is damaged' })
  }
}

function* readCheckpoint(
  { disk }: Check,
  file: string,
): Generator<Report, ReadonlyMap<string, number>> {
  const offsets = parseOffsetCheckpoint(contentOf(disk, file)?.toString('utf8') ?? '')
  if (offsets === null) yield found({ file, problem: 'It is damaged' })
  return offsets ?? new Map()
}

/** A segment or one of its indexes: all of them together. Other files by themselves. */
function* verifyFile(check: Check, path: string): Reports {
  const parsed = parseSegmentFileName(basename(path))
  const directory = dirname(path)
  if (path.endsWith('.checkpoint')) return yield* verifySnapshot(check, path)
  if (parsed !== null && /^(?:log|index|timeindex|txnindex)$/.test(parsed.suffix)) {
    const { isClosed, recoveryPoint } = partitionIn(check, resolve(directory))
    const later = check.disk
      .list(directory)
      .flatMap((name) => {
        const each = parseSegmentFileName(name)
        return each?.suffix === 'log' && each.offset > parsed.offset ? [each.offset] : []
      })
      .sort((one, other) => one - other)
    const segment = { directory, baseOffset: parsed.offset, nextBaseOffset: later[0] ?? null }
    const scan = new PartitionScan([])
    return yield* verifySegment(check, { ...segment, isClosed, recoveryPoint }, scan)
  }
  if (fileKind(path) === null) {
    throw new CommandError('UNKNOWN_FILE', `${path} is not a file that log directories have`)
  }
  for (const item of dumpFile(path, { ...check, withRecords: false })) {
    if (item.kind === 'problem') yield found({ file: path, problem: item.problem })
  }
}
