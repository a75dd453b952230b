import type { Client } from './client/client.ts'
import { fetchOffsets } from './client/groups.ts'
import {
  EARLIEST_TIMESTAMP,
  LATEST_TIMESTAMP,
  listOffsets,
  type IsolationLevel,
} from './client/offsets.ts'
import type { Assignment } from './client/reader.ts'
import { partitionOf, type Topic, type TopicPartition } from './client/topics.ts'
import { UsageError } from './errors.ts'

/** `beginning`, `end`, an offset, or, as a negative number, so many before the end. */
export type Start = 'beginning' | 'end' | number

export function parseStart(text: string): Start {
  if (text === 'beginning' || text === 'earliest') return 'beginning'
  if (text === 'end' || text === 'latest') return 'end'
  if (/^-?\d+$/.test(text) && Number.isSafeInteger(Number(text))) return Number(text)
  throw new UsageError(
    `--offset takes beginning, end, an offset, or -N for the last N: not ${JSON.stringify(text)}`,
  )
}

export interface StartOptions {
  readonly partition?: number[]
  readonly offset?: Start
  readonly fromTime?: number
  readonly group?: string
  readonly follow?: boolean
  readonly isolation: IsolationLevel
}

/** Where reading begins in each partition, and, unless it is to follow, where the partition ends now. */
export async function assignmentsOf(
  client: Client,
  topics: readonly Topic[],
  options: StartOptions,
): Promise<Assignment[]> {
  const partitions = topics.flatMap(({ name, partitions: all }) =>
    all
      .filter(({ partitionIndex }) => options.partition?.includes(partitionIndex) ?? true)
      .map(({ partitionIndex }) => ({ topic: name, partition: partitionIndex }))
      .sort((a, b) => a.partition - b.partition),
  )
  for (const topic of topics) options.partition?.forEach((wanted) => partitionOf(topic, wanted))
  const look = (timestamp: bigint) =>
    listOffsets(
      client,
      partitions.map((partition) => ({ ...partition, timestamp })),
      options.isolation,
    )
  const [firsts, ends] = [await look(EARLIEST_TIMESTAMP), await look(LATEST_TIMESTAMP)]
  const times = options.fromTime === undefined ? null : await look(BigInt(options.fromTime))
  const committed = options.group === undefined ? null : await committedOf(client, options.group)
  return partitions.map((partition, index) => {
    const range = { first: firsts[index]!.offset, end: ends[index]!.offset }
    const asked =
      times === null ? startOffset(options.offset, range) : timeOffset(times[index]!, range)
    const own = committed?.get(keyOf(partition))
    const endOffset = options.follow ? Infinity : range.end
    return { ...partition, offset: own ?? asked, endOffset }
  })
}

interface Range {
  readonly first: number
  readonly end: number
}

/** No record is that late: then only those to come are. */
function timeOffset(found: { offset: number }, { end }: Range): number {
  return found.offset < 0 ? end : found.offset
}

export function startOffset(start: Start | undefined, { first, end }: Range): number {
  if (start === undefined || start === 'beginning') return first
  if (start === 'end') return end
  return start < 0 || Object.is(start, -0) ? Math.max(first, end + start) : start
}

async function committedOf(client: Client, group: string): Promise<Map<string, number>> {
  const offsets = await fetchOffsets(client, group)
  return new Map(offsets.map((committed) => [keyOf(committed), committed.offset]))
}

function keyOf({ topic, partition }: TopicPartition): string {
  return `${topic}-${partition}`
}
