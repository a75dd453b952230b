/**
 * Reads a Java properties file: `key=value`, `key:value` or `key value`, comments with # or !, a backslash at the end of a
 * line to go on in the next, escapes (\t \n \r \f \uXXXX). A later key replaces an earlier one.
 * @throws SyntaxError for a malformed \uXXXX, as in Java.
 */
export function parseProperties(text: string): Map<string, string> {
  const properties = new Map<string, string>()
  for (const line of logicalLines(text)) {
    const end = keyEnd(line)
    let start = end
    while (isBlank(line[start])) start++
    if (line[start] === '=' || line[start] === ':') start++
    while (isBlank(line[start])) start++
    properties.set(unescape(line.slice(0, end)), unescape(line.slice(start)))
  }
  return properties
}

const isBlank = (character: string | undefined) =>
  character === ' ' || character === '\t' || character === '\f'

/** Lines without their leading blanks, comments and empty lines left out, continued lines joined. */
function* logicalLines(text: string): Generator<string> {
  let open: string | null = null
  for (const natural of text.split(/\r\n|\r|\n/)) {
    const line: string = natural.replace(/^[ \t\f]+/, '')
    if (open === null && (line === '' || line[0] === '#' || line[0] === '!')) continue
    const joined: string = (open ?? '') + line
    const backslashes = /\\*$/.exec(line)![0].length
    open = null
    if (backslashes % 2 === 1) open = joined.slice(0, -1)
    else yield joined
  }
  if (open !== null && open !== '') yield open
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

function unescape(text: string): string {
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
        throw new SyntaxError(`Malformed \\uxxxx encoding in "${text}".`)
      }
      result += String.fromCharCode(parseInt(code, 16))
      position += 4
    } else {
      result += ESCAPES[escaped] ?? escaped
    }
  }
  return result
}
