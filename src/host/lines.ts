import { fstatSync, mkdirSync, openSync, writeSync } from 'node:fs'
import { Socket } from 'node:net'
import { dirname } from 'node:path'

/** So much waits for a reader who is slow; what comes beyond is left out, and counted. */
const BACKLOG_BYTES = 1 << 20
/** How often a reader who was slow is looked at. */
const RETRY_MS = 10
/** At the end of the process a reader who reads on gets what has waited for it, but not for longer than this without a byte. */
const PATIENCE_MS = 200
const LOOK_MS = 10

/**
 * Writes lines to a descriptor and never waits for who reads it: a line is written at once where that is possible, so that
 * the last one before a crash is there, else it waits in bounded memory. Of lines that found no room a line tells how
 * many they were, in the place where they would be.
 *
 * Files and terminals are written as they are: nobody can stop reading a file.
 */
export class LineWriter {
  readonly #descriptor: number
  readonly #aboutLeftOut: (count: number) => string
  /** What could not be written yet; the first may have been in part. */
  #backlog: Buffer[] = []
  #backlogBytes = 0
  /** Lines since the last one that found room. */
  #leftOut = 0
  #timer: NodeJS.Timeout | null = null
  readonly #atExit = (): void => this.#flush()

  /**
   * @param destination a file's path, or a descriptor
   * @param aboutLeftOut the line that tells how many were left out
   */
  constructor(destination: string | number, aboutLeftOut: (count: number) => string) {
    this.#descriptor =
      typeof destination === 'number' ? neverBlocking(destination) : appending(destination)
    this.#aboutLeftOut = aboutLeftOut
  }

  write(line: string): void {
    if (this.#backlog.length > 0) return this.#keep(line)
    const lines = this.#leftOut === 0 ? line : this.#aboutLeftOut(this.#leftOut) + line
    const bytes = Buffer.from(lines)
    const written = this.#tryWrite(bytes)
    if (written === 'failed') return void this.#leftOut++
    this.#leftOut = 0
    if (written === bytes.length) return
    this.#push(bytes.subarray(written))
    this.#timer = setInterval(() => this.#goOn(), RETRY_MS).unref()
    process.on('exit', this.#atExit)
  }

  #keep(line: string): void {
    if (this.#backlogBytes + line.length > BACKLOG_BYTES) return void this.#leftOut++
    if (this.#leftOut > 0) this.#push(Buffer.from(this.#aboutLeftOut(this.#leftOut)))
    this.#leftOut = 0
    this.#push(Buffer.from(line))
  }

  #push(bytes: Buffer): void {
    this.#backlog.push(bytes)
    this.#backlogBytes += bytes.length
  }

  /** @returns how much was taken; 'failed' where the descriptor can't be written to, now or ever */
  #tryWrite(bytes: Buffer): number | 'failed' {
    try {
      return writeSync(this.#descriptor, bytes)
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === 'EAGAIN' ? 0 : 'failed'
    }
  }

  /** Writes what has waited, as far as that is possible; returns whether anything was taken. */
  #goOn(): boolean {
    let isTaken = false
    for (let first = this.#backlog[0]; first !== undefined; first = this.#backlog[0]) {
      const written = this.#tryWrite(first)
      if (written === 'failed') {
        this.#leftOut += this.#backlog.length
        this.#backlog = []
        break
      }
      isTaken ||= written > 0
      this.#backlogBytes -= written
      if (written < first.length) {
        this.#backlog[0] = first.subarray(written)
        return isTaken
      }
      this.#backlog.shift()
    }
    this.#backlogBytes = 0
    clearInterval(this.#timer!)
    process.off('exit', this.#atExit)
    if (this.#leftOut > 0 && isTaken) this.write('')
    return isTaken
  }

  /** The process ends: nothing else has to be done meanwhile. */
  #flush(): void {
    const nobody = new Int32Array(new SharedArrayBuffer(4))
    let lookedMs = 0
    while (this.#backlog.length > 0 && lookedMs < PATIENCE_MS) {
      if (this.#goOn()) lookedMs = 0
      else {
        Atomics.wait(nobody, 0, 0, LOOK_MS)
        lookedMs += LOOK_MS
      }
    }
  }
}

function appending(path: string): number {
  mkdirSync(dirname(path), { recursive: true })
  return openSync(path, 'a')
}

/**
 * A write to a pipe or socket that is full must fail, not wait. Node can only be brought to tell the system so by a stream
 * on the descriptor; the standard ones must not have a second.
 */
function neverBlocking(descriptor: number): number {
  const stat = fstatSync(descriptor)
  if (!stat.isFIFO() && !stat.isSocket()) return descriptor
  if (descriptor === 1) void process.stdout
  else if (descriptor === 2) void process.stderr
  else new Socket({ fd: descriptor, readable: false, writable: true })
  return descriptor
}
