import { execute } from '../../bin/program.ts'
import type { Terminal } from '../../bin/terminal.ts'

export interface Ended {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export interface CallOptions {
  readonly bootstrap?: string
  readonly input?: string
  /** What a person types when asked without its being shown, one after the other; then standard input is a terminal. */
  readonly typed?: readonly string[]
  /** Asks the command to stop as soon as its output satisfies. */
  readonly stopWhen?: (stdout: string) => boolean
}

/** Calls `ottla` with arguments as a person would, but in this process. Without an address nobody listens. */
export async function ottla(args: readonly string[], options: CallOptions = {}): Promise<Ended> {
  const { bootstrap = '127.0.0.1:1', input = '', stopWhen = () => false } = options
  const typed = options.typed === undefined ? null : [...options.typed]
  let stdout = ''
  let stderr = ''
  let stop = (): void => undefined
  const terminal: Terminal = {
    input: (async function* () {
      yield Buffer.from(input)
    })(),
    isInputTyped: typed !== null,
    readHidden: (question) => {
      stderr += question
      return Promise.resolve(typed!.shift()!)
    },
    environment: { OTTLA_BOOTSTRAP_SERVER: bootstrap },
    isOutputShown: false,
    isErrorShown: false,
    write: (text) => {
      stdout += Buffer.from(text as Uint8Array).toString()
      if (stopWhen(stdout)) stop()
      return Promise.resolve()
    },
    surviveOutput: () => undefined,
    writeError: (text) => {
      stderr += text
    },
    onStop: (callback) => {
      stop = callback
      return () => undefined
    },
  }
  const code = await execute(args, terminal)
  return { code, stdout, stderr }
}
