import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'

/** Nobody has typed the line to its end. */
class InterruptedError extends Error {
  override readonly name = 'InterruptedError'
  readonly code = 'INTERRUPTED'

  constructor() {
    super('Interrupted: nothing was done')
  }
}

/**
 * A line that a person types without its being shown, as with a password. Rejects with InterruptedError for Ctrl-C, and for the
 * end of what is typed.
 * @param output where the question is asked
 */
export function readHiddenLine(
  input: NodeJS.ReadableStream,
  output: NodeJS.WritableStream,
  question: string,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() })
    // In a terminal's mode nothing that is typed is echoed but by whom it is typed to.
    const reader = createInterface({ input, output: nowhere, terminal: true, historySize: 0 })
    let line: string | null = null
    reader.once('line', (typed) => {
      line = typed
      reader.close()
    })
    reader.once('SIGINT', () => reader.close())
    reader.once('close', () => {
      output.write('\n')
      if (line === null) reject(new InterruptedError())
      else resolve(line)
    })
    output.write(question)
  })
}
