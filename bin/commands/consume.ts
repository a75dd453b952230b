import type { Command } from 'commander'
import { nodeCodecs } from '../../src/host/codecs.ts'
import type { Client } from '../client/client.ts'
import { commitOffsets } from '../client/groups.ts'
import type { IsolationLevel } from '../client/offsets.ts'
import { PartitionReader } from '../client/reader.ts'
import { describeTopics, topicsWithLeaders, type Topic } from '../client/topics.ts'
import { assignmentsOf, parseStart, type Start } from '../consume-start.ts'
import { UsageError } from '../errors.ts'
import { FORMATS, type Format } from '../formats.ts'
import {
  choice,
  integer,
  parseTime,
  partitionList,
  withClientOptions,
  withExamples,
  type ClientCommandOptions,
} from '../options.ts'
import { printLines, Progress } from '../output.ts'
import { formatRecord } from '../record-text.ts'
import { withClient } from '../with-client.ts'

export interface ConsumeOptions extends ClientCommandOptions {
  readonly partition?: number[]
  readonly offset?: Start
  readonly fromTime?: number
  readonly group?: string
  readonly commit?: boolean
  readonly maxMessages?: number
  readonly follow?: boolean
  readonly format: Format
  readonly keyFormat: Format
  readonly keys?: boolean
  readonly headers?: boolean
  readonly timestamps?: boolean
  readonly offsets?: boolean
  readonly isolation: IsolationLevel
}

export function declare(consume: Command): void {
  consume
    .argument('<topics...>')
    .option('-p, --partition <n,...>', 'all unless given', partitionList)
    .option(
      '-o, --offset <where>',
      'beginning (unless told otherwise), end, an offset, or -N for the last N of each partition',
      parseStart,
    )
    .option(
      '-t, --from-time <time>',
      'begin with the first record at or after that time',
      parseTime('--from-time'),
    )
    .option(
      '-g, --group <group>',
      'begin where the group has committed; at --offset where it has not',
    )
    .option('--commit', 'commit for the group what was printed')
    .option('-n, --max-messages <n>', 'end after so many', integer('--max-messages', 1))
    .option('-F, --follow', "don't end at the end: wait for more")
    .option(
      '-f, --format <format>',
      `of values: ${FORMATS.join(', ')}`,
      choice('--format', FORMATS),
      'string',
    )
    .option('--key-format <format>', 'of keys', choice('--key-format', FORMATS), 'string')
    .option('-k, --keys', 'print keys before values')
    .option('-H, --headers', 'print headers')
    .option('-T, --timestamps', 'print timestamps')
    .option('-O, --offsets', 'print topic, partition and offset')
    .option(
      '--isolation <level>',
      'read_uncommitted, read_committed',
      choice('--isolation', ['read_uncommitted', 'read_committed']),
      'read_committed',
    )
  withClientOptions(consume)
  withExamples(
    consume,
    'consume orders --keys --offsets',
    'consume orders --partition 0,2 --offset -10',
    'consume orders --from-time -1h --format json --json',
    'consume orders --group billing --commit --follow',
  ).action(consumeRecords)
}

async function consumeRecords(topics: readonly string[], options: ConsumeOptions): Promise<void> {
  if (options.commit && options.group === undefined) {
    throw new UsageError('--commit needs the --group to commit for')
  }
  if (options.fromTime !== undefined && options.offset !== undefined) {
    throw new UsageError('--from-time and --offset exclude each other')
  }
  await withClient(options, async (client) => {
    await describeTopics(client, topics)
    const wanted = ({ partition }: { partition: number }): boolean =>
      options.partition?.includes(partition) ?? true
    const described = await topicsWithLeaders(client, topics, { wanted })
    const reader = new PartitionReader(client, await assignmentsOf(client, described, options), {
      codecs: nodeCodecs(),
      isolationLevel: options.isolation,
    })
    await readAll(client, reader, described, options)
  })
}

async function readAll(
  client: Client,
  reader: PartitionReader,
  topics: readonly Topic[],
  options: ConsumeOptions,
): Promise<void> {
  const { maxMessages = Infinity, follow = false } = options
  const progress = new Progress(options)
  let isStopped = false
  const forget = options.terminal.onStop(() => {
    // The round ends, so that what was printed is committed.
    isStopped = true
  })
  const printed = new Map<string, { topic: string; partition: number; offset: number }>()
  let count = 0
  while (!isStopped && count < maxMessages && (follow || !reader.isDone)) {
    for (const { topic, partition, records } of await reader.poll()) {
      const taken = records.slice(0, maxMessages - count)
      if (taken.length === 0) continue
      // All at once: a line at a time costs more than the reading.
      await printLines(
        options,
        taken.map((record) => formatRecord({ ...record, topic, partition }, options)),
      )
      count += taken.length
      printed.set(`${topic}-${partition}`, { topic, partition, offset: taken.at(-1)!.offset + 1 })
    }
    if (!options.terminal.isOutputShown) progress.show(() => `${count} records read`)
    if (options.commit && follow) {
      await commitOffsets(client, options.group!, topics, printed.values())
      printed.clear()
    }
  }
  progress.clear()
  forget()
  if (options.commit) await commitOffsets(client, options.group!, topics, printed.values())
}
