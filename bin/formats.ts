import { decode as decodeMsgpack, encode as encodeMsgpack } from '@msgpack/msgpack'
import { isUtf8 } from 'node:buffer'
import { CommandError } from './errors.ts'
import { JsonText, parseJsonExactly, toJson } from './json.ts'

/** How the bytes of keys and values are written for people. */
export const FORMATS = ['string', 'json', 'hex', 'base64', 'msgpack'] as const
export type Format = (typeof FORMATS)[number]

/**
 * The bytes that a text stands for. `json` must be JSON and is sent as it is written; `msgpack` is written as JSON, too,
 * and sent in MessagePack.
 * @throws CommandError `BAD_VALUE`
 */
export function parseBytes(format: Format, text: string): Buffer {
  switch (format) {
    case 'string':
      return Buffer.from(text)
    case 'json':
      parseJson(text, format)
      return Buffer.from(text)
    case 'msgpack':
      return toMsgpack(text)
    case 'hex':
      if (/^(?:[0-9a-fA-F]{2})*$/.test(text)) return Buffer.from(text, 'hex')
      break
    case 'base64':
      if (/^[A-Za-z0-9+/_-]*={0,2}$/.test(text)) return Buffer.from(text, 'base64')
  }
  throw badValue(format, text)
}

function parseJson(text: string, format: Format): unknown {
  try {
    return parseJsonExactly(text)
  } catch {
    throw badValue(format, text)
  }
}

const LEAST_INTEGER = -(2n ** 63n)
const GREATEST_INTEGER = 2n ** 64n - 1n

/** Integers have 64 bits in MessagePack; longer ones would be cut. */
function toMsgpack(text: string): Buffer {
  const value = parseJson(text, 'msgpack')
  if (hasLongInteger(value)) throw badValue('msgpack', text)
  return Buffer.from(encodeMsgpack(value, { useBigInt64: true }))
}

function hasLongInteger(value: unknown): boolean {
  if (typeof value === 'bigint') return value < LEAST_INTEGER || value > GREATEST_INTEGER
  if (typeof value !== 'object' || value === null) return false
  return Object.values(value).some(hasLongInteger)
}

function badValue(format: Format, text: string): CommandError {
  const shown = text.length > 60 ? `${text.slice(0, 60)}...` : text
  const expected = format === 'msgpack' ? 'JSON, to be sent as msgpack' : format
  return new CommandError('BAD_VALUE', `${JSON.stringify(shown)} is not ${expected}`)
}

/** Bytes as they are shown in JSON. */
export interface Shown {
  readonly value: unknown
  /** The format that the value is in, where that isn't the one that was asked for. */
  readonly format?: 'string' | 'base64'
}

/**
 * Bytes as a value for JSON output; null stays null. JSON text stands there as it was stored, with its digits and its
 * order. What isn't of the format that was asked for is shown as a string, what is no text either as base64, and both
 * say so: one odd record doesn't end a listing.
 */
export function showBytes(format: Format, bytes: Buffer | null): Shown {
  if (bytes === null) return { value: null }
  switch (format) {
    case 'string':
      return isUtf8(bytes) ? { value: bytes.toString() } : asText(bytes)
    case 'hex':
      return { value: bytes.toString('hex') }
    case 'base64':
      return { value: bytes.toString('base64') }
    case 'json': {
      const text = isUtf8(bytes) ? bytes.toString() : ''
      return isJson(text) ? { value: new JsonText(inOneLine(text)) } : asText(bytes)
    }
    case 'msgpack':
      return fromMsgpack(bytes) ?? asText(bytes)
  }
}

/** Bytes as they are shown in a line: as they are, unless the format has another form for them. */
export function showLine(format: Format, bytes: Buffer): Uint8Array {
  if (format === 'string') return bytes
  if (format === 'json') {
    const text = isUtf8(bytes) ? bytes.toString() : ''
    return isJson(text) && /[\r\n]/.test(text) ? Buffer.from(inOneLine(text)) : bytes
  }
  if (format === 'msgpack') {
    const shown = fromMsgpack(bytes)
    return shown === null ? bytes : Buffer.from(toJson(shown.value))
  }
  return Buffer.from(bytes.toString(format))
}

function asText(bytes: Buffer): Shown {
  if (isUtf8(bytes)) return { value: bytes.toString(), format: 'string' }
  return { value: bytes.toString('base64'), format: 'base64' }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

/** In JSON, line ends stand only where blanks may: in its strings they are escaped. */
function inOneLine(text: string): string {
  return text.replace(/[\r\n]/g, ' ')
}

/** Null where it is no MessagePack. */
function fromMsgpack(bytes: Buffer): Shown | null {
  try {
    return { value: decodeMsgpack(bytes, { useBigInt64: true }) }
  } catch {
    return null
  }
}
