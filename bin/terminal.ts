import { readHiddenLine } from './hidden-line.ts'

/** Where a command is called: what it reads, and where it writes. */
export interface Terminal {
  /** Standard input. */
  readonly input: AsyncIterable<Buffer | string>
  /** Whether a person types standard input. */
  readonly isInputTyped: boolean
  /** A line that a person types without its being shown; rejects with InterruptedError where it isn't typed to its end. */
  readHidden(question: string): Promise<string>
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Whether a person sees standard output as it comes. */
  readonly isOutputShown: boolean
  /** Whether a person sees standard error, so that a line of progress makes sense. */
  readonly isErrorShown: boolean
  /** Writes a text or bytes as they are on standard output; resolves when the next may follow. */
  write(text: string | Uint8Array): Promise<void>
  /**
   * Has the command go on when nobody takes what it writes on standard output (else it ends: its reader has seen enough).
   * @param told called once, with the reason
   */
  surviveOutput(told: (reason: Error) => void): void
  /** Writes a text as it is on standard error. */
  writeError(text: string): void
  /**
   * Calls back, once, when somebody asks the command to stop (SIGINT, SIGTERM); asked again, the process ends at once.
   * @returns what takes the callback back
   */
  onStop(stop: () => void): () => void
}

/** This process's own. */
export function processTerminal(): Terminal {
  const { stdin, stdout, stderr, env } = process
  let onOutputLost = (error: NodeJS.ErrnoException): void => {
    // The reader of our pipe has seen enough.
    if (error.code === 'EPIPE') process.exit(0)
    throw error
  }
  stdout.on('error', (error) => onOutputLost(error))
  return {
    input: stdin,
    isInputTyped: stdin.isTTY === true,
    readHidden: (question) => readHiddenLine(stdin, stderr, question),
    environment: env,
    isOutputShown: stdout.isTTY === true,
    isErrorShown: stderr.isTTY === true,
    write: (text) =>
      new Promise((resolve) => {
        if (stdout.write(text)) resolve()
        else stdout.once('drain', resolve)
      }),
    surviveOutput: (told) => {
      let isTold = false
      onOutputLost = (reason) => {
        if (!isTold) told(reason)
        isTold = true
      }
    },
    writeError: (text) => void stderr.write(text),
    onStop: (stop) => {
      const forget = (): void => {
        process.off('SIGINT', stopOnce)
        process.off('SIGTERM', stopOnce)
      }
      const stopOnce = (): void => {
        forget()
        stop()
      }
      process.on('SIGINT', stopOnce)
      process.on('SIGTERM', stopOnce)
      return forget
    },
  }
}
