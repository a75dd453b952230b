import type { Command } from 'commander'
import { nodeCodecs } from '../../src/host/codecs.ts'
import { systemDisk } from '../../src/host/disk.ts'
import { DECODERS, type Decoder } from '../dump/decoders.ts'
import { dumpFile } from '../dump/file.ts'
import { declareVerify } from './log-verify.ts'
import type { DumpedRecord, DumpItem } from '../dump/log.ts'
import { CommandError } from '../errors.ts'
import { FORMATS, showLine, type Format } from '../formats.ts'
import type { Terminal } from '../terminal.ts'
import { choice, withExamples } from '../options.ts'
import { print, toJson } from '../output.ts'
import { dataJson, headersJson } from '../record-text.ts'

interface DumpOptions {
  readonly batches?: boolean
  readonly decoder?: Decoder
  readonly format: Format
  readonly keyFormat: Format
  readonly json?: boolean
  readonly terminal: Terminal
}

export function declare(log: Command): void {
  const dump = log
    .command('dump')
    .description('Show what is in segments, indexes, snapshots and checkpoints')
  dump
    .argument('<files...>')
    .option('--batches', 'only batches, not their records')
    .option(
      '--decoder <kind>',
      `of records: ${DECODERS.join(', ')}; by the directory unless given`,
      choice('--decoder', DECODERS),
    )
    .option(
      '-f, --format <format>',
      `of values: ${FORMATS.join(', ')}`,
      choice('--format', FORMATS),
      'string',
    )
    .option('--key-format <format>', 'of keys', choice('--key-format', FORMATS), 'string')
    .option('--json', 'print JSON, an object a line')
  withExamples(
    dump,
    'log dump data/orders-0/00000000000000000000.log',
    'log dump data/__cluster_metadata-0/*.log --json',
    'log dump --batches data/orders-0/*',
  ).action(dumpFiles)
  declareVerify(log)
}

async function dumpFiles(paths: readonly string[], options: DumpOptions): Promise<void> {
  const disk = systemDisk()
  const codecs = nodeCodecs()
  let problems = 0
  for (const path of paths) {
    if (!options.json) await print(options, path)
    const items = dumpFile(path, {
      disk,
      codecs,
      withRecords: options.batches !== true,
      ...(options.decoder !== undefined && { decoder: options.decoder }),
    })
    for (const item of items) {
      if (item.kind === 'problem') problems++
      await print(
        options,
        options.json ? toJson(jsonOf(path, item, options)) : textOf(item, options),
      )
    }
  }
  if (problems > 0) {
    throw new CommandError('DAMAGED', `${problems} problem${problems === 1 ? '' : 's'} found`)
  }
}

function jsonOf(path: string, item: DumpItem, options: DumpOptions): object {
  if (item.kind === 'entry') return { file: path, ...item.entry }
  if (item.kind === 'problem') return { file: path, problem: item.problem }
  const records = item.records?.map((record) => recordJson(record, options))
  return { file: path, ...item.batch, ...(records !== undefined && { records }) }
}

function recordJson(record: DumpedRecord, options: DumpOptions): object {
  const { key, value, meaning, headers, ...facts } = record
  if (meaning === null) return { ...facts, ...dataJson({ key, value }, options, headers) }
  return { ...facts, headers: headersJson(headers), ...meaning }
}

function textOf(item: DumpItem, options: DumpOptions): string {
  if (item.kind === 'problem') return `! ${item.problem}`
  if (item.kind === 'entry') return factsText(item.entry)
  const lines = [factsText(item.batch)]
  for (const record of item.records ?? []) lines.push(`| ${recordText(record, options)}`)
  return lines.join('\n')
}

/** `name: value` one after the other, as in Kafka's own tool, so that what was made for its output is of use for ours. */
function factsText(facts: object): string {
  return Object.entries(facts)
    .map(
      ([name, value]) =>
        `${name}: ${typeof value === 'object' && value !== null ? toJson(value) : value}`,
    )
    .join(' ')
}

function recordText(record: DumpedRecord, options: DumpOptions): string {
  const { key, value, meaning, headers, ...facts } = record
  const parts = [factsText(facts)]
  if (headers.length > 0) {
    parts.push(
      `headers: ${headers.map((one) => `${one.key}=${one.value?.toString('utf8') ?? 'null'}`).join(',')}`,
    )
  }
  if (meaning !== null) return [...parts, factsText(meaning)].join(' ')
  const show = (format: Format, bytes: Buffer): string =>
    Buffer.from(showLine(format, bytes)).toString()
  if (key !== null) parts.push(`key: ${show(options.keyFormat, key)}`)
  if (value !== null) parts.push(`value: ${show(options.format, value)}`)
  return parts.join(' ')
}
