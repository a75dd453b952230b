/** A text that is JSON already, and is written as it stands. */
export class JsonText {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

/**
 * JSON as we print it. Integers of 64 bits are numbers with all their digits (JavaScript's own parser rounds those beyond
 * 2^53; others don't), bytes are base64. Fields that are undefined are left out.
 * @param indent blanks a level; without it all stands in one line
 */
export function toJson(value: unknown, indent = 0): string {
  return write(value, indent, '\n') ?? 'null'
}

/** @returns undefined for what JSON has no form for, as JSON.stringify does */
function write(value: unknown, indent: number, newLine: string): string | undefined {
  if (typeof value === 'bigint') return value.toString()
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  if (value instanceof JsonText) return value.text
  if (value instanceof Uint8Array) return `"${Buffer.from(value).toString('base64')}"`
  if (value instanceof Date) return JSON.stringify(value)
  const inner = newLine + ' '.repeat(indent)
  if (Array.isArray(value)) {
    const items = value.map((item: unknown) => write(item, indent, inner) ?? 'null')
    return enclose('[', items, ']', indent, newLine)
  }
  const colon = indent === 0 ? ':' : ': '
  const fields = Object.entries(value).flatMap(([name, field]) => {
    const text = write(field, indent, inner)
    return text === undefined ? [] : [`${JSON.stringify(name)}${colon}${text}`]
  })
  return enclose('{', fields, '}', indent, newLine)
}

function enclose(
  open: string,
  items: readonly string[],
  close: string,
  indent: number,
  newLine: string,
): string {
  if (indent === 0 || items.length === 0) return `${open}${items.join(',')}${close}`
  const inner = newLine + ' '.repeat(indent)
  return `${open}${inner}${items.join(`,${inner}`)}${newLine}${close}`
}

/** A string of JSON, or an integer that a JavaScript number may not hold. */
const STRING_OR_LONG_INTEGER = /"(?:[^"\\]|\\.)*"|-?\d{16,}(?![\d.eE])/g

/**
 * Parses JSON with integers beyond 2^53 as bigint, so that none loses digits.
 * @throws SyntaxError
 */
export function parseJsonExactly(text: string): unknown {
  const plain: unknown = JSON.parse(text)
  const isInexact = (token: string) =>
    !token.startsWith('"') && !Number.isSafeInteger(Number(token))
  if (!text.match(STRING_OR_LONG_INTEGER)?.some(isInexact)) return plain
  const mark = unusedMark(text)
  const marked = text.replace(STRING_OR_LONG_INTEGER, (token) =>
    isInexact(token) ? `"${mark}${token}"` : token,
  )
  return JSON.parse(marked, (_, value: unknown) =>
    typeof value === 'string' && value.startsWith(mark) ? BigInt(value.slice(mark.length)) : value,
  )
}

/** What no string in the text begins with, once its escapes are resolved. */
function unusedMark(text: string): string {
  let mark = '~'
  JSON.parse(text, (_, value: unknown) => {
    if (typeof value === 'string' && value.startsWith(mark)) mark = `${/^~*/.exec(value)![0]}~`
    return value
  })
  return mark
}
