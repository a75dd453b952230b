import type { LogContext } from '../context.ts'
import { OFFSETS_IN_A_SEGMENT } from '../segment/offset-index.ts'
import { parseSegmentFileName, SEGMENT_KINDS, segmentFileName } from '../base/paths.ts'
import { readNow } from '../segment/scan.ts'
import { scanAround } from '../segment/damage.ts'

const READ_BYTES = 1024 * 1024

/**
 * Ends what a cleaner had begun when its process died, as Kafka does: files to be deleted and half-cleaned segments go;
 * a segment that was about to take the place of others (`.swap`) takes it, unless a half-cleaned one says that not all
 * of its kind were complete. Its indexes come with it, or are built anew.
 */
export function completeSwaps(context: LogContext, path: string, names: readonly string[]): void {
  const { disk } = context.host
  const files = names.map((name) => ({ name, file: parseSegmentFileName(name) }))
  const offsetsOf = (suffix: string): number[] =>
    files.filter(({ file }) => file?.suffix === suffix).map(({ file }) => file!.offset)
  const leastCleaned = Math.min(
    Infinity,
    ...files.filter(({ name }) => name.endsWith('.cleaned')).map(({ file }) => file?.offset ?? 0),
  )
  const swapped = offsetsOf('log.swap').filter((offset) => offset < leastCleaned)
  for (const offset of swapped) {
    const swap = `${path}/${segmentFileName(offset, 'log')}.swap`
    const nextOffset = endOf(context, swap, offset)
    for (const replaced of offsetsOf('log')) {
      if (replaced > offset && replaced < nextOffset) removeSegment(context, path, replaced)
    }
    // Of the one with its own offset, the indexes may be there although the `.log` has gone.
    removeSegment(context, path, offset)
    disk.rename(swap, `${path}/${segmentFileName(offset, 'log')}`)
  }
  for (const { name, file } of files) {
    if (!/\.(deleted|cleaned|swap)$/.test(name) || !disk.exists(`${path}/${name}`)) continue
    const isIndex = name.endsWith('.swap') && file !== null && file.offset < leastCleaned
    const target = `${path}/${name.slice(0, -'.swap'.length)}`
    if (isIndex && !disk.exists(target)) disk.rename(`${path}/${name}`, target)
    else disk.remove(`${path}/${name}`)
  }
}

/** Where it ends, past what is damaged: else what it replaces beyond the damage would stay beside it. */
function endOf(context: LogContext, path: string, baseOffset: number): number {
  const file = context.host.disk.open(path, 'read')
  try {
    const scan = scanAround({
      from: 0,
      end: file.size(),
      what: 'headers',
      readBytes: READ_BYTES,
      visit: () => true,
      fromOffset: baseOffset,
      endOffset: baseOffset + OFFSETS_IN_A_SEGMENT,
      crc32c: context.codecs.crc32c,
      passes: () => true,
      checksStop: false,
    })
    return readNow(file, scan).nextOffset
  } finally {
    file.close()
  }
}

function removeSegment(context: LogContext, path: string, offset: number): void {
  const { disk } = context.host
  for (const kind of SEGMENT_KINDS) {
    const file = `${path}/${segmentFileName(offset, kind)}`
    if (disk.exists(file)) disk.remove(file)
  }
}
