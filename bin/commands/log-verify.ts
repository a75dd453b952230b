import type { Command } from 'commander'
import { nodeCodecs } from '../../src/host/codecs.ts'
import { systemDisk } from '../../src/host/disk.ts'
import { CommandError } from '../errors.ts'
import { withExamples } from '../options.ts'
import { print, Progress, toJson } from '../output.ts'
import type { Terminal } from '../terminal.ts'
import type { Finding, Tally } from '../verify/check.ts'
import { verifyPath } from '../verify/directory.ts'

interface VerifyOptions {
  readonly deep?: boolean
  readonly json?: boolean
  readonly terminal: Terminal
}

/** Declares `ottla log verify`. */
export function declareVerify(log: Command): void {
  const verify = log
    .command('verify')
    .description('Check every batch of a log directory, and what is kept beside them')
  verify
    .argument('<paths...>', 'log directories, directories of partitions, or files in them')
    .option('--deep', 'decompress batches and decode their records, too')
    .option('--json', 'print JSON, an object a line')
    .addHelpText(
      'after',
      `
Changes nothing and takes no lock, so a broker may run meanwhile; then, and after a crash, a log may end with
something unfinished, which is a note and no damage. Works on directories of Apache Kafka, too.
Exit code: 0 sound, 1 damaged.`,
    )
  withExamples(
    verify,
    'log verify /var/lib/ottla',
    'log verify data/orders-0 --deep',
    'log verify data/orders-0/00000000000000000000.log --json',
  ).action(verifyPaths)
}

async function verifyPaths(paths: readonly string[], options: VerifyOptions): Promise<void> {
  const tally: Tally = { partitions: 0, segments: 0, batches: 0, records: 0, bytes: 0 }
  const check = {
    disk: systemDisk(),
    codecs: nodeCodecs(),
    isDeep: options.deep === true,
    tally,
  }
  const progress = new Progress(options)
  const startMs = performance.now()
  const rate = (): string => {
    const seconds = (performance.now() - startMs) / 1000
    const megabytes = tally.bytes / 1e6
    return `${megabytes.toFixed(1)} MB in ${seconds.toFixed(1)} s (${(megabytes / seconds).toFixed(0)} MB/s)`
  }
  let findings = 0
  for (const path of paths) {
    for (const report of verifyPath(check, path)) {
      progress.show(() => `${tally.partitions} partitions, ${rate()}, ${findings} problems`)
      if (report.kind === 'progress') continue
      const { kind, finding } = report
      if (kind === 'finding') findings++
      progress.clear()
      await print(options, options.json ? toJson({ kind, ...finding }) : textOf(kind, finding))
    }
  }
  progress.clear()
  const seconds = (performance.now() - startMs) / 1000
  await print(
    options,
    options.json
      ? toJson({ kind: 'summary', findings, ...tally, seconds })
      : summary(tally, rate()),
  )
  if (findings > 0) throw new CommandError('DAMAGED', `${many(findings, 'problem')} found`)
}

function textOf(kind: string, { file, position, offset, problem }: Finding): string {
  const place = [
    file,
    ...(position === undefined ? [] : [`position ${position}`]),
    ...(offset === undefined ? [] : [`offset ${offset}`]),
  ].join(', ')
  return `${kind === 'note' ? '- ' : '! '}${place}: ${problem}`
}

function summary({ partitions, segments, batches, records }: Tally, rate: string): string {
  const counts = [
    many(partitions, 'partition'),
    many(segments, 'segment'),
    many(batches, 'batch', 'batches'),
    ...(records > 0 ? [many(records, 'record')] : []),
  ]
  return `Checked ${counts.join(', ')}: ${rate}`
}

function many(count: number, name: string, plural = `${name}s`): string {
  return `${count} ${count === 1 ? name : plural}`
}
