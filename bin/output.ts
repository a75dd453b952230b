import { toJson } from './json.ts'
import { formatTable, type Row } from './table.ts'
import type { Terminal } from './terminal.ts'

export { toJson } from './json.ts'

/** What the options of a command say about its output. */
export interface OutputOptions {
  readonly terminal: Terminal
  readonly json?: boolean
}

/** Prints lines on standard output; resolves when the next may follow. */
export function print({ terminal }: OutputOptions, text: string): Promise<void> {
  return terminal.write(`${text}\n`)
}

const LINE_END = Buffer.from('\n')

/** The same with bytes, which may be of any encoding. */
export function printLines(
  { terminal }: OutputOptions,
  lines: readonly (readonly Uint8Array[])[],
): Promise<void> {
  return terminal.write(Buffer.concat(lines.flatMap((parts) => [...parts, LINE_END])))
}

/** Prints either the value as JSON, or its rows as a table for people. */
export function printTable(
  options: OutputOptions,
  value: unknown,
  headings: readonly string[],
  rows: readonly Row[],
  whenEmpty: string,
): Promise<void> {
  if (options.json) return print(options, toJson(value, 2))
  return print(options, rows.length === 0 ? whenEmpty : formatTable(headings, rows))
}

/** Prints either the value as JSON, or a text for people. */
export function printEither(options: OutputOptions, value: unknown, text: string): Promise<void> {
  return print(options, options.json ? toJson(value, 2) : text)
}

const SHOWN_FOR_MS = 200

/** A line on standard error that overwrites itself, for long work; nothing where that is not a terminal. */
export class Progress {
  readonly #terminal: Terminal
  #shownAt = 0

  constructor({ terminal }: OutputOptions) {
    this.#terminal = terminal
  }

  /** Shows the text unless another was shown less than a fifth of a second ago. */
  show(text: () => string): void {
    if (!this.#terminal.isErrorShown) return
    const now = performance.now()
    if (now - this.#shownAt < SHOWN_FOR_MS) return
    this.#shownAt = now
    this.#terminal.writeError(`\r\x1b[K${text()}`)
  }

  clear(): void {
    if (this.#shownAt > 0) this.#terminal.writeError('\r\x1b[K')
  }
}
