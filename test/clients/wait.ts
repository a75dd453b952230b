import { type ChildProcess } from 'node:child_process'
import { setTimeout as delay } from 'node:timers/promises'
import { MUTANT_VARIABLE } from '../mutants/hooks.ts'

const nameOf = (what: string | (() => string)): string => (typeof what === 'string' ? what : what())

/**
 * Limits say what an idle machine is given, which is several times what it takes. A machine with other work takes several
 * times as long again, and whoever waits for what will come loses nothing by waiting. With a deliberate bug in place what a
 * test waits for often never comes.
 */
const PATIENCE = process.env[MUTANT_VARIABLE] === undefined ? 5 : 1
const MOST_PATIENCE_MS = 900_000

/** The limit that counts: longer than the one that is said, up to a quarter of an hour. */
export const patienceFor = (limitMs: number): number =>
  Math.max(limitMs, Math.min(PATIENCE * limitMs, MOST_PATIENCE_MS))

/** Resolves when the condition holds; fails with what it waited for when the limit is over. */
export const until = async (
  condition: () => boolean,
  what: string | (() => string),
  limitMs = 60_000,
): Promise<void> => {
  const patienceMs = patienceFor(limitMs)
  const deadline = performance.now() + patienceMs
  while (!condition()) {
    if (performance.now() > deadline) {
      throw new Error(`waited ${patienceMs / 1000} s in vain for ${nameOf(what)}`)
    }
    await delay(20)
  }
}

/** Resolves when what is asked for holds; a question that fails is asked again. Fails when the limit is over. */
export const eventually = async (
  ask: () => Promise<boolean>,
  what: string | (() => string),
  limitMs = 150_000,
): Promise<void> => {
  const patienceMs = patienceFor(limitMs)
  const deadline = performance.now() + patienceMs
  for (let fault = ''; ; await delay(200)) {
    try {
      if (await ask()) return
      fault = ''
    } catch (error) {
      // A connection that ended with the broker may be told of at the first request after it.
      fault = `, and at last: ${(error as Error).message}`
    }
    if (performance.now() > deadline)
      throw new Error(`waited ${patienceMs / 1000} s in vain for ${nameOf(what)}${fault}`)
  }
}

/** The promise's result, or a failure that names what took longer than the limit. */
export const within = async <T>(promise: Promise<T>, what: string, limitMs: number): Promise<T> => {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`${what} took longer than ${limitMs / 1000} s`)),
      limitMs,
    )
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

/** Resolves to true when the process has ended, to false when the limit is over first. */
export const exited = (child: ChildProcess, limitMs?: number): Promise<boolean> => {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined)
    return Promise.resolve(true)
  return new Promise((resolve) => {
    const timer = limitMs === undefined ? undefined : setTimeout(() => resolve(false), limitMs)
    child.once('close', () => {
      clearTimeout(timer)
      resolve(true)
    })
  })
}

/** The last lines of what processes print, kept for a failure's report. */
export class OutputTail {
  readonly #lines: string[] = []
  readonly #watchers = new Set<(text: string) => void>()

  note(line: string): void {
    this.#lines.push(line)
    if (this.#lines.length > 400) this.#lines.splice(0, 200)
  }

  /** Takes the text of both outputs of a process. */
  follow(child: ChildProcess): void {
    for (const stream of [child.stdout, child.stderr])
      if (stream !== null) this.followStream(stream)
    child.once('error', (error) => this.note(String(error)))
    child.once('close', (code, signal) => this.note(`--- ended with ${signal ?? code}`))
  }

  followStream(stream: NodeJS.ReadableStream): void {
    eachLine(stream, (line) => {
      this.note(line)
      for (const watcher of this.#watchers) watcher(line)
    })
  }

  /** A function that tells whether a line that matches has been printed since this call. */
  watch(pattern: RegExp): () => boolean {
    let seen = false
    const watcher = (line: string): void => {
      if (!pattern.test(line)) return
      seen = true
      this.#watchers.delete(watcher)
    }
    this.#watchers.add(watcher)
    return () => seen
  }

  tail(count: number): string {
    return this.#lines.slice(-count).join('\n')
  }
}

/** Calls back for every line of a text stream, the last one too if it has no end. */
export const eachLine = (stream: NodeJS.ReadableStream, handle: (line: string) => void): void => {
  let parts: string[] = []
  stream.setEncoding('utf8')
  stream.on('data', (chunk: string) => {
    const pieces = chunk.split('\n')
    for (const [index, piece] of pieces.entries()) {
      parts.push(piece)
      if (index === pieces.length - 1) break
      handle(parts.join(''))
      parts = []
    }
  })
  stream.on('end', () => {
    if (parts.join('') !== '') handle(parts.join(''))
  })
}
