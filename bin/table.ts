/** One line of a table; null is shown as a dash. */
export type Row = readonly (string | number | boolean | null)[]

/**
 * A table for people: columns aligned with two blanks between them, numbers to the right, no blanks at the ends of lines.
 * The last column is never filled up.
 */
export function formatTable(headings: readonly string[], rows: readonly Row[]): string {
  const cells = rows.map((row) => row.map(cellText))
  const widths = headings.map((heading, column) =>
    Math.max(heading.length, ...cells.map((row) => (row[column] ?? '').length)),
  )
  const isRight = headings.map(
    (_, column) =>
      rows.length > 0 &&
      rows.some((row) => typeof row[column] === 'number') &&
      rows.every((row) => typeof row[column] === 'number' || row[column] === null),
  )
  const line = (texts: readonly string[]): string =>
    texts
      .map((text, column) =>
        isRight[column] ? text.padStart(widths[column]!) : text.padEnd(widths[column]!),
      )
      .join('  ')
      .trimEnd()
  return [line(headings), ...cells.map(line)].join('\n')
}

function cellText(value: Row[number] | undefined): string {
  if (value === null || value === undefined) return '-'
  // Line breaks and control characters would break the table.
  return String(value).replace(/[\p{Cc}]/gu, (character) => JSON.stringify(character).slice(1, -1))
}

/** Names and values below each other, values aligned. */
export function formatFacts(
  facts: readonly (readonly [name: string, value: Row[number]])[],
): string {
  const width = Math.max(...facts.map(([name]) => name.length))
  return facts
    .map(([name, value]) => `${`${name}:`.padEnd(width + 2)}${cellText(value)}`)
    .join('\n')
}
