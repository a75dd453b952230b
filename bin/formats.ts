import { decode as decodeMsgpack, encode as encodeMsgpack } from '@msgpack/msgpack'
import { CommandError } from './errors.ts'

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
      return Buffer.from(encodeMsgpack(parseJson(text, format)))
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
    return JSON.parse(text)
  } catch {
    throw badValue(format, text)
  }
}

function badValue(format: Format, text: string): CommandError {
  const shown = text.length > 60 ? `${text.slice(0, 60)}...` : text
  const expected = format === 'msgpack' ? 'JSON, to be sent as msgpack' : format
  return new CommandError('BAD_VALUE', `${JSON.stringify(shown)} is not ${expected}`)
}

/** Bytes as a value for JSON output; null stays null. @throws CommandError `BAD_VALUE` where the bytes aren't of that format */
export function bytesToValue(format: Format, bytes: Buffer | null): unknown {
  if (bytes === null) return null
  switch (format) {
    case 'string':
      return bytes.toString('utf8')
    case 'hex':
      return bytes.toString('hex')
    case 'base64':
      return bytes.toString('base64')
    case 'json':
    case 'msgpack':
      return decodeValue(format, bytes)
  }
}

function decodeValue(format: 'json' | 'msgpack', bytes: Buffer): unknown {
  try {
    if (format === 'json') return JSON.parse(bytes.toString('utf8'))
    return decodeMsgpack(bytes, { useBigInt64: true })
  } catch (error) {
    const start = bytes.subarray(0, 20).toString('hex')
    throw new CommandError(
      'BAD_VALUE',
      `The bytes ${start}${bytes.length > 20 ? '...' : ''} are not ${format}: ${(error as Error).message}`,
      'Read them in another --format, such as hex.',
    )
  }
}
