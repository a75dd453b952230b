import type { LogRecord } from '../protocol/records/record.ts'
import { showBytes, showLine, type Format } from './formats.ts'
import { toJson } from './json.ts'

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

const TAB = Buffer.from('\t')
const NULL = Buffer.from('null')

/**
 * A record as one line: with `json` as an object with all that it has; else what was asked for, with tabs between, the
 * value last, in the bytes that are stored. Null is written `null`, headers as `name=value` with commas.
 * @returns what to write one after the other
 */
export function formatRecord(record: PlacedRecord, options: RecordTextOptions): Uint8Array[] {
  if (options.json) return [Buffer.from(toJson(recordJson(record, options)))]
  const { topic, partition, offset, timestamp, headers } = record
  const parts: Uint8Array[] = []
  const add = (part: Uint8Array): void => void parts.push(part, TAB)
  if (options.offsets) add(Buffer.from(`${topic}-${partition}@${offset}`))
  if (options.timestamps) add(Buffer.from(formatTimestamp(timestamp)))
  if (options.headers) {
    const shown = headers.map(({ key, value }) => `${key}=${value?.toString('utf8') ?? 'null'}`)
    add(Buffer.from(shown.join(',')))
  }
  const shownLine = (format: Format, bytes: Buffer | null): Uint8Array =>
    bytes === null ? NULL : showLine(format, bytes)
  if (options.keys) add(shownLine(options.keyFormat, record.key))
  parts.push(shownLine(options.format, record.value))
  return parts
}

function recordJson(record: PlacedRecord, options: RecordTextOptions): object {
  const { topic, partition, offset, timestamp, headers } = record
  return { topic, partition, offset, timestamp, ...dataJson(record, options, headers) }
}

/**
 * Key, value and headers of a record for JSON. Where one of them isn't in the format that was asked for, `keyFormat` or
 * `valueFormat` beside it says in which it is.
 */
export function dataJson(
  { key, value }: Pick<LogRecord, 'key' | 'value'>,
  formats: Pick<RecordTextOptions, 'format' | 'keyFormat'>,
  headers: LogRecord['headers'],
): object {
  const shownKey = showBytes(formats.keyFormat, key)
  const shownValue = showBytes(formats.format, value)
  return {
    key: shownKey.value,
    keyFormat: shownKey.format,
    value: shownValue.value,
    valueFormat: shownValue.format,
    headers: headersJson(headers),
  }
}

export function headersJson(headers: LogRecord['headers']): object[] {
  return headers.map(({ key, value }) => {
    const shown = showBytes('string', value)
    return { key, value: shown.value, valueFormat: shown.format }
  })
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
