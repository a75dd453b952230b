import { basename, dirname, resolve } from 'node:path'
import type { Codecs } from '../../protocol/records/codecs.ts'
import type { Disk, DiskFile } from '../../src/host/host.ts'
import { parseSegmentFileName } from '../../src/log/base/paths.ts'
import { CommandError } from '../errors.ts'
import { decoderFor, type Decoder } from './decoders.ts'
import {
  dumpOffsetIndex,
  dumpProducerSnapshot,
  dumpTimeIndex,
  dumpTransactionIndex,
} from './indexes.ts'
import { dumpLog, type DumpItem } from './log.ts'
import { dumpText } from './texts.ts'

export interface FileDumpOptions {
  readonly disk: Disk
  readonly codecs: Codecs
  readonly withRecords: boolean
  /** By the name of the directory unless given. */
  readonly decoder?: Decoder
}

/** What a file in a log directory is, by its name; null for what we don't know. */
export function fileKind(
  path: string,
): 'log' | 'index' | 'timeindex' | 'txnindex' | 'snapshot' | 'text' | null {
  const name = basename(path)
  // Segments on their way out or in are called .log.deleted, .log.cleaned or .log.swap.
  const plain = name.replace(/\.(?:deleted|cleaned|swap)$/, '')
  const extension = /\.(log|index|timeindex|txnindex|snapshot)$/.exec(plain)?.[1]
  if (extension !== undefined) return extension as 'log'
  if (name.endsWith('.checkpoint')) return 'log'
  const isText =
    name.endsWith('-checkpoint') ||
    name.endsWith('.properties') ||
    ['partition.metadata', 'quorum-state', '.kafka_cleanshutdown'].includes(name)
  return isText ? 'text' : null
}

/** All that is in a file of a log directory. Throws CommandError where that isn't known, and the disk's errors. */
export function* dumpFile(path: string, options: FileDumpOptions): Generator<DumpItem> {
  const kind = fileKind(path)
  if (kind === null) {
    throw new CommandError(
      'UNKNOWN_FILE',
      `${path} is not a file that log directories have`,
      'Give a .log, .index, .timeindex, .txnindex, .snapshot, .checkpoint, or one of the checkpoints by their names.',
    )
  }
  const { disk, codecs, withRecords } = options
  if (kind === 'log') {
    const isSnapshot = path.endsWith('.checkpoint')
    const decoder =
      options.decoder ?? (isSnapshot ? 'metadata' : decoderFor(basename(dirname(resolve(path)))))
    return yield* withOpen(disk, path, (file) => dumpLog(file, { codecs, decoder, withRecords }))
  }
  const content = disk.readFile(path)
  if (kind === 'text') return yield* dumpText(basename(path), content.toString('utf8'))
  if (kind === 'snapshot') return yield* dumpProducerSnapshot(content, codecs)
  if (kind === 'txnindex') return yield* dumpTransactionIndex(content)
  const baseOffset = parseSegmentFileName(basename(path))?.offset
  if (baseOffset === undefined) {
    throw new CommandError('UNKNOWN_FILE', `${path} has no base offset in its name`)
  }
  const log = path.replace(/\.(?:time)?index/, '.log')
  const dump = kind === 'index' ? dumpOffsetIndex : dumpTimeIndex
  if (!disk.exists(log)) return yield* dump(content, baseOffset, null, codecs)
  yield* withOpen(disk, log, (file) => dump(content, baseOffset, file, codecs))
}

function* withOpen(
  disk: Disk,
  path: string,
  dump: (file: DiskFile) => Generator<DumpItem>,
): Generator<DumpItem> {
  const file = disk.open(path, 'read')
  try {
    yield* dump(file)
  } finally {
    file.close()
  }
}
