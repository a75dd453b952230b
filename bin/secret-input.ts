import { readFileSync } from 'node:fs'
import { UsageError } from './errors.ts'
import { readLines } from './lines.ts'
import type { Terminal } from './terminal.ts'

/** Stands for standard input where a file is named. */
const STANDARD_INPUT = '-'

/** @throws UsageError */
export function contentOf(path: string, option: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new UsageError(`The file of ${option} can't be read: ${(error as Error).message}`)
  }
}

/**
 * The secret that a file has in its first line.
 * @throws UsageError, which has nothing of it
 */
export function secretIn(path: string, option: string): string {
  if (path === STANDARD_INPUT) {
    throw new UsageError(`${option} takes the name of a file, and not standard input`)
  }
  const secret = contentOf(path, option).split(/\r?\n/)[0]
  if (secret) return secret
  throw new UsageError(`The first line of ${path} (${option}) is empty`)
}

/**
 * A secret from outside of the command's arguments, which everybody sees: of a file, of who sits at the terminal, or the first
 * line of what comes from a pipe. Rejects with UsageError, which has nothing of it
 */
export async function askSecret(
  terminal: Terminal,
  options: {
    readonly file: string | undefined
    readonly option: string
    /** What it is, as in "Password of alice". */
    readonly what: string
    /** Whoever makes one up types it twice. */
    readonly isNew: boolean
  },
): Promise<string> {
  const { file, option, what, isNew } = options
  if (file !== undefined && file !== STANDARD_INPUT) return secretIn(file, option)
  if (file === undefined && terminal.isInputTyped) {
    const typed = await terminal.readHidden(`${what}: `)
    if (typed === '') throw new UsageError(`${what}: nothing was typed`)
    if (isNew && (await terminal.readHidden(`${what}, again: `)) !== typed) {
      throw new UsageError(`${what}: twice, and not the same. Nothing was changed`)
    }
    return typed
  }
  for await (const [line] of readLines(terminal.input)) {
    if (line!.length > 0) return line!.toString()
    break
  }
  throw new UsageError(
    `${what}: standard input has none. Name a file whose first line is it with ${option}, or pipe it in`,
  )
}
