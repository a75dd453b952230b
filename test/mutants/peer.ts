import type { Mutant } from './mutant.ts'

export const mutants: readonly Mutant[] = [
  {
    file: 'src/peer/frames.ts',
    text: '        this.#lengthBytes = 0\n',
    replacement: '',
    about: 'The second answer on a connection is not read.',
    killedBy: ['peer/frames'],
  },
  {
    file: 'src/peer/frames.ts',
    text: 'size < 0 || size > MAX_FRAME_BYTES',
    replacement: 'size < 0',
    about: "A web server's answer is taken for one of 1.2 GB.",
    killedBy: ['peer/frames'],
  },
  {
    file: 'src/peer/connection.ts',
    text: 'for (const pending of this.#pending.splice(0)) pending.fail(error)',
    replacement: '',
    about: 'A command waits for ever when its broker goes away.',
    killedBy: ['peer/connection'],
  },
  {
    file: 'src/peer/connection.ts',
    text: "if (code === 'ECONNREFUSED') {",
    replacement: "if (code === 'ECONNRESET') {",
    about: 'Nobody learns that a port refuses, so that a dead process is taken for a slow one.',
    killedBy: ['peer/connection'],
  },
  {
    file: 'src/peer/connection.ts',
    text: "if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {",
    replacement: "if (code === 'EAI_AGAIN') {",
    about: 'A name that is spelt wrong is told as a host that is down.',
    killedBy: ['peer/connection'],
  },
  {
    file: 'src/peer/connection.ts',
    text: 'const timer = host.clock.after(timeoutMs, () => {\n      isLate = true',
    replacement: 'const timer = host.clock.after(timeoutMs, () => {\n      isLate = false',
    about: 'A connection that came too late stays open for ever.',
    killedBy: ['peer/connection'],
  },
  {
    file: 'src/peer/connection.ts',
    text: 'if (correlationId === pending.correlationId) return pending.answer(frame)',
    replacement: 'return pending.answer(frame)',
    about: 'The answer to another request is taken for this one.',
    killedBy: ['peer/connection'],
  },
  {
    file: 'src/peer/connection.ts',
    text: '{ cause: error, wasSilent: this.#apiVersions === null }',
    replacement: '{ cause: error, wasSilent: false }',
    about: 'Who speaks PLAINTEXT to a TLS port is sent to a log that says nothing of it.',
    killedBy: ['peer/connection'],
  },
  {
    file: 'src/peer/connection.ts',
    text: 'if (reader.remaining > 0) reader.fail(`${reader.remaining} bytes too many`)',
    replacement: '',
    about: 'An answer that is longer than it should be is taken for what it begins with.',
    killedBy: ['peer/connection'],
  },
]
