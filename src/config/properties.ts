/**
 * Reads a Java properties file: `key=value`, `key:value` or `key value`, comments with # or !, a backslash at the end of a
 * line to go on in the next, escapes (\t \n \r \f \uXXXX). A later key replaces an earlier one.
 * @throws SyntaxError for a malformed \uXXXX, as in Java. It names the line where the entry begins, and says nothing of what stands
 *   there: that may be a password.
 */
export function parseProperties(text: string): Map<string, string> {
  const properties = new Map<string, string>()
  for (const { line, number } of logicalLines(text)) {
    const end = keyEnd(line)
    let start = end
    while (isBlank(line[start])) start++
    if (line[start] === '=' || line[start] === ':') start++
    while (isBlank(line[start])) start++
    properties.set(unescape(line.slice(0, end), number), unescape(line.slice(start), number))
  }
  return properties
}

/**
 * A value as it stands in such a file: backslashes and blanks at its beginning escaped, as is what isn't ASCII, for Java reads
 * files byte by byte.
 */
export function escapedValue(value: string): string {
  return value
    .replace(/\\/g, '\\\\')
    .replace(/^ /, '\\ ')
    .replace(/[^\x20-\x7e]/g, (character) => {
      return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
    })
}

const isBlank = (character: string | undefined) =>
  character === ' ' || character === '\t' || character === '\f'

interface LogicalLine {
  readonly line: string
  /** Of the natural line that it begins with, from 1. */
  readonly number: number
}

/** Lines without their leading blanks, comments and empty lines left out, continued lines joined. */
function* logicalLines(text: string): Generator<LogicalLine> {
  let open: string | null = null
  let number = 1
  for (const [index, natural] of text.split(/\r\n|\r|\n/).entries()) {
    const line: string = natural.replace(/^[ \t\f]+/, '')
    if (open === null && (line === '' || line[0] === '#' || line[0] === '!')) continue
    if (open === null) number = index + 1
    const joined: string = (open ?? '') + line
    const backslashes = /\\*$/.exec(line)![0].length
    open = null
    if (backslashes % 2 === 1) open = joined.slice(0, -1)
    else yield { line: joined, number }
  }
  if (open !== null && open !== '') yield { line: open, number }
}

/** The position of the first separator that is not escaped. */
function keyEnd(line: string): number {
  let position = 0
  while (position < line.length) {
    const character = line[position]!
    if (character === '=' || character === ':' || isBlank(character)) break
    position += character === '\\' ? 2 : 1
  }
  return Math.min(position, line.length)
}

const ESCAPES: Readonly<Record<string, string>> = { t: '\t', n: '\n', r: '\r', f: '\f' }

function unescape(text: string, line: number): string {
  if (!text.includes('\\')) return text
  let result = ''
  for (let position = 0; position < text.length; position++) {
    const character = text[position]!
    if (character !== '\\') {
      result += character
      continue
    }
    const escaped = text[++position]
    if (escaped === undefined) break
    if (escaped === 'u') {
      const code = text.slice(position + 1, position + 5)
      if (!/^[0-9a-fA-F]{4}$/.test(code)) {
        throw new SyntaxError(
          `Malformed \\uxxxx encoding in line ${line}: it takes four hexadecimal digits; a backslash itself is written \\\\.`,
        )
      }
      result += String.fromCharCode(parseInt(code, 16))
      position += 4
    } else {
      result += ESCAPES[escaped] ?? escaped
    }
  }
  return result
}
