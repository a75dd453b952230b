import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * Transcripts of state machines: text files with comments (`# ...`), commands (`> ...`) and below each command what
 * follows from it, indented. They are read in review; `UPDATE_GOLDEN=1` writes what the code does now.
 */
export interface Transcripts {
  /** Below test/golden, the folder of the transcripts. */
  readonly folder: string
  /** Starts afresh; returns what answers the commands of one transcript, a line of output each. */
  readonly start: () => (command: string) => string[] | Promise<string[]>
}

const INDENT = '  '

/** Declares one test for every transcript in the folder. */
export function testTranscripts({ folder, start }: Transcripts): void {
  const directory = join(process.cwd(), 'test', 'golden', folder)
  const files = readdirSync(directory).filter((name) => name.endsWith('.txt'))
  assert(files.length > 0, `no transcripts in ${directory}`)
  test.each(files.sort())(`${folder}/%s`, async (name) => {
    const path = join(directory, name)
    const expected = existsSync(path) ? readFileSync(path, 'utf8') : ''
    const actual = await replay(expected, start())
    if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(path, actual)
    else expect(actual).toBe(expected)
  })
}

async function replay(
  transcript: string,
  answer: (command: string) => string[] | Promise<string[]>,
): Promise<string> {
  const lines: string[] = []
  for (const line of transcript.split('\n')) {
    if (line.startsWith(INDENT)) continue
    lines.push(line)
    if (!line.startsWith('> ')) continue
    for (const output of await answer(line.slice(2))) lines.push(INDENT + output)
  }
  return lines.join('\n')
}
