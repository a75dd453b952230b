import type { Command } from 'commander'
import { COMPRESSION_TYPES, type CompressionType } from '../../protocol/records/codecs.ts'
import type { RecordToWrite } from '../../protocol/records/record.ts'
import { nodeCodecs } from '../../src/host/codecs.ts'
import { Producer, type Acks, type ProducedBatch } from '../client/producer.ts'
import { CommandError, UsageError } from '../errors.ts'
import { FORMATS, parseBytes, type Format } from '../formats.ts'
import { readLines } from '../lines.ts'
import {
  choice,
  collect,
  integer,
  keyValue,
  parseTime,
  withClientOptions,
  withExamples,
  type ClientCommandOptions,
} from '../options.ts'
import { printEither, Progress } from '../output.ts'
import { withClient } from '../with-client.ts'

interface ProduceOptions extends ClientCommandOptions {
  readonly value?: string[]
  readonly key?: string
  readonly header?: { name: string; value: string }[]
  readonly partition?: number
  readonly keySeparator?: string
  readonly headerSeparator?: string
  readonly nullMarker?: string
  readonly format: Format
  readonly keyFormat: Format
  readonly compression: CompressionType
  readonly acks: 'all' | '1' | '0' | '-1'
  readonly timestamp?: number
  readonly autoCreate: boolean
}

export function declare(produce: Command): void {
  produce
    .argument('<topic>')
    .option(
      '-v, --value <text>',
      'a value, instead of lines of standard input; may be given several times',
      collect(String),
    )
    .option('-k, --key <text>', 'the key of all records')
    .option(
      '-H, --header <name=value>',
      'a header of all records; may be given several times',
      collect(keyValue('--header')),
    )
    .option(
      '-p, --partition <n>',
      'by key, or in turns, unless given',
      integer('--partition', 0, 2 ** 31 - 1),
    )
    .option('-K, --key-separator <text>', 'what stands between key and value in a line')
    .option(
      '--header-separator <text>',
      'what stands after headers (a=1,b=2) at the start of a line',
    )
    .option('--null-marker <text>', 'a key or value of this text is null, a tombstone')
    .option(
      '-f, --format <format>',
      `of values: ${FORMATS.join(', ')}`,
      choice('--format', FORMATS),
      'string',
    )
    .option('--key-format <format>', 'of keys', choice('--key-format', FORMATS), 'string')
    .option(
      '-z, --compression <type>',
      COMPRESSION_TYPES.join(', '),
      choice('--compression', COMPRESSION_TYPES),
      'none',
    )
    .option(
      '-a, --acks <n>',
      'all, 1 (the leader) or 0',
      choice('--acks', ['all', '1', '0', '-1']),
      'all',
    )
    .option('--timestamp <time>', 'of all records; now unless given', parseTime('--timestamp'))
    .option('--no-auto-create', "don't create the topic even if the broker would")
  withClientOptions(produce)
  withExamples(
    produce,
    'produce orders --key 42 --value hello',
    'produce orders --key-separator : --compression zstd < lines.txt',
    `produce events --format msgpack --value '{"kind": "start"}'`,
    'produce state --key 42 --value NULL --null-marker NULL',
  ).action(produceRecords)
}

const ACKS: Readonly<Record<ProduceOptions['acks'], Acks>> = {
  all: 'all',
  '-1': 'all',
  '1': 'leader',
  '0': 'none',
}

async function produceRecords(topic: string, options: ProduceOptions): Promise<void> {
  if (options.key !== undefined && options.keySeparator !== undefined) {
    throw new UsageError('--key and --key-separator exclude each other')
  }
  const counts = new Map<number, { partition: number; records: number; baseOffset: number }>()
  let total = 0
  const progress = new Progress(options)
  const count = (batches: readonly ProducedBatch[]): void => {
    for (const { partition, count: records, baseOffset } of batches) {
      const before = counts.get(partition)
      counts.set(partition, {
        partition,
        records: (before?.records ?? 0) + records,
        baseOffset: before?.baseOffset ?? baseOffset,
      })
      total += records
    }
    progress.show(() => `${total} records written`)
  }
  await withClient(options, async (client) => {
    const producer = new Producer(client, {
      topic,
      codecs: nodeCodecs(),
      acks: ACKS[options.acks],
      compression: options.compression,
      allowAutoTopicCreation: options.autoCreate,
    })
    for await (const lines of options.value === undefined
      ? readLines(options.terminal.input)
      : [options.value.map((value) => Buffer.from(value))]) {
      const records = lines.map((line, index) => recordOf(line, total + index, options))
      count(await producer.send(records, options.partition))
    }
  })
  progress.clear()
  const partitions = [...counts.values()].sort((a, b) => a.partition - b.partition)
  const where = partitions.map(({ partition, records, baseOffset }) => {
    const offset = baseOffset < 0 ? '' : ` from offset ${baseOffset} on`
    return `  partition ${partition}: ${records}${offset}`
  })
  const summary = `Wrote ${total} record${total === 1 ? '' : 's'} to ${topic}.`
  await printEither(
    options,
    {
      topic,
      records: total,
      partitions: partitions.map(({ baseOffset, ...rest }) => ({
        ...rest,
        baseOffset: baseOffset < 0 ? null : baseOffset,
      })),
    },
    [summary, ...where].join('\n'),
  )
}

/**
 * The record that a line stands for: `headers<separator>key<separator>value`, of which only the value must be there.
 * @param index of the line, for the message where it is wrong
 */
export function recordOf(
  line: Buffer,
  index: number,
  options: Pick<
    ProduceOptions,
    | 'key'
    | 'keySeparator'
    | 'headerSeparator'
    | 'header'
    | 'nullMarker'
    | 'format'
    | 'keyFormat'
    | 'timestamp'
  >,
): RecordToWrite {
  const { keySeparator, headerSeparator, nullMarker, header = [] } = options
  const cut = (bytes: Buffer, separator: string, what: string): [Buffer, Buffer] => {
    const at = bytes.indexOf(separator)
    if (at >= 0) return [bytes.subarray(0, at), bytes.subarray(at + Buffer.byteLength(separator))]
    const text = bytes.toString()
    const shown = JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}...` : text)
    throw new CommandError(
      'BAD_LINE',
      `There is no ${what} ${JSON.stringify(separator)} in ${shown} (line ${index + 1})`,
    )
  }
  let rest = line
  let headers = header
  if (headerSeparator !== undefined) {
    const [before, after] = cut(rest, headerSeparator, 'header separator')
    const text = before.toString()
    rest = after
    const own = text === '' ? [] : text.split(',').map(keyValue('A header in a line'))
    headers = [...header, ...own]
  }
  let key: Buffer | null = options.key === undefined ? null : Buffer.from(options.key)
  if (keySeparator !== undefined) [key, rest] = cut(rest, keySeparator, 'key separator')
  const marker = nullMarker === undefined ? null : Buffer.from(nullMarker)
  // A string is sent as it came, whatever its encoding is.
  const parsed = (format: Format, given: Buffer): Buffer | null => {
    if (marker?.equals(given)) return null
    return format === 'string' ? given : parseBytes(format, given.toString())
  }
  return {
    timestamp: options.timestamp ?? Date.now(),
    key: key === null ? null : parsed(options.keyFormat, key),
    value: parsed(options.format, rest),
    headers: headers.map(({ name, value }) => ({ key: name, value: Buffer.from(value) })),
  }
}
