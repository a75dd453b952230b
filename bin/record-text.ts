import type { LogRecord } from '../protocol/records/record.ts'
import { bytesToValue, type Format } from './formats.ts'
import { toJson } from './output.ts'

export interface PlacedRecord extends LogRecord {
  readonly topic: string
  readonly partition: number
}

export interface RecordTextOptions {
  readonly json?: boolean
  readonly format: Format
  readonly keyFormat: Format
  readonly keys?: boolean
  readonly headers?: boolean
  readonly timestamps?: boolean
  readonly offsets?: boolean
}

/**
 * A record as one line: with `json` as an object with all that it has; else what was asked for, with tabs between, the
 * value last. Null is written `null`, headers as `name=value` with commas.
 */
export function formatRecord(record: PlacedRecord, options: RecordTextOptions): string {
  const { topic, partition, offset, timestamp, headers } = record
  if (options.json) {
    return toJson({
      topic,
      partition,
      offset,
      timestamp,
      key: bytesToValue(options.keyFormat, record.key),
      value: bytesToValue(options.format, record.value),
      headers: headers.map(({ key, value }) => ({ key, value: value?.toString('utf8') ?? null })),
    })
  }
  const parts: string[] = []
  if (options.offsets) parts.push(`${topic}-${partition}@${offset}`)
  if (options.timestamps) parts.push(formatTimestamp(timestamp))
  if (options.headers) {
    parts.push(
      headers.map(({ key, value }) => `${key}=${value?.toString('utf8') ?? 'null'}`).join(','),
    )
  }
  if (options.keys) parts.push(textOf(options.keyFormat, record.key))
  return [...parts, textOf(options.format, record.value)].join('\t')
}

function textOf(format: Format, bytes: Buffer | null): string {
  if (bytes === null) return 'null'
  const value = bytesToValue(format, bytes)
  return typeof value === 'string' && format !== 'json' && format !== 'msgpack'
    ? value
    : toJson(value)
}

/** The greatest time that a JavaScript date can be. */
const GREATEST_DATE_MS = 8_640_000_000_000_000n

/** ISO 8601 in UTC; the bare number where it is no time that has a date; a dash where there is none. */
export function formatTimestamp(timestamp: bigint | number): string {
  const time = BigInt(timestamp)
  if (time === -1n) return '-'
  if (time < 0n || time > GREATEST_DATE_MS) return time.toString()
  return new Date(Number(time)).toISOString()
}
